"""mmhuman3d's SMPL as a body model of ours: the same files give the same body."""

import pytest
import roma
import torch

import glot_plugin.framework  # noqa: F401 - before mmhuman3d
from glot_plugin.adapters import as_body_model
from glot_plugin.errors import InputError
from glot_plugin.evaluation import BodyMetric
from glot_plugin.registry import MODELS
from glot_plugin.structures import SmplParams, rotmat_to_rot6d

SMPL54 = {'keypoint_src': 'smpl_54', 'keypoint_dst': 'smpl_54', 'extra_joints_regressor': 'J_regressor_extra.npy'}
SPIN49 = {**SMPL54, 'keypoint_dst': 'smpl_49', 'keypoint_approximate': True}
H36M = {'keypoint_src': 'h36m', 'keypoint_dst': 'h36m', 'joints_regressor': 'J_regressor_h36m.npy'}
SMPL45 = {'keypoint_src': 'smpl_45', 'keypoint_dst': 'smpl_45'}


def config(folder, keys, **options):
    files = {key: str(folder / value) for key, value in keys.items() if key.endswith('regressor')}
    return dict(type='mmhuman3d.SMPL', model_path=str(folder), **{**keys, **files, **options})


@pytest.fixture
def make(body_dir):
    return lambda keys, **options: as_body_model(MODELS.build(config(body_dir, keys, **options)))


@pytest.fixture
def poses():
    torch.manual_seed(0)
    return roma.random_rotmat(2 * 3 * 24).view(2, 3, 24, 3, 3), torch.randn(2, 3, 10)


@pytest.mark.parametrize(
    ('keys', 'joint_set'),
    [
        *((SMPL54, name) for name in ('spin49', 'mpi17', 'smpl24')),
        *((SPIN49, name) for name in ('spin49', 'mpi17')),
        *((H36M, name) for name in ('h36m17', 'h36m14')),
        (SMPL45, 'smpl24'),
    ],
)
def test_joints_equal_ours(make, body, poses, keys, joint_set):
    joints = make(keys).joints(*poses, joint_set)
    torch.testing.assert_close(joints, body.joints(*poses, joint_set), atol=1e-5, rtol=0)


def test_mesh_and_faces_equal_ours(make, body, poses):
    theirs = make(SMPL54)
    torch.testing.assert_close(theirs.vertices(*poses), body.vertices(*poses), atol=1e-5, rtol=0)
    assert (theirs.faces == body.faces).all()
    torch.testing.assert_close(theirs.v_template, body.v_template)


def test_gender_is_passed_on(make, body_dir, poses):
    from glot_plugin.body_model import SMPLBody

    joints = make(SMPL54, gender='female').joints(*poses)
    torch.testing.assert_close(joints, SMPLBody(body_dir, 'female').joints(*poses), atol=1e-5, rtol=0)
    assert (joints - make(SMPL54).joints(*poses)).abs().max() > 1e-3


def test_gradients_equal_ours(make, body, poses):
    gradients = []
    for model in (body, make(SMPL54)):
        rotmat, betas = (tensor.clone().requires_grad_() for tensor in poses)
        model.joints(rotmat, betas).pow(2).sum().backward()
        gradients.append((rotmat.grad, betas.grad))
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(theirs, ours, atol=1e-3, rtol=1e-3)


def test_chunks_without_gradients_change_nothing(make, poses):
    theirs = make(SMPL54)
    expected = theirs.joints(*poses)
    theirs.chunk = 4
    with torch.no_grad():
        torch.testing.assert_close(theirs.joints(*poses), expected)


def test_nothing_to_train_and_nothing_in_checkpoints(make):
    theirs = make(SMPL54)
    assert list(theirs.parameters()) == []
    assert theirs.state_dict() == {}
    assert theirs.to(torch.double).v_template.dtype == torch.double  # still moved with the module


def test_joints_it_cannot_give_name_the_keys_that_would(make, poses):
    message = (
        r"keypoint_dst='smpl_54' has no joints 'h36m14'; expected keypoint_src='h36m', keypoint_dst='h36m', joints"
    )
    with pytest.raises(InputError, match=message):
        make(SMPL54).joints(*poses, 'h36m14')
    with pytest.raises(InputError, match=r"no joints 'nonsense'; expected one of spin49"):
        make(H36M).joints(*poses, 'nonsense')
    exact_names = {**SPIN49, 'keypoint_approximate': False}
    with pytest.raises(InputError, match=r"leaves 25 of the 49 joints 'spin49' zero in keypoint_dst='smpl_49'"):
        make(exact_names).joints(*poses)


@pytest.mark.parametrize('kind', ['GenderedSMPL', 'HybrIKSMPL'])
def test_other_body_models_are_refused(body_dir, kind):
    from mmhuman3d.models.body_models import smpl

    part = getattr(smpl, kind).__new__(getattr(smpl, kind))  # what it is matters, not its files
    with pytest.raises(InputError, match=f"mmhuman3d's {kind} takes more than pose and shape; expected mmhuman3d.SMPL"):
        as_body_model(part)


def test_the_metric_gives_the_same_numbers(body_dir, poses):
    rotmat, betas = (tensor.flatten(0, 1) for tensor in poses)
    params = SmplParams(rotmat_to_rot6d(rotmat), betas, torch.zeros(6, 3))
    targets = {
        'frame_valid': torch.ones(6, dtype=torch.bool),
        'has_smpl': True,
        'smpl_pose': torch.randn(6, 72) * 0.3,
        'smpl_betas': torch.randn(6, 10),
    }
    ours = BodyMetric({'type': 'SMPLBody', 'model_dir': str(body_dir)}).score_track(params, targets)
    theirs = BodyMetric(config(body_dir, H36M)).score_track(params, targets)
    for name in ('PA-MPJPE', 'MPJPE', 'PVE', 'ACCEL'):
        torch.testing.assert_close(torch.as_tensor(theirs[name]), torch.as_tensor(ours[name]), atol=0.02, rtol=0)
        assert torch.as_tensor(ours[name]).mean() > 10  # mm: there is something to compare
