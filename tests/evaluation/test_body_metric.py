import numpy as np
import pytest
import roma
import torch

from glot_plugin.body_model.joint_sets import MPI17
from glot_plugin.errors import InputError
from glot_plugin.evaluation import BodyMetric
from glot_plugin.evaluation.pose_errors import joint_error
from glot_plugin.structures import SmplParams, rotmat_to_rot6d


def track(seed: int, length: int, noise: float = 0.0) -> tuple[SmplParams, dict]:
    """Predicted parameters, and the targets they are off from by `noise`."""
    generator = torch.Generator().manual_seed(seed)
    pose = 0.3 * torch.randn(length, 24, 3, generator=generator)
    betas = torch.randn(length, 10, generator=generator)
    targets = {
        'smpl_pose': pose.flatten(1),
        'smpl_betas': betas,
        'has_smpl': True,
        'has_keypoints3d': False,
        'frame_valid': torch.ones(length, dtype=torch.bool),
        'track_name': f'track {seed}',
    }
    off = pose + noise * torch.randn(length, 24, 3, generator=generator)
    return SmplParams(rotmat_to_rot6d(roma.rotvec_to_rotmat(off)), betas, torch.ones(length, 3)), targets


@pytest.fixture
def metric(body_dir):
    return BodyMetric({'type': 'SMPLBody', 'model_dir': str(body_dir)}, chunk=4)


def evaluate(metric: BodyMetric, *tracks: tuple[SmplParams, dict]) -> dict[str, float]:
    for params, targets in tracks:
        metric.process(targets, [{'params': params}])
    return metric.evaluate(len(tracks))


def test_perfect_prediction(metric):
    result = evaluate(metric, track(0, 9), track(1, 3))
    assert set(result) == {'PA-MPJPE', 'MPJPE', 'PVE', 'ACCEL'}
    assert all(value < 0.01 for value in result.values())


def test_mean_over_frames_not_over_tracks(metric, body):
    tracks = [track(0, 12, 0.2), track(1, 3, 0.02)]
    errors = []
    for params, targets in tracks:
        target = roma.rotvec_to_rotmat(targets['smpl_pose'].view(-1, 24, 3))
        pair = (body.joints(rotmat, params.betas, 'h36m14') for rotmat in (params.rotmat, target))
        errors.append(1000 * joint_error(*pair, root=(2, 3)))
    expected = torch.cat(errors).mean().item()
    assert evaluate(metric, *tracks)['MPJPE'] == pytest.approx(expected, rel=1e-5)
    assert expected != pytest.approx(np.mean([e.mean().item() for e in errors]), rel=0.05)


def test_invalid_frames_are_not_scored(metric):
    params, targets = track(0, 12, 0.2)
    expected = evaluate(metric, (params[:6], {k: v[:6] if torch.is_tensor(v) else v for k, v in targets.items()}))
    targets['frame_valid'][6:] = False
    assert evaluate(metric, (params, targets)) == pytest.approx(expected, rel=1e-5)


def test_stored_keypoints_come_before_smpl(metric, body):
    params, targets = track(0, 5)
    joints = body.joints(params.rotmat, params.betas, 'h36m14')
    joints[:, 13] += 0.14 / 3**0.5  # head top, not a hip
    targets.update(keypoints3d=joints, keypoints3d_joints='h36m14', has_keypoints3d=True)
    result = evaluate(metric, (params, targets))
    assert result['MPJPE'] == pytest.approx(10, abs=0.01)
    assert result['PVE'] < 0.01


def test_tracks_without_smpl_have_no_vertex_error(metric, body):
    params, targets = track(0, 5)
    joints = body.joints(params.rotmat, params.betas, 'spin49')
    targets.update(keypoints3d=joints, keypoints3d_joints='spin49', has_keypoints3d=True, has_smpl=False)
    assert set(evaluate(metric, (params, targets))) == {'PA-MPJPE', 'MPJPE', 'ACCEL'}


def test_mpi_inf_3dhp_joints(body_dir, body):
    metric = BodyMetric({'type': 'SMPLBody', 'model_dir': str(body_dir)}, joint_set='mpi17')
    params, targets = track(0, 5)
    joints = body.joints(params.rotmat, params.betas, 'spin49') + 0.5  # the root takes the translation away
    targets.update(keypoints3d=joints, keypoints3d_joints='spin49', has_keypoints3d=True, has_smpl=False)
    assert evaluate(metric, (params, targets))['MPJPE'] < 0.01


def test_summary_of_each_track(metric, body):
    tracks = [track(0, 9, 0.1), track(1, 2, 0.1)]
    result = evaluate(metric, *tracks)
    first, second = metric.tracks
    assert (first['track'], first['frames'], second['track'], second['frames']) == ('track 0', 9, 'track 1', 2)
    assert (9 * first['MPJPE'] + 2 * second['MPJPE']) / 11 == pytest.approx(result['MPJPE'], rel=1e-5)
    assert first['ACCEL'] == pytest.approx(result['ACCEL'], rel=1e-5)
    assert 'ACCEL' not in second  # two frames have no acceleration


def test_mpi_inf_3dhp_correct_keypoints(body_dir, body):
    """Of 17 joints, one is 160 mm off and one 80 mm; the root stays."""
    names = ['MPJPE', '3dpck', '3DAUC', 'PA-3DPCK']
    metric = BodyMetric({'type': 'SMPLBody', 'model_dir': str(body_dir)}, joint_set='mpi17', metrics=names)
    params, targets = track(0, 6)
    joints = body.joints(params.rotmat, params.betas, 'spin49')
    joints[:, MPI17[0], 0] += 0.16
    joints[:, MPI17[4], 1] -= 0.08
    joints[3:] = 100  # not valid, not scored
    targets['frame_valid'][3:] = False
    targets.update(keypoints3d=joints, keypoints3d_joints='spin49', has_keypoints3d=True, has_smpl=False)
    result = evaluate(metric, (params, targets))
    assert metric.tracks[0]['frames'] == 3
    assert result['MPJPE'] == pytest.approx(240 / 17, abs=0.01)
    assert result['3DPCK'] == pytest.approx(100 * 16 / 17)
    # Thresholds 0, 5, …, 150: the other 15 joints are below 30 of the 31, 80 mm below 85 … 150, which are 14.
    assert result['3DAUC'] == pytest.approx(100 * (15 * 30 + 14) / (17 * 31))
    assert result['PA-3DPCK'] == 100  # the alignment takes up a part of the outlier
    assert 'PVE' not in result


def test_track_without_valid_frames(metric):
    (params, targets), scored = track(0, 5, 0.1), track(1, 4, 0.1)
    targets['frame_valid'][:] = False
    assert evaluate(metric, (params, targets), scored) == pytest.approx(evaluate(metric, scored), rel=1e-6)


def test_nothing_to_score_against(metric):
    params, targets = track(0, 5)
    with pytest.raises(InputError, match=r"track 'track 0': nothing to score against"):
        metric.process({**targets, 'has_smpl': False}, [{'params': params}])
    targets['frame_valid'][:] = False
    with pytest.raises(InputError, match='nothing was scored'):
        evaluate(metric, (params, targets))


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        ({'joint_set': 'coco'}, "joint_set='coco'"),
        ({'metrics': ['PCK']}, 'unknown PCK; expected some of PA-MPJPE'),
        ({'metrics': []}, 'none named'),
        ({'chunk': 0}, 'chunk is 0'),
    ],
)
def test_bad_settings(body_dir, kwargs, message):
    with pytest.raises(InputError, match=message):
        BodyMetric({'type': 'SMPLBody', 'model_dir': str(body_dir)}, **kwargs)
