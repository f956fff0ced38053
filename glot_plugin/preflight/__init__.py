"""What a config needs on disk, what of it is there, and how to make the rest; before anything is built."""

from collections.abc import Sequence

from mmengine import Config

from glot_plugin.errors import InputError
from glot_plugin.preflight.files import CHECKPOINT, file_requirements
from glot_plugin.preflight.requirements import Requirement, problems, requirements_table
from glot_plugin.preflight.resources import resources
from glot_plugin.preflight.stores import track_requirements, train_requirements

PARTS = ('train', 'val', 'test')

__all__ = ['PARTS', 'Requirement', 'config_requirements', 'requirements_table', 'problems', 'require', 'resources']


def config_requirements(cfg: Config, parts: Sequence[str] = PARTS, thorough: bool = True) -> list[Requirement]:
    """Everything that a config needs for some parts of its work.

    Only our own data sets, metrics and body models are looked into; of mmhuman3d's parts, the files that they name.

    Args:
        cfg: The config.
        parts: Some of `PARTS`.
        thorough: Also read the body-model files and weights, and see that they fit, not only that they are there.
    """
    requirements: list[Requirement] = []
    for part in parts:
        requirements += train_requirements(cfg) if part == 'train' else track_requirements(cfg, part)
    return requirements + file_requirements(cfg, parts, thorough)


def require(cfg: Config, parts: Sequence[str]) -> None:
    """Check that what a config needs for some parts of its work is there.

    Raises:
        InputError: Lists all that is missing or wrong, and the commands that make it.
    """
    requirements = config_requirements(cfg, parts, thorough=False)
    message = problems(requirements)
    if message:
        name = cfg.filename or 'config'
        # A checkpoint from the command line is not in the list.
        if any(requirement.problem and requirement.use != CHECKPOINT for requirement in requirements):
            message += f'\nThe whole list: python tools/check_data.py {name}'
        raise InputError(f'{name}: {message}')
