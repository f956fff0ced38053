"""mmhuman3d's protocol, worked out here from the body model; equality with mmhuman3d itself is in tests/framework."""

import pytest
import roma
import torch

from glot_plugin.body_model import SMPLBody
from glot_plugin.body_model.joint_sets import H36M14, H36M17_NAMES, H36M17_OF_SPIN49, SPIN49_NAMES
from glot_plugin.errors import InputError
from glot_plugin.evaluation import MMHuman3DMetric
from glot_plugin.structures import SmplParams, rotmat_to_rot6d


@pytest.fixture(scope='module')
def bodies(body_dir) -> dict[str, SMPLBody]:
    return {gender: SMPLBody(body_dir, gender) for gender in ('neutral', 'male', 'female')}


@pytest.fixture
def make_metric(body_dir):
    def make(**settings: object) -> MMHuman3DMetric:
        return MMHuman3DMetric({'type': 'SMPLBody', 'model_dir': str(body_dir)}, **{'chunk': 4, **settings})

    return make


def track(gender: str | None, length: int = 6, seed: int = 0) -> tuple[SmplParams, dict]:
    generator = torch.Generator().manual_seed(seed)
    pose = 0.3 * torch.randn(length, 24, 3, generator=generator)
    betas = torch.randn(length, 10, generator=generator)
    off = roma.rotvec_to_rotmat(pose + 0.1 * torch.randn(length, 24, 3, generator=generator))
    targets = {
        'track_name': f'track {seed}',
        'gender': gender,
        'smpl_pose': pose.flatten(1),
        'smpl_betas': betas,
        'has_smpl': True,
        'has_keypoints3d': False,
        'frame_valid': torch.ones(length, dtype=torch.bool),
    }
    return SmplParams(rotmat_to_rot6d(off), betas, torch.ones(length, 3)), targets


def evaluate(metric: MMHuman3DMetric, *tracks: tuple[SmplParams, dict]) -> dict[str, float]:
    for params, targets in tracks:
        metric.process(targets, [{'params': params}])
    return {name.removeprefix('mmhuman3d/'): value for name, value in metric.evaluate(len(tracks)).items()}


@pytest.mark.parametrize(('gender', 'body_name'), [('m', 'male'), ('f', 'female'), ('n', 'female')])
def test_3dpw_by_the_definitions(make_metric, bodies, gender, body_name):
    params, targets = track(gender)
    rotmat = roma.rotvec_to_rotmat(targets['smpl_pose'].view(-1, 24, 3))
    vertices = [bodies[body_name].vertices(r, targets['smpl_betas']) for r in (params.rotmat, rotmat)]
    pred = bodies['neutral'].joints(params.rotmat, params.betas, 'h36m17')
    target = bodies[body_name].joints(rotmat, targets['smpl_betas'], 'h36m17')
    error = ((pred - pred[:, :1]) - (target - target[:, :1]))[:, H36M14].norm(dim=-1)
    result = evaluate(make_metric(), (params, targets))
    assert result.keys() == {'PA-MPJPE', 'MPJPE', 'PVE'}
    assert result['MPJPE'] == pytest.approx(1000 * error.mean().item(), rel=1e-5)
    assert result['PVE'] == pytest.approx(1000 * (vertices[0] - vertices[1]).norm(dim=-1).mean().item(), rel=1e-5)


def test_perfect_neutral_prediction_of_a_man_is_not_perfect_here(make_metric):
    """The target's body differs from the prediction's: why the numbers of the protocols cannot be compared."""
    params, targets = track('m')
    exact = SmplParams(
        rotmat_to_rot6d(roma.rotvec_to_rotmat(targets['smpl_pose'].view(-1, 24, 3))), params.betas, params.camera
    )
    result = evaluate(make_metric(), (exact, targets))
    assert result['MPJPE'] > 3
    assert result['PVE'] < 0.01  # on one body, the same parameters are the same mesh
    assert evaluate(make_metric(gender='neutral'), (exact, targets))['MPJPE'] < 0.01


