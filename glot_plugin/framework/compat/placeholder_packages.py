"""The packages that mmhuman3d imports and current Python may not have: pytorch3d, vedo, pickle5 and chumpy.

A package that is installed and imports is used.
"""

import pickle
import sys
from importlib import import_module
from types import ModuleType

from glot_plugin.framework.compat.chumpy_arrays import Ch, Select
from glot_plugin.framework.compat.import_hook import patch_when_imported, prepare_before_import
from glot_plugin.framework.compat.placeholders import import_problem, install_placeholder
from glot_plugin.framework.compat.pytorch3d_rotations import ROTATION_FUNCTIONS

# Every pytorch3d module that mmhuman3d imports from. The rotations work; the rest is for rendering.
PYTORCH3D_MODULES = (
    'pytorch3d',
    'pytorch3d.io',
    'pytorch3d.io.obj_io',
    'pytorch3d.ops',
    'pytorch3d.renderer',
    'pytorch3d.renderer.cameras',
    'pytorch3d.renderer.lighting',
    'pytorch3d.renderer.mesh',
    'pytorch3d.renderer.mesh.rasterizer',
    'pytorch3d.renderer.mesh.shader',
    'pytorch3d.renderer.mesh.textures',
    'pytorch3d.renderer.utils',
    'pytorch3d.structures',
    'pytorch3d.structures.utils',
)


def install_placeholders() -> None:
    """Install a placeholder for each package that is missing or does not import; a second call changes nothing."""
    _replace_pytorch3d()
    patch_when_imported('mmhuman3d.utils.transforms', fill_in_rotations)
    _replace_chumpy()
    # pickle5 is the backport of what the standard pickle does since Python 3.8.
    if 'pickle5' not in sys.modules and import_problem('pickle5', 'pickle5'):
        sys.modules['pickle5'] = pickle
    # Tried only when the one module that uses it is imported: it loads all of vtk.
    prepare_before_import('mmhuman3d.core.renderer.vedo_render', replace_vedo)


def _replace_pytorch3d() -> None:
    # pytorch3d.renderer loads the compiled part, without which the package is of no use to mmhuman3d.
    if 'pytorch3d' in sys.modules or (reason := import_problem('pytorch3d', 'pytorch3d.renderer')) is None:
        return
    missing = (
        f'pytorch3d is needed for cameras and to render, and {reason}. It is built from source: '
        "pip install --no-build-isolation 'git+https://github.com/facebookresearch/pytorch3d.git'"
    )
    modules = {name: {} for name in PYTORCH3D_MODULES}
    install_placeholder({**modules, 'pytorch3d.transforms': ROTATION_FUNCTIONS}, missing)


def fill_in_rotations(module: ModuleType) -> None:
    """Give `mmhuman3d.utils.transforms` the rotation functions that it lacks.

    That module catches the ImportError of a missing pytorch3d, so it lacks them if it was imported before this package:
    in a notebook, say, after an `import mmhuman3d.apis` that failed.
    """
    transforms = import_module('pytorch3d.transforms')
    for name in ROTATION_FUNCTIONS:
        if not hasattr(module, name):
            setattr(module, name, getattr(transforms, name))


def _replace_chumpy() -> None:
    if 'chumpy' in sys.modules or (reason := import_problem('chumpy', 'chumpy')) is None:
        return
    missing = f'only the part of chumpy that SMPL files need is available, as {reason}'
    install_placeholder({'chumpy': {}, 'chumpy.ch': {'Ch': Ch}, 'chumpy.reordering': {'Select': Select}}, missing)


def replace_vedo() -> None:
    """A placeholder for vedo (the interactive camera viewer) where it, or a display library it needs, is missing."""
    if 'vedo' in sys.modules or (reason := import_problem('vedo', 'vedo')) is None:
        return
    missing = (
        f'vedo is needed to show cameras, and {reason}. Get it with pip install vedo; on a machine without a display '
        'also apt-get install libgl1 libxrender1'
    )
    install_placeholder({'vedo': {}}, missing)
