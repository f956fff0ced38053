import pytest
import torch

from glot_plugin.body_model import project
from glot_plugin.losses import GLoTLoss, Targets
from glot_plugin.structures import HeadOutput, SmplParams, rotmat_to_rot6d

TERMS = {
    'keypoints2d': {'type': 'KeypointLoss2d'},
    'keypoints3d': {'type': 'KeypointLoss3d'},
    'smpl_pose': {'type': 'SmplPoseLoss'},
    'smpl_betas': {'type': 'SmplBetasLoss'},
    'velocity2d': {'type': 'VelocityLoss2d'},
    'velocity3d': {'type': 'VelocityLoss3d'},
}


def random_params(generator: torch.Generator, *lead: int) -> tuple[SmplParams, torch.Tensor]:
    import roma

    pose = 0.3 * torch.randn(*lead, 24, 3, generator=generator)
    betas = torch.randn(*lead, 10, generator=generator)
    camera = torch.cat([torch.ones(*lead, 1), 0.1 * torch.randn(*lead, 2, generator=generator)], -1)
    return SmplParams(rotmat_to_rot6d(roma.rotvec_to_rotmat(pose)), betas, camera), pose.flatten(-2)


@pytest.fixture
def perfect(body):
    """A prediction of two clips, and targets that it meets exactly."""
    params, pose = random_params(torch.Generator().manual_seed(0), 2, 16)
    joints = body.joints(params.rotmat, params.betas)
    keypoints2d = torch.cat([project(joints, params.camera), torch.ones(2, 16, 49, 1)], -1)
    yes = torch.ones(2, dtype=torch.bool)
    targets = Targets(keypoints2d, joints, pose, params.betas, yes, yes, torch.ones(2, 16, dtype=torch.bool))
    mask = (torch.arange(16) % 2 == 0).expand(2, -1)
    return HeadOutput(params, params[:, 7:10], mask, slice(7, 10)), targets


def test_perfect_prediction_costs_nothing(perfect, body):
    losses = GLoTLoss(TERMS)(*perfect, body)
    assert set(losses) == {f'loss/{branch}/{term}' for branch in ('global', 'local') for term in TERMS}
    assert all(value.item() < 1e-9 for value in losses.values())


def test_global_branch_is_supervised_on_masked_frames_only(perfect, body):
    output, targets = perfect
    wrong = targets.keypoints2d.clone()
    wrong[:, 1::2, :, 0] += 1.0  # the visible frames
    targets.keypoints2d = wrong
    losses = GLoTLoss({'keypoints2d': TERMS['keypoints2d']})(output, targets, body)
    assert losses['loss/global/keypoints2d'].item() < 1e-9
    assert losses['loss/local/keypoints2d'].item() == pytest.approx(2 / 3 / 2)  # frames 7 and 9 of three, x only


def test_local_branch_is_supervised_on_its_own_frames(perfect, body):
    """A causal head's local branch predicts the window's last two frames; the velocity is between them."""
    output, targets = perfect
    output.local_params, output.local_frames = output.global_params[:, 14:], slice(14, 16)
    losses = GLoTLoss(TERMS)(output, targets, body)
    assert all(value.item() < 1e-9 for value in losses.values())
    targets.keypoints2d[:, 15, :, 0] += 1.0
    losses = GLoTLoss(TERMS)(output, targets, body)
    assert losses['loss/local/keypoints2d'].item() == pytest.approx(1 / 2 / 2)  # one frame of two, x only
    assert losses['loss/local/velocity2d'].item() == pytest.approx(1 / 2 / 2)


@pytest.mark.parametrize('mask', [None, torch.zeros(2, 16, dtype=torch.bool)])
def test_nothing_masked_supervises_all_frames(perfect, body, mask):
    output, targets = perfect
    targets.keypoints2d[..., 0] += 1.0
    output = HeadOutput(output.global_params, None, mask, None)
    losses = GLoTLoss({'keypoints2d': TERMS['keypoints2d']})(output, targets, body)
    assert set(losses) == {'loss/global/keypoints2d'}
    assert losses['loss/global/keypoints2d'].item() == pytest.approx(0.5)


def test_padded_frames_do_not_count(perfect, body):
    """Whatever stands in frames that are not valid, nothing changes, the velocity into them included."""
    output, targets = perfect
    targets.frame_valid[:, 9:] = False
    before = GLoTLoss(TERMS)(output, targets, body)
    for name in ('keypoints2d', 'keypoints3d', 'smpl_pose', 'smpl_betas'):
        getattr(targets, name)[:, 9:] += 1.0
    after = GLoTLoss(TERMS)(output, targets, body)
    assert {k: v.item() for k, v in after.items()} == pytest.approx({k: v.item() for k, v in before.items()}, abs=1e-9)


def test_a_term_can_be_off(perfect, body):
    losses = GLoTLoss({**TERMS, 'velocity3d': None, 'smpl_betas': None})(*perfect, body)
    assert 'loss/global/velocity3d' not in losses
    assert len(losses) == 8
