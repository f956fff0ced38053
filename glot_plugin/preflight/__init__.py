"""Checks, before anything is built, which files a config needs, which of them exist, and how to make the rest."""

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
    """All files that a config needs for some parts of its work.

    Only our own datasets, metrics and body models are inspected; for mmhuman3d's parts, the files that they name.

    Args:
        cfg: The config.
        parts: Some of `PARTS`.
        thorough: Also read the body-model files and weights and check that they fit, not only that they exist.
    """
    requirements: list[Requirement] = []
    for part in parts:
        requirements += train_requirements(cfg) if part == 'train' else track_requirements(cfg, part)
    return requirements + file_requirements(cfg, parts, thorough)


def require(cfg: Config, parts: Sequence[str]) -> None:
    """Check that all files a config needs for some parts of its work exist and fit.

    Raises:
        InputError: Files are missing or wrong; lists all of them, and the commands that make them.
    """
    requirements = config_requirements(cfg, parts, thorough=False)
    message = problems(requirements)
    if message:
        name = cfg.filename or 'config'
        # A checkpoint from the command line is not in the list.
        if any(requirement.problem and requirement.use != CHECKPOINT for requirement in requirements):
            message += f'\nThe whole list: python tools/check_data.py {name}'
        raise InputError(f'{name}: {message}')
