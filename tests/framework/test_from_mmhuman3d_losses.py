"""mmhuman3d's losses as terms of GLoTLoss."""

import pytest
import roma
import torch

import glot_plugin.framework  # noqa: F401 - before mmhuman3d
from glot_plugin.adapters import as_loss_term
from glot_plugin.errors import InputError
from glot_plugin.losses import GLoTLoss
from glot_plugin.registry import MODELS

B, T = 3, 5
OURS = {
    'keypoints2d': 'KeypointLoss2d',
    'keypoints3d': 'KeypointLoss3d',
    'velocity2d': 'VelocityLoss2d',
    'velocity3d': 'VelocityLoss3d',
    'smpl_pose': 'SmplPoseLoss',
    'smpl_betas': 'SmplBetasLoss',
}
SHAPES = {
    'keypoints2d': (49, 2),
    'velocity2d': (49, 2),
    'keypoints3d': (14, 3),
    'velocity3d': (14, 3),
    'smpl_pose': (24, 3, 3),
    'smpl_betas': (10,),
}


def term(name, kind, **options):
    return as_loss_term(MODELS.build(dict(type=f'mmhuman3d.{kind}', **options)), name)


def inputs(name, clip_weight=(1, 0, 1)):
    torch.manual_seed(1)
    shape = (B, T, *SHAPES[name])
    mask = (torch.rand(B, T) > 0.4).float()
    weights = (torch.rand(B, T, 49), mask) if name.endswith('2d') else (mask, torch.tensor(clip_weight))
    return torch.randn(shape, requires_grad=True), torch.randn(shape), *weights


@pytest.mark.parametrize('name', OURS)
def test_squared_errors_are_our_numbers(name):
    values = inputs(name)
    expected = MODELS.build({'type': OURS[name], 'loss_weight': 7.0})(*values)
    torch.testing.assert_close(term(name, 'MSELoss', loss_weight=7.0)(*values), expected)
    assert expected > 0.1


@pytest.mark.parametrize('sigma', [1.0, 3.0])
def test_keypoint_mse_is_geman_mcclure_of_the_squared_error(sigma):
    pred, target, confidence, mask = inputs('keypoints2d')
    error = (pred - target) ** 2
    expected = (confidence * mask[..., None])[..., None] * sigma**2 * error**2 / (sigma**2 + error**2)
    value = term('keypoints2d', 'KeypointMSELoss', loss_weight=7.0, sigma=sigma)(pred, target, confidence, mask)
    torch.testing.assert_close(value, 7 * expected.mean())
    weighted = term('keypoints2d', 'KeypointMSELoss', sigma=sigma, keypoint_weight=[0.0] * 49)
    assert weighted(pred, target, confidence, mask) == 0


@pytest.mark.parametrize('name', ['keypoints3d', 'smpl_betas'])
def test_no_clip_with_targets_costs_nothing(name):
    assert term(name, 'MSELoss')(*inputs(name, clip_weight=(0, 0, 0))) == 0


def test_absolute_error_by_a_naive_loop():
    pred, target, mask, clip_weight = inputs('smpl_betas')
    total = sum(
        float(mask[b, t]) * float((pred[b, t] - target[b, t]).abs().mean()) / T for b in (0, 2) for t in range(T)
    )
    value = term('smpl_betas', 'L1Loss', loss_weight=2.0)(pred, target, mask, clip_weight)
    assert float(value) == pytest.approx(2 * total / 2, rel=1e-5)
    # Twice the slope beyond beta / 2: smooth L1 with a tiny beta is L1.
    smooth = term('smpl_betas', 'SmoothL1Loss', beta=1e-6, loss_weight=2.0)(pred, target, mask, clip_weight)
    assert float(smooth) == pytest.approx(float(value), rel=1e-4)


def test_rotation_distance_is_the_angle_of_the_rotations_that_count():
    torch.manual_seed(2)
    target = roma.random_rotmat(B * T * 24).view(B, T, 24, 3, 3)
    angle = 0.5
    turn = roma.rotvec_to_rotmat(torch.tensor([0.0, angle, 0.0]))
    pred = target @ turn
    mask = torch.ones(B, T)
    mask[:, 0] = 0
    pred[:, 0] = target[:, 0] @ turn @ turn  # masked
    pred[1] = target[1] @ turn @ turn  # a clip without SMPL
    value = term('smpl_pose', 'RotationDistance')(pred, target, mask, torch.tensor([True, False, True]))
    assert float(value) == pytest.approx(angle, rel=1e-3)


def test_gradients_reach_the_prediction():
    values = inputs('keypoints2d')
    term('keypoints2d', 'KeypointMSELoss')(*values).backward()
    assert values[0].grad.abs().max() > 0
    assert values[0].grad.isfinite().all()


def test_terms_build_inside_our_loss():
    loss = GLoTLoss({'keypoints2d': {'type': 'mmhuman3d.KeypointMSELoss', 'loss_weight': 300.0}})
    assert type(loss.terms['keypoints2d']).__name__ == 'FrameworkLossTerm'


@pytest.mark.parametrize(
    ('name', 'kind', 'options', 'message'),
    [
        ('smpl_betas', 'KeypointMSELoss', {}, 'KeypointMSELoss does not fit; it can be keypoints2d, keypoints3d'),
        ('keypoints3d', 'RotationDistance', {}, 'RotationDistance does not fit; it can be smpl_pose'),
        ('smpl_pose', 'MSELoss', {'reduction': 'sum'}, "MSELoss has reduction='sum', expected 'mean'"),
        ('smpl_pose', 'GANLoss', {'gan_type': 'lsgan'}, "mmhuman3d's GANLoss does not compare predictions"),
        ('keypoints2d', 'SmoothJointLoss', {}, 'expected one of KeypointMSELoss, MSELoss, L1Loss, SmoothL1Loss'),
    ],
)
def test_losses_that_do_not_fit_are_refused(name, kind, options, message):
    with pytest.raises(InputError, match=rf'terms\.{name}: .*{message}'):
        term(name, kind, **options)
