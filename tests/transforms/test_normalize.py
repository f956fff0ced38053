"""2D keypoints in crop coordinates, worked by hand."""

import numpy as np
import pytest

from glot_plugin.errors import InputError
from glot_plugin.registry import TRANSFORMS
from glot_plugin.transforms import NormalizeKeypoints2d, normalize_keypoints2d


def test_by_hand():
    # box 100 x 50 around (200, 300): the crop is 120 pixels wide, so 60 pixels from the centre are 1
    keypoints = np.array([[[200, 300, 0.5], [260, 240, 1], [140, 330, 0]]], np.float32)
    out = normalize_keypoints2d(keypoints, np.array([[200, 300, 100, 50]], np.float32))
    np.testing.assert_allclose(out, [[[0, 0, 0.5], [1, -1, 1], [-1, 0.5, 0]]], atol=1e-6)
    assert out.dtype == np.float32


def test_scale_of_the_box():
    out = normalize_keypoints2d(np.array([[150.0, 100, 1]]), np.array([100.0, 100, 20, 100]), box_scale=1.0)
    np.testing.assert_allclose(out, [[1, 0, 1]])


@pytest.mark.parametrize('shape', [(), (5,), (3, 5), (2, 3, 5)])
def test_any_leading_axes_frame_by_frame(shape):
    rng = np.random.default_rng(0)
    keypoints, bbox = rng.uniform(0, 224, (*shape, 49, 3)), rng.uniform(20, 100, (*shape, 4))
    out = normalize_keypoints2d(keypoints, bbox)
    for place in np.ndindex(shape):
        cx, cy, width, height = bbox[place]
        side = 1.2 * max(width, height)
        expected = [[2 * (x - cx) / side, 2 * (y - cy) / side, c] for x, y, c in keypoints[place]]
        np.testing.assert_allclose(out[place], expected)


def test_moving_and_scaling_image_and_box_together_changes_nothing():
    rng = np.random.default_rng(1)
    keypoints, bbox = rng.uniform(0, 224, (4, 49, 3)), rng.uniform(20, 100, (4, 4))
    moved = np.concatenate([3 * keypoints[..., :2] + [10, -20], keypoints[..., 2:]], axis=-1)
    moved_box = np.concatenate([3 * bbox[:, :2] + [10, -20], 3 * bbox[:, 2:]], axis=-1)
    np.testing.assert_allclose(normalize_keypoints2d(moved, moved_box), normalize_keypoints2d(keypoints, bbox))


def test_frames_without_annotation_stay_zero():
    keypoints, bbox = np.zeros((2, 49, 3), np.float32), np.zeros((2, 4), np.float32)
    keypoints[1, 0], bbox[1] = [10, 10, 1], [10, 10, 5, 5]
    out = normalize_keypoints2d(keypoints, bbox)
    assert not out[0].any()
    assert out[1, 0].tolist() == [0, 0, 1]


def test_keypoints_without_a_box():
    keypoints, bbox = np.zeros((2, 3, 49, 3)), np.zeros((2, 3, 4))
    keypoints[1, 2, 5, 2] = 1
    with pytest.raises(InputError, match=r'bbox at \(1, 2\) has no size'):
        normalize_keypoints2d(keypoints, bbox)


def test_transform_takes_the_box_out_and_leaves_its_input():
    batch = {'keypoints2d': np.full((2, 3, 49, 3), 7.0), 'bbox': np.full((2, 3, 4), 5.0), 'features': np.zeros(1)}
    out = TRANSFORMS.build({'type': 'NormalizeKeypoints2d'})(batch, np.random.default_rng(0))
    assert out.keys() == {'keypoints2d', 'features'}
    np.testing.assert_allclose(out['keypoints2d'][..., 0], 2 * 2 / 6)
    assert (batch['keypoints2d'] == 7).all()
    assert 'bbox' in batch


def test_track_without_2d_annotation_passes():
    assert NormalizeKeypoints2d()({'features': 1}) == {'features': 1}


def test_missing_key_and_bad_scale():
    with pytest.raises(InputError, match='no bbox in the batch, found features, keypoints2d'):
        NormalizeKeypoints2d()({'features': 1, 'keypoints2d': np.zeros((1, 49, 3))})
    with pytest.raises(InputError, match='box_scale is 0, expected a positive number'):
        NormalizeKeypoints2d(box_scale=0)
