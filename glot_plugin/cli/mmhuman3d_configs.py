"""Support for mmhuman3d's configs in the tools: its runner, and the options that do not apply to them."""

from pathlib import Path
from types import ModuleType

from glot_plugin.errors import InputError


def mmhuman3d_launch() -> ModuleType:
    """`glot_plugin.framework.launch`, which runs mmhuman3d's configs.

    Raises:
        InputError: mmhuman3d or mmcv is missing or has the wrong version; says what to install.
    """
    try:
        from glot_plugin.framework import launch
    except ImportError as error:
        raise InputError(f'this is a config of mmhuman3d. {error}') from error
    return launch


def refuse_options(path: Path, options: dict[str, tuple[object, str]]) -> None:
    """Refuse command-line options that make no sense for a config of mmhuman3d.

    Args:
        path: The config.
        options: For each option, its value (None or False: not given) and why it does not apply.

    Raises:
        InputError: One was given.
    """
    for option, (value, reason) in options.items():
        if value is not None and value is not False:
            raise InputError(f'{option} is not for mmhuman3d configs, and {path} is one: {reason}')
