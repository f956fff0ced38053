"""What a config needs on disk, what of it is there, and how to make the rest; before anything is built."""

from collections.abc import Sequence

from mmengine import Config

from glot_plugin.errors import InputError
from glot_plugin.preflight.files import CHECKPOINT, file_needs
from glot_plugin.preflight.needs import Need, needs_table, problems
from glot_plugin.preflight.resources import resources
from glot_plugin.preflight.stores import track_needs, train_needs

PARTS = ('train', 'val', 'test')

__all__ = ['PARTS', 'Need', 'config_needs', 'needs_table', 'problems', 'require', 'resources']


def config_needs(cfg: Config, parts: Sequence[str] = PARTS, thorough: bool = True) -> list[Need]:
    """Everything that a config needs for some parts of its work.

    Only our own data sets, metrics and body models are looked into; of mmhuman3d's parts, the files that they name.

    Args:
        cfg: The config.
        parts: Some of `PARTS`.
        thorough: Also read the body-model files and weights, and see that they fit, not only that they are there.
    """
    needs: list[Need] = []
    for part in parts:
        needs += train_needs(cfg) if part == 'train' else track_needs(cfg, part)
    return needs + file_needs(cfg, parts, thorough)


def require(cfg: Config, parts: Sequence[str]) -> None:
    """Check that what a config needs for some parts of its work is there.

    Raises:
        InputError: Lists all that is missing or wrong, and the commands that make it.
    """
    needs = config_needs(cfg, parts, thorough=False)
    message = problems(needs)
    if message:
        name = cfg.filename or 'config'
        if any(need.problem and need.use != CHECKPOINT for need in needs):  # one from the command line is not in it
            message += f'\nThe whole list: python tools/check_data.py {name}'
        raise InputError(f'{name}: {message}')
