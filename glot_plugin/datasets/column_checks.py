"""Checks of the arrays that go into a track store: each returns what is stored, or says what is wrong and where."""

import numpy as np
import torch

from glot_plugin.errors import InputError

_KINDS = {'f': 'floating point', 'i': 'integers', 'b': 'bool'}


def checked_column(where: str, values: np.ndarray, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """`values` as a C-contiguous array of `dtype`, of the given shape and finite.

    Any float type goes into a float column and any integer type into an integer column; nothing else is converted.

    Raises:
        InputError: another kind of type, another shape, or NaN or infinite values (also after overflowing `dtype`).
    """
    values = np.asarray(values)
    kind = 'i' if values.dtype.kind == 'u' else values.dtype.kind
    if kind != dtype.kind:
        raise InputError(f'{where}: found type {values.dtype}, expected {_KINDS[dtype.kind]}')
    if values.shape != shape:
        raise InputError(f'{where}: found shape {values.shape}, expected {shape}')
    if (values.dtype, dtype) == (np.float32, np.float16):  # torch does it ten times as fast as numpy
        stored = torch.from_numpy(np.require(values, requirements='CW')).half().numpy()
    else:
        with np.errstate(over='ignore'):  # an overflow becomes infinite, which is reported below
            stored = np.ascontiguousarray(values, dtype)
    row = first_nonfinite_row(stored)
    if row is not None:
        worst = values[row][~np.isfinite(stored[row])].flat[0]
        raise InputError(f'{where}, row {row}: found {worst}, expected values that are finite as {dtype}')
    return stored


def first_nonfinite_row(values: np.ndarray) -> int | None:
    """Index along the first axis of the first row with a NaN or infinite value, None without one."""
    if values.dtype.kind != 'f':
        return None
    # one sum is cheap, and any NaN or infinity survives it; finite values may overflow, hence the second look
    with np.errstate(over='ignore', invalid='ignore'):
        if np.isfinite(values.sum(dtype=np.float32)):
            return None
    finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
    return None if finite.all() else int((~finite).argmax())


def default_column(column: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Default values of a column that a track lacks: consecutive frame numbers, all valid, or zeros."""
    if column == 'frame_id':
        return np.arange(shape[0], dtype=dtype)
    return np.full(shape, column == 'valid', dtype)


def check_boxes(where: str, keypoints2d: np.ndarray, bbox: np.ndarray) -> None:
    """Raise `InputError` where a frame has confident keypoints (n, 49, 3) but a box (n, 4) without size."""
    bad = (keypoints2d[..., 2] > 0).any(axis=1) & (bbox[:, 2:].max(axis=1) <= 0)  # (n,)
    if bad.any():
        row = int(bad.argmax())
        raise InputError(
            f'{where}, column bbox, row {row}: found width and height {bbox[row, 2]:g} x {bbox[row, 3]:g} under '
            'keypoints with confidence, expected a box with a size'
        )
