"""Packed arrays: what is unpacked is what was packed, to half a step, and what does not fit is refused."""

import base64
import zlib

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from glot_plugin.errors import InputError
from glot_plugin.viewer.packing import pack, pack_quaternions


def unpack(packed: dict) -> np.ndarray:
    """What assets/unpack.js does."""
    rows = np.frombuffer(zlib.decompress(base64.b64decode(packed['data'])), packed['type']).reshape(packed['shape'])
    if packed['differences']:
        rows = np.cumsum(rows, axis=0, dtype=packed['type'])
    return rows * packed['scale']


@pytest.mark.parametrize('differences', [False, True])
@pytest.mark.parametrize('dtype', ['int16', 'int32'])
def test_values_come_back_to_half_a_step(dtype, differences):
    values = np.random.default_rng(0).uniform(-3, 3, (50, 4, 3))  # differences of 6 leave the range of int16
    packed = pack(values, dtype, 1e-4, differences)
    np.testing.assert_allclose(unpack(packed), values, atol=0.5001e-4)


def test_values_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match=r'values from 0 to 40000, expected -32768 to 32767'):
        pack(np.array([0, 40_000]), 'int16')
    with pytest.raises(InputError, match='NaN or infinite'):
        pack(np.array([0, np.nan]), 'int16')


def test_quaternions_keep_their_rotations_and_their_side():
    rotation = Rotation.from_rotvec(np.linspace(0, 3, 40)[:, None] * np.pi * np.array([0.0, 0.6, 0.8]))
    quaternions = rotation.as_quat(canonical=True)[:, None]  # the canonical form changes sides along the way
    assert (np.abs(np.diff(quaternions, axis=0)) > 1).any()
    unpacked = unpack(pack_quaternions(quaternions))
    assert np.abs(np.diff(unpacked, axis=0)).max() < 0.2
    assert (Rotation.from_quat(unpacked[:, 0]) * rotation.inv()).magnitude().max() < 1e-4