def test_only_valid_frames_and_every_track_with_its_gender(make_metric):
    men, women = track('m', 6, 0), track('f', 5, 1)
    expected = [evaluate(make_metric(), pair)['PVE'] for pair in (men, women)]
    longer_params, longer = track('m', 6, 0)
    longer['frame_valid'] = torch.ones(6, dtype=torch.bool)
    metric = make_metric()
    assert evaluate(metric, men, women)['PVE'] == pytest.approx((6 * expected[0] + 5 * expected[1]) / 11, rel=1e-5)
    assert [row['PVE'] for row in metric.tracks] == pytest.approx(expected, rel=1e-5)
    longer['frame_valid'][2:] = False
    shorter = {key: value[:2] if torch.is_tensor(value) else value for key, value in men[1].items()}
    assert evaluate(make_metric(), (longer_params, longer)) == pytest.approx(
        evaluate(make_metric(), (men[0][:2], shorter)), rel=1e-5
    )
    longer['frame_valid'][:] = False
    assert evaluate(make_metric(), (longer_params, longer), women)['PVE'] == pytest.approx(expected[1], rel=1e-6)


def test_human36m_takes_the_17_joints_by_name(make_metric, bodies):
    assert [SPIN49_NAMES[index] for index in H36M17_OF_SPIN49] == list(H36M17_NAMES)
    params, targets = track(None)
    joints = torch.zeros(6, 49, 3)
    joints[:, list(H36M17_OF_SPIN49)] = bodies['neutral'].joints(params.rotmat, params.betas, 'h36m17')
    joints[:, SPIN49_NAMES.index('headtop'), 2] += 0.14
    targets.update(keypoints3d=joints + 3.0, keypoints3d_joints='spin49', has_keypoints3d=True, has_smpl=False)
    result = evaluate(make_metric(dataset_name='h36m', metrics=['mpjpe', '3dpck']), (params, targets))
    assert result == pytest.approx({'MPJPE': 10, '3DPCK': 100}, abs=0.01)


def test_mpi_inf_3dhp(make_metric, bodies):
    params, targets = track(None)
    joints = bodies['neutral'].joints(params.rotmat, params.betas, 'spin49') + 1.0
    targets.update(keypoints3d=joints, keypoints3d_joints='spin49', has_keypoints3d=True, has_smpl=False)
    result = evaluate(make_metric(dataset_name='mpi_inf_3dhp'), (params, targets))
    assert result == pytest.approx({'PA-MPJPE': 0, 'MPJPE': 0, '3DPCK': 100, '3DAUC': 100 * 30 / 31}, abs=0.01)


@pytest.mark.parametrize(
    ('settings', 'changes', 'message'),
    [
        ({}, {'gender': None}, r"track 'track 0': its store has no gender .* set gender='neutral' in mmhuman3d_eval"),
        ({}, {'has_smpl': False}, "track 'track 0': it has no SMPL parameters, which mmhuman3d's pw3d evaluation"),
        ({'dataset_name': 'h36m'}, {}, "track 'track 0': it has no 3D keypoints, expected spin49"),
        (
            {'dataset_name': 'mpi_inf_3dhp'},
            {'has_keypoints3d': True, 'keypoints3d': torch.zeros(6, 14, 3), 'keypoints3d_joints': 'h36m14'},
            'it has 3D keypoints of the set h36m14, expected spin49',
        ),
    ],
)
def test_targets_that_the_protocol_needs(make_metric, settings, changes, message):
    params, targets = track('m')
    with pytest.raises(InputError, match=message):
        make_metric(**settings).process({**targets, **changes}, [{'params': params}])


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'dataset_name': '3dpw'}, "dataset_name='3dpw': expected one of pw3d, h36m, mpi_inf_3dhp"),
        ({'gender': 'm'}, "gender='m': expected one of track, neutral"),
        ({'metrics': ['accel']}, 'MMHuman3DMetric metrics: unknown ACCEL'),
        ({'dataset_name': 'mpi_inf_3dhp', 'metrics': ['PVE']}, 'PVE needs SMPL parameters'),
    ],
)
def test_bad_settings(make_metric, settings, message):
    with pytest.raises(InputError, match=message):
        make_metric(**settings)
