"""Registries of scope `glot` inside mmhuman3d's: they resolve `type='glot.HSCRHead'` in an mmhuman3d config.

Our names never hide mmhuman3d's (both have a `HumanVideoDataset`), and the scoped names are the same in mmengine's
configs.
"""

from mmcv.utils import Registry

SCOPE = 'glot'


def child_registry(parent: Registry) -> Registry:
    """The registry of our scope below one of mmhuman3d's."""
    return Registry(parent.name, parent=parent, scope=SCOPE)


def as_dict(config: dict | None) -> dict:
    """A config of mmcv as plain dicts and lists, which mmengine's registries take; {} for None."""
    return {key: _plain(value) for key, value in (config or {}).items()}


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return as_dict(value)
    if isinstance(value, list | tuple):
        return type(value)(_plain(item) for item in value)
    return value
