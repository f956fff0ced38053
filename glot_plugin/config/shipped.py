"""The configs that come with the package, by name: `glot_plugin::glot/glot_3dpw.py`."""

import difflib
from pathlib import Path

from glot_plugin.errors import InputError

PACKAGE = 'glot_plugin'
# Where OpenMMLab's tools look for a package's configs: links in a checkout, copies in an installed wheel.
SHIPPED_CONFIGS = Path(__file__).parents[1] / '.mim' / 'configs'


def find_config(config: str | Path) -> Path:
    """The file of a config.

    Args:
        config: Its path, or the name of one that comes with the package: `glot_plugin::` and its path below `configs`.

    Raises:
        InputError: No such config exists; the message suggests similar names.
    """
    package, separator, name = str(config).partition('::')
    if not separator:
        path = Path(config)
        if path.is_file():
            return path
        if path.is_dir():
            inside = ', '.join(sorted(file.name for file in path.glob('*.py'))) or 'which has no .py file'
            raise InputError(f'{path}: a folder, expected a config file ({inside})')
        raise InputError(f'{path}: no such config{_near(path.as_posix().removeprefix("configs/"))}')
    if package != PACKAGE:
        raise InputError(f'{config}: found the package {package!r}, expected {PACKAGE}::NAME')
    if name not in _names():
        raise InputError(f'{config}: no such config in {PACKAGE}{_near(name) or _some()}')
    return SHIPPED_CONFIGS / name


def _names() -> list[str]:
    return sorted(path.relative_to(SHIPPED_CONFIGS).as_posix() for path in SHIPPED_CONFIGS.glob('glot/**/*.py'))


def _near(name: str) -> str:
    names = _names()
    near = [name] if name in names else difflib.get_close_matches(name, names, n=3, cutoff=0.7)
    return f'; did you mean {" or ".join(f"{PACKAGE}::{other}" for other in near)}?' if near else ''


def _some() -> str:
    return f'; there are {", ".join(name for name in _names() if name.count("/") == 1)} and those of the folders there'
