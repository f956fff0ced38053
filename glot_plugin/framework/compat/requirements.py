"""Which mmcv and mmhuman3d are installed, and one clear error if they are unsuitable."""

import importlib
import importlib.util
from types import ModuleType

MMCV_VERSIONS = ('1.6.0', '1.6.1')  # mmhuman3d 0.11 refuses newer ones; older ones do not build on current Python
MMHUMAN3D_VERSION = '0.11.0'

INSTALL = """Install them with
    pip install 'setuptools<81' wheel
    pip install --no-build-isolation mmcv==1.6.0
    pip install --no-deps mmhuman3d==0.11.0"""


def check_requirements() -> None:
    """Check that mmcv 1.6 and mmhuman3d 0.11.0 are installed and import.

    Raises:
        ImportError: One is missing, does not import or is another version; the message says what was found, what is
            needed and the commands that install it.
    """
    problems = [problem for problem in (_mmcv_problem(), _mmhuman3d_version_problem()) if problem]
    if problems:
        raise ImportError(
            f'glot_plugin.framework needs mmcv 1.6 and mmhuman3d {MMHUMAN3D_VERSION}; found: {"; ".join(problems)}. '
            f'{INSTALL}'
        )


def _mmcv_problem() -> str | None:
    mmcv, problem = _imported('mmcv')
    if mmcv is None:
        return problem
    version = getattr(mmcv, '__version__', 'of unknown version')
    # mmcv 2 moved its registry, runner and config to mmengine; mmhuman3d is built on those of mmcv 1.
    if not hasattr(getattr(mmcv, 'utils', None), 'Registry'):
        return f'mmcv {version}, which has no mmcv.utils.Registry (mmcv 2 is another framework)'
    if version not in MMCV_VERSIONS:
        return f'mmcv {version}'
    return None


def _mmhuman3d_version_problem() -> str | None:
    # Load only its version module: the package itself asserts its mmcv version on import.
    spec = importlib.util.find_spec('mmhuman3d')
    if spec is None or not spec.submodule_search_locations:
        return 'no mmhuman3d'
    for folder in spec.submodule_search_locations:
        version_spec = importlib.util.spec_from_file_location('_mmhuman3d_version', f'{folder}/version.py')
        module = importlib.util.module_from_spec(version_spec)
        try:
            version_spec.loader.exec_module(module)
        except FileNotFoundError:
            continue
        return None if module.__version__ == MMHUMAN3D_VERSION else f'mmhuman3d {module.__version__}'
    return 'an mmhuman3d without version.py'


def _imported(name: str) -> tuple[ModuleType | None, str]:
    """The module, or None and what is wrong with it."""
    try:
        return importlib.import_module(name), ''
    except ModuleNotFoundError as error:
        if error.name == name:
            return None, f'no {name}'
        return None, f'{name}, which does not import ({error})'
    except Exception as error:  # a half-installed package can raise anything
        return None, f'{name}, which does not import ({type(error).__name__}: {error})'
