"""The vector of a frame's landmarks: its parts, its way back, and the box."""

import numpy as np
import pytest

from glot_plugin.body_model.joint_sets import SPIN49_NAMES
from glot_plugin.errors import InputError
from glot_plugin.features.landmarks import (
    FEATURE_DIM,
    LANDMARK_HIPS,
    LANDMARK_NAMES,
    SPIN49_OF_BLAZEPOSE21,
    landmark_box,
    landmark_features,
    split_landmark_features,
)


def landmarks(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, 21, 3)), 100 + 40 * rng.normal(size=(count, 21, 2)), rng.random((count, 21))


def test_names_are_those_of_the_joints():
    joints = [SPIN49_NAMES[joint].removesuffix('_openpose') for joint in SPIN49_OF_BLAZEPOSE21]
    assert [name.replace('foot_index', 'bigtoe') for name in LANDMARK_NAMES] == joints


def test_round_trip():
    world, points, visibility = landmarks(5)
    features = landmark_features(world, points, visibility)
    assert features.shape == (5, FEATURE_DIM)
    assert features.dtype == np.float32
    back = split_landmark_features(features)
    hips = world[:, list(LANDMARK_HIPS)].mean(axis=1, keepdims=True)
    np.testing.assert_allclose(back.world, world - hips, atol=1e-6)
    np.testing.assert_allclose(back.visibility, visibility, atol=1e-6)
    box = landmark_box(points)
    half = 1.2 * box[:, 2:].max(axis=1)[:, None, None] / 2
    np.testing.assert_allclose(box[:, None, :2] + half * back.crop, points, atol=1e-3)


def test_the_box_holds_all_landmarks():
    points = landmarks(1)[1][0]
    points[3], points[7] = (0, 50), (200, 150)
    points = np.clip(points, (0, 50), (200, 150))
    np.testing.assert_allclose(landmark_box(points), [100, 100, 220, 110])
    np.testing.assert_allclose(landmark_box(np.full((21, 2), 7.0)), [7, 7, 1, 1])


def test_features_of_another_backbone():
    with pytest.raises(InputError, match='features are 2048 wide, expected the 126 of landmarks'):
        split_landmark_features(np.zeros((2, 2048)))
