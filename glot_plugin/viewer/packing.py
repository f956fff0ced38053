"""Packing arrays into a page: quantised to integers, differenced along time, compressed, and base64-encoded.

`assets/unpack.js` unpacks them.
"""

import base64
import zlib

import numpy as np

from glot_plugin.errors import InputError

QUATERNION_STEPS = 32767  # per 1.0; a step is 0.002 degrees


def pack(array: np.ndarray, dtype: str, scale: float = 1.0, differences: bool = False) -> dict:
    """An array as a JSON object.

    Args:
        array: Any shape.
        dtype: Integer type: `uint8`, `uint16`, `int16` or `int32`.
        scale: The value of one integer step.
        differences: Store the differences between rows (modulo the integer's range), which compress better if rows
            change little.

    Raises:
        InputError: A value is not finite, or out of the integers' range.
    """
    array = np.asarray(array)
    if not np.isfinite(array).all():
        raise InputError('the bodies have NaN or infinite values and cannot be shown')
    steps, limits = np.rint(array / scale), np.iinfo(dtype)
    if steps.size and not limits.min <= steps.min() <= steps.max() <= limits.max:
        raise InputError(
            f'the bodies have values from {array.min():g} to {array.max():g}, expected {limits.min * scale:g} to '
            f'{limits.max * scale:g}'
        )
    rows = steps.astype(dtype)
    if differences:
        rows = np.concatenate([rows[:1], rows[1:] - rows[:-1]])  # integers wrap around
    data = zlib.compress(np.ascontiguousarray(rows).astype(np.dtype(dtype).newbyteorder('<')).tobytes(), 9)
    return {
        'type': dtype,
        'shape': list(array.shape),
        'scale': scale,
        'differences': differences,
        'data': base64.b64encode(data).decode('ascii'),
    }


def pack_quaternions(quaternions: np.ndarray) -> dict:
    """Pack unit quaternions (N, J, 4), with signs that keep differences between consecutive ones small."""
    quaternions = np.array(quaternions, np.float64)
    turned = (quaternions[1:] * quaternions[:-1]).sum(-1, keepdims=True) < 0
    quaternions[1:] *= np.where(np.logical_xor.accumulate(turned, axis=0), -1.0, 1.0)
    return pack(quaternions, 'int16', 1 / QUATERNION_STEPS, differences=True)
