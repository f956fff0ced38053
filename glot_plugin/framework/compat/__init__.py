"""mmhuman3d 0.11 and mmcv 1.6 on current Python, torch and numpy.

`enable()` makes `import mmhuman3d.apis` and everything behind it work where the packages that it was written for are
missing or have changed:

| file | what it does |
|---|---|
| `requirements.py` | one clear ImportError for a missing or incompatible mmcv or mmhuman3d |
| `placeholders.py`, `placeholder_packages.py` | placeholders for packages that are absent or do not import |
| `pytorch3d_rotations.py` | the rotation functions mmhuman3d takes from pytorch3d, on roma |
| `chumpy_arrays.py` | the two chumpy classes that official SMPL pickles hold |
| `import_hook.py` | runs a patch when its module is imported, and never imports it early |
| `numpy_patches.py`, `mmcv_patches.py`, `smplx_patches.py` | the patches, each on the one module that needs it |
| `converter_patches.py` | patches of the data converters, which then read only arrays from pickles |

Every patch stays inside a module of mmcv, mmhuman3d or smplx: numpy and torch are not changed, and patches that the
installed versions do not need are not applied.
"""

from glot_plugin.framework.compat.converter_patches import CONVERTER_PATCHES
from glot_plugin.framework.compat.import_hook import patch_when_imported
from glot_plugin.framework.compat.mmcv_patches import MMCV_PATCHES
from glot_plugin.framework.compat.numpy_patches import NUMPY_PATCHES
from glot_plugin.framework.compat.placeholder_packages import install_placeholders
from glot_plugin.framework.compat.requirements import check_requirements
from glot_plugin.framework.compat.smplx_patches import guard_body_models

__all__ = ['enable']


def enable() -> None:
    """Make mmhuman3d importable and its runner usable; a second call changes nothing.

    Raises:
        ImportError: mmcv or mmhuman3d is missing, or is a version that this package does not work with.
    """
    patches = {**MMCV_PATCHES, **NUMPY_PATCHES, **CONVERTER_PATCHES, 'smplx.body_models': guard_body_models}
    for module, patch in patches.items():
        patch_when_imported(module, patch)
    check_requirements()
    install_placeholders()
