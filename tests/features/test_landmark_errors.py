"""Simulated landmarks: near the truth, wrong in the ways that real ones are, and the same for the same seed."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from glot_plugin.datasets import WindowDataset
from glot_plugin.datasets.samplers import BatchIndices
from glot_plugin.errors import InputError
from glot_plugin.features import landmark_errors
from glot_plugin.features.landmark_errors import LandmarkErrors, SimulateLandmarks, simulate_landmarks, smooth_noise
from glot_plugin.features.landmarks import (
    LANDMARK_HIPS,
    LANDMARK_NAMES,
    SPIN49_OF_BLAZEPOSE21,
    landmark_box,
    split_landmark_features,
)
from glot_plugin.features.synthetic_landmarks import write_landmark_dataset
from glot_plugin.registry import TRANSFORMS
from glot_plugin.transforms import normalize_keypoints2d

NONE = LandmarkErrors(
    offset=0, proportions=0, scale=0, compression=(1, 1), tilt=0, sway=0, drift=0, jitter=0, picture_drift=0,
    picture_jitter=0, hidden_share=0, cut_share=0, missing_share=0, swap_share=0, box=0,
)  # fmt: skip


@pytest.fixture(scope='module')
def store(body_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp('landmarks')
    return write_landmark_dataset(folder, body_dir, 400, 50, 50, progress=False)['train']


@pytest.fixture(scope='module')
def bodies(store) -> tuple[np.ndarray, np.ndarray]:
    """Joints (8, 16, 49, 3) and root orientations (8, 16, 3, 3) of people who move."""
    batch = WindowDataset(store).fetch(range(8))
    rotvec = batch['smpl_pose'][..., :3]
    root = Rotation.from_rotvec(rotvec.reshape(-1, 3)).as_matrix().reshape(8, 16, 3, 3)
    return batch['keypoints3d'].astype(np.float64), root


def simulated(bodies, seed: int = 0, **errors):
    wrong = LandmarkErrors(**{**vars(NONE), **errors})
    return simulate_landmarks(*bodies, np.random.default_rng(seed), wrong)


def about_hips(points: np.ndarray) -> np.ndarray:
    return points - points[..., LANDMARK_HIPS, :].mean(-2, keepdims=True)


def test_without_errors_landmarks_are_the_joints(bodies):
    seen = simulated(bodies)
    truth = bodies[0][:, :, SPIN49_OF_BLAZEPOSE21]
    np.testing.assert_allclose(about_hips(seen.world), about_hips(truth), atol=1e-6)
    np.testing.assert_allclose(seen.points2d, seen.joints2d[:, :, SPIN49_OF_BLAZEPOSE21], atol=1e-6)
    np.testing.assert_allclose(seen.box, landmark_box(seen.points2d), rtol=1e-5)
    assert seen.visibility.min() > 0.3


def test_what_is_near_the_camera_is_larger(bodies):
    far, near = (simulated(bodies, distance=(d, d)).joints2d for d in (1000.0, 3.0))
    joints = bodies[0] - bodies[0][..., 8:9, :]
    np.testing.assert_allclose(far, 500 + 500 * joints[..., :2] * 1000 / (1000 + joints[..., 2:]), atol=0.01)
    grown = np.linalg.norm(near - 500, axis=-1) > np.linalg.norm(far - 500, axis=-1) + 0.01
    towards = joints[..., 2] < -0.01
    assert grown[towards].all()
    assert not grown[joints[..., 2] > 0.01].any()


@pytest.mark.parametrize(
    ('error', 'size', 'millimetres'),
    [('offset', 0.02, (20, 45)), ('drift', 0.02, (20, 80)), ('jitter', 0.02, (20, 80)), ('tilt', 10.0, (60, 180))],
)
def test_errors_have_their_size(bodies, error, size, millimetres):
    seen = simulated(bodies, **{error: size})
    truth = about_hips(bodies[0][:, :, SPIN49_OF_BLAZEPOSE21])
    distance = 1000 * np.linalg.norm(about_hips(seen.world) - truth, axis=-1)
    assert millimetres[0] < distance.mean() < millimetres[1]
    if error != 'offset':  # the picture has errors of its own
        np.testing.assert_allclose(seen.points2d, seen.joints2d[:, :, SPIN49_OF_BLAZEPOSE21], atol=1e-6)


def test_proportions_are_those_of_landmarks(bodies):
    """Feet and face are smaller, hips wider; upper arms and thighs stay."""

    def length(seen, one, other):
        points = [seen.world[:, :, LANDMARK_NAMES.index(name)] for name in (one, other)]
        return np.linalg.norm(points[0] - points[1], axis=-1).mean()

    seen, clean = simulated(bodies, proportions=1.0), simulated(bodies)
    for pair, (low, high) in {
        ('left_heel', 'left_foot_index'): (0.5, 1.0),
        ('left_ear', 'nose'): (0.6, 1.0),
        ('left_hip', 'right_hip'): (1.0, 1.6),
        ('left_shoulder', 'left_elbow'): (0.999, 1.001),
    }.items():
        assert low < length(seen, *pair) / length(clean, *pair) < high


def test_offsets_turn_with_the_body_and_stay(bodies):
    joints, root = bodies
    difference = simulated(bodies, offset=0.02).world - simulated(bodies).world
    local = difference @ root  # in the pelvis's axes
    np.testing.assert_allclose(local, np.repeat(local[:, :1], 16, axis=1), atol=1e-6)
    assert np.abs(local[0, 0] - local[1, 0]).max() > 0.01


def test_depth_is_worse_than_the_rest(bodies):
    error = simulated(bodies, jitter=0.01, depth=3.0).world - simulated(bodies).world
    assert error[..., 2].std() == pytest.approx(3 * error[..., 0].std(), rel=0.1)


def test_hidden_landmarks_say_so(bodies):
    seen, clean = simulated(bodies, hidden_share=0.05), simulated(bodies)
    wrong = np.linalg.norm(seen.points2d - clean.points2d, axis=-1) > 1
    assert 0.02 < wrong.mean() < 0.5
    assert seen.visibility[wrong].mean() < 0.5
    assert seen.visibility[~wrong].mean() > 0.9


def test_left_and_right_are_swapped_in_bursts(bodies):
    seen, clean = simulated(bodies, swap_share=0.03), simulated(bodies)
    changed = (np.abs(seen.world - clean.world) > 1e-6).any((2, 3))
    assert 0.02 < changed.mean() < 0.6
    clip, frame = np.argwhere(changed)[0]
    order = list(range(21))
    for left, right in zip(landmark_errors._LEFT, landmark_errors._RIGHT, strict=True):
        if left in landmark_errors._LEGS:
            order[left], order[right] = right, left
    legs = list(landmark_errors._LEGS)
    np.testing.assert_allclose(seen.world[clip, frame][legs], clean.world[clip, frame][order][legs])


def test_missing_frames_are_filled_in_and_marked(bodies):
    seen, clean = simulated(bodies, missing_share=0.03), simulated(bodies)
    missing = seen.visibility.max(-1) == 0
    assert 0.02 < missing.mean() < 0.5
    np.testing.assert_array_equal(seen.world[~missing], clean.world[~missing])
    assert np.isfinite(seen.features).all()


def test_smooth_noise_has_variance_one_and_changes_slowly():
    noise = smooth_noise((200, 50, 3), 4.0, np.random.default_rng(0))
    assert noise.std() == pytest.approx(1, rel=0.05)
    assert np.diff(noise, axis=1).std() < 0.25
    assert smooth_noise((2, 1, 3), 4.0, np.random.default_rng(0)).shape == (2, 1, 3)


def test_transform_gives_features_and_targets_of_one_picture(store):
    dataset = WindowDataset(store, pipeline=[{'type': 'SimulateLandmarks', **vars(NONE)}])
    batch = dataset.__getitems__(BatchIndices(range(4), seed=1))
    landmarks = split_landmark_features(batch['features'])
    crop = normalize_keypoints2d(batch['keypoints2d'], batch['bbox'])
    np.testing.assert_allclose(landmarks.crop, crop[:, :, SPIN49_OF_BLAZEPOSE21, :2], atol=1e-5)
    assert (crop[..., 2] == 1).all()


def test_transform_draws_anew_for_each_batch(store):
    dataset = WindowDataset(store, pipeline=[TRANSFORMS.build({'type': 'SimulateLandmarks'})])
    one, again, other = (dataset.__getitems__(BatchIndices(range(4), seed=seed))['features'] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).mean() > 0.05
    assert one.shape == (4, 16, 126)


def test_bad_arguments():
    with pytest.raises(InputError, match='SimulateLandmarks: .*offsets.*expected some of offset, proportions'):
        SimulateLandmarks(offsets=0.1)
    batch = {'has_keypoints3d': np.array([True, False]), 'has_smpl': np.array([True, True])}
    with pytest.raises(InputError, match='some clips have no 3D joints'):
        SimulateLandmarks()(batch, np.random.default_rng(0))
