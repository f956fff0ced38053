"""The last step of a pipeline."""

import numpy as np
import pytest

from glot_plugin.errors import InputError
from glot_plugin.registry import TRANSFORMS
from glot_plugin.transforms import Pack, pack
from glot_plugin.transforms.pack import WINDOW_KEYS


def test_floats_become_float32_and_everything_contiguous():
    batch = {
        'features': np.arange(24.0).reshape(2, 3, 4).transpose(1, 0, 2),
        'half': np.ones(3, np.float16),
        'frame_valid': np.ones((2, 4), bool)[:, ::2],
        'frame_id': np.arange(3),
        'track_name': 'a',
        'bbox': np.ones(4),
    }
    out = pack(batch, ('features', 'half', 'frame_valid', 'frame_id', 'track_name'))
    assert list(out) == ['features', 'half', 'frame_valid', 'frame_id', 'track_name']
    assert out['features'].dtype == out['half'].dtype == np.float32
    assert out['frame_valid'].dtype == np.bool_
    assert out['frame_id'].dtype == np.int64
    assert all(value.flags.c_contiguous for value in out.values() if isinstance(value, np.ndarray))
    np.testing.assert_array_equal(out['features'], batch['features'])
    assert out['track_name'] == 'a'


def test_nothing_is_copied_without_need():
    features = np.ones((2, 3), np.float32)
    assert pack({'features': features}, ['features'])['features'] is features


def test_optional_keys_are_kept_where_they_are():
    batch = {key: np.zeros(2, np.float32) for key in WINDOW_KEYS}
    assert set(Pack()({**batch, 'bbox': np.zeros(4)})) == set(WINDOW_KEYS)
    assert set(Pack()({**batch, 'frame_mask': np.zeros(2, bool)})) == {*WINDOW_KEYS, 'frame_mask'}
    transform = TRANSFORMS.build({'type': 'Pack', 'keys': ['features'], 'optional_keys': []})
    assert set(transform({**batch, 'frame_mask': np.zeros(2, bool)}, np.random.default_rng(0))) == {'features'}


def test_missing_keys_are_named():
    with pytest.raises(InputError, match='Pack: no smpl_pose in the batch, found features, keypoints2d'):
        pack({'features': 1, 'keypoints2d': 1}, ['features', 'smpl_pose'])
