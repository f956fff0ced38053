"""Patches of mmhuman3d's data converters: pickles may hold only arrays, and a missing image is reported by its name."""

import pickle
from types import ModuleType

import cv2
import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.framework.compat.import_hook import ModuleView, Patch
from glot_plugin.framework.compat.numpy_patches import restore_numpy_alias
from glot_plugin.io.safe_pickle import load_open_pickle


def guard_converter(module: ModuleType) -> None:
    """Give a converter's module views of `pickle` and `cv2`, where it has them, that admit only what it expects."""
    if hasattr(module, 'pickle'):
        module.pickle = ModuleView(pickle, load=load_open_pickle)
    if hasattr(module, 'cv2'):
        module.cv2 = ModuleView(cv2, imread=_read_picture)


def _read_picture(path: str, *flags: int) -> np.ndarray:
    picture = cv2.imread(path, *flags)
    if picture is None:
        raise InputError(f'{path}: no such image, or not one that OpenCV can read')
    return picture


def _patch_pw3d(module: ModuleType) -> None:
    restore_numpy_alias(module, 'bool', bool)  # validity columns: `.astype(np.bool)`
    guard_converter(module)


_CONVERTERS = 'mmhuman3d.data.data_converters'
# AGORA's converter is left out: its annotations are pickled pandas tables.
CONVERTER_PATCHES: dict[str, Patch] = {
    **{f'{_CONVERTERS}.{name}': guard_converter for name in ('gta_human', 'h36m', 'lsp', 'lsp_extended', 'up3d')},
    f'{_CONVERTERS}.pw3d': _patch_pw3d,
}
