"""An mmengine registry that mirrors registries of mmcv."""

from collections.abc import Sequence
from functools import cached_property
from importlib import import_module

from mmcv.utils import Registry as MmcvRegistry
from mmengine.registry import Registry

from glot_plugin.errors import InputError


class MirrorRegistry(Registry):
    """A child registry of mmengine's, of scope `mmhuman3d`, with the parts of several registries of mmcv.

    It searches them again whenever a part is requested, so parts that are registered there later are found, too.

    Args:
        name: As for mmengine's `Registry`.
        parent: mmengine's root registry.
        sources: The mirrored registries as `package.module:NAME`; imported when the first part is requested.
        locations: Further modules to import then.
    """

    def __init__(self, name: str, parent: Registry, sources: Sequence[str], locations: Sequence[str] = ()) -> None:
        self._source_names = tuple(sources)
        modules = [source.partition(':')[0] for source in sources]
        super().__init__(name, parent=parent, scope='mmhuman3d', locations=[*modules, *locations])

    @cached_property
    def sources(self) -> dict[str, MmcvRegistry]:
        """The mirrored registries by name."""
        pairs = (source.split(':') for source in self._source_names)
        return {name: getattr(import_module(module), name) for module, name in pairs}

    def import_from_location(self) -> None:
        """Import the mirrored registries, and take over what they hold now."""
        super().import_from_location()
        for source in self.sources.values():
            self._module_dict.update(source.module_dict)

    def get(self, key: str) -> type | None:
        """The part of this name; None if there is none.

        Raises:
            InputError: Two of the mirrored registries have different parts of that name.
        """
        name = key.removeprefix('mmhuman3d.')
        found = {source: item.module_dict[name] for source, item in self.sources.items() if name in item.module_dict}
        if len(set(found.values())) > 1:
            raise InputError(
                f'mmhuman3d.{name}: different parts of this name in {" and ".join(found)} of mmhuman3d; register yours '
                'under another name'
            )
        return super().get(key)
