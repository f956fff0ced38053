"""What pages show of results and of tracks, and the errors beside it."""

import numpy as np
import pytest
import torch

from glot_plugin.datasets import TrackDataset
from glot_plugin.errors import InputError
from glot_plugin.evaluation.frame_errors import frame_errors, h36m14_joints
from glot_plugin.viewer import AnimatedBody, TrueJoints, ViewerScene, scene_of_result, scene_of_track


@pytest.fixture
def item(synthetic_data) -> dict:
    return TrackDataset(synthetic_data / 'test')[0]


@pytest.fixture
def predicted(item) -> tuple[np.ndarray, np.ndarray]:
    """Everyone in the rest pose, upright."""
    rotmat = np.tile(np.eye(3, dtype=np.float32), (len(item['features']), 24, 1, 1))
    rotmat[:, 0] = np.diag([1, -1, -1])
    return rotmat, np.zeros((len(rotmat), 10), np.float32)


def test_truth_of_a_result_adds_bodies_and_errors_of_common_frames(make_result):
    result, truth = make_result(), make_result(seed=7)
    alone, both = scene_of_result(result), scene_of_result(result, truth)
    assert [body.name for body in alone.bodies] == ['Person 1', 'Person 2']
    assert alone.errors == ()
    assert [body.name for body in both.bodies] == ['Person 1', 'Person 2', 'Person 1 (true)', 'Person 2 (true)']
    np.testing.assert_array_equal(both.errors[1].frame, result.people[1].frame)
    assert (both.errors[0].values['PA-MPJPE'] < both.errors[0].values['MPJPE']).all()
    same = scene_of_result(result, result)
    assert same.errors[0].values['MPJPE'].max() == 0


def test_track_with_a_prediction(item, predicted, body):
    item['frame_valid'][3] = False
    scene = scene_of_track(item, body, predicted)
    assert [(shown.name, shown.is_true) for shown in scene.bodies] == [('Predicted', False), ('True', True)]
    (curve,) = scene.errors
    expected = frame_errors(h36m14_joints(body, *predicted), item['keypoints3d'])
    for name, values in curve.values.items():
        assert np.isnan(values[3])
        np.testing.assert_allclose(np.delete(values, 3), np.delete(expected[name], 3))
    assert len(scene_of_track(item, body).bodies) == 1


def test_joints_without_smpl_lie_on_the_predicted_hips(item, predicted, body):
    item['has_smpl'] = False
    scene = scene_of_track(item, body, predicted)
    sticks = scene.bodies[1]
    assert isinstance(sticks, TrueJoints)
    root = body.joints(*map(torch.from_numpy, predicted), 'smpl24')[:, 0].numpy()
    hips = h36m14_joints(body, *predicted)[:, [2, 3]].mean(1) - root  # the page puts the root at the origin
    np.testing.assert_allclose(sticks.joints[:, [2, 3]].mean(1), hips, atol=1e-5)
    np.testing.assert_allclose(np.diff(sticks.joints, axis=1), np.diff(item['keypoints3d'], axis=1), atol=1e-5)


def test_times_of_a_video_place_the_frames(item, body):
    item['frame_id'] = np.arange(len(item['frame_id'])) + 5
    times = np.arange(len(item['frame_id']) + 9) / 25
    scene = scene_of_track(item, body, times=times)
    assert scene.bodies[0].frame[0] == 5
    assert len(scene.times) == len(times)
    with pytest.raises(InputError, match=r'has frames 5 to .*, but the video has 0 to 2'):
        scene_of_track(item, body, times=times[:3])


def test_nothing_to_show_is_said(item, body):
    item['has_smpl'] = item['has_keypoints3d'] = False
    with pytest.raises(InputError, match='nothing to show: the track has no ground truth, and there is no prediction'):
        scene_of_track(item, body)


def test_bodies_outside_the_clip_are_refused():
    rotmat = np.tile(np.eye(3, dtype=np.float32), (2, 24, 1, 1))
    late = AnimatedBody(0, 'Late', np.array([3, 4]), rotmat, np.zeros((2, 10)))
    with pytest.raises(InputError, match='clip: Late is in frame 4, but the clip has 4 frames'):
        ViewerScene('clip', '', np.arange(4) / 25, (late,))
    with pytest.raises(InputError, match='clip: 3 frame times, expected at least one, finite and rising'):
        ViewerScene('clip', '', np.array([0.0, 2.0, 1.0]), ())
