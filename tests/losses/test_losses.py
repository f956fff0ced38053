import pytest
import torch

from glot_plugin.errors import InputError
from glot_plugin.losses import GLoTLoss, keypoint_loss_2d, keypoint_loss_3d, velocity_loss_2d, velocity_loss_3d
from glot_plugin.losses.reduction import weighted_mean
from glot_plugin.losses.smpl_params import SmplBetasLoss
from glot_plugin.losses.velocity import velocity


def ones(*shape: int) -> torch.Tensor:
    return torch.ones(*shape)


def test_keypoints_2d_by_hand():
    """Two frames of two joints; errors 1 and 2 in x where confident and unmasked."""
    target = torch.zeros(1, 2, 2, 2)
    pred = target.clone()
    pred[0, 0, 0, 0], pred[0, 0, 1, 0], pred[0, 1, 0, 0] = 1.0, 2.0, 5.0
    confidence = torch.tensor([[[1.0, 0.5], [1.0, 1.0]]])
    mask = torch.tensor([[1.0, 0.0]])
    # (1 * 1² + 0.5 * 2²) / (1 clip * 2 frames * 2 joints * 2 coordinates)
    assert keypoint_loss_2d(pred, target, confidence, mask).item() == pytest.approx(3 / 8)


def test_keypoints_3d_do_not_see_translation():
    target = torch.randn(3, 4, 14, 3)
    loss = keypoint_loss_3d(target + torch.randn(3, 4, 1, 3), target, ones(3, 4), ones(3))
    assert loss.item() == pytest.approx(0, abs=1e-10)


def test_keypoints_3d_by_hand():
    """A joint that is not a hip off by 0.3 m in one of two masked clips; the other clip has no 3D."""
    target = torch.zeros(2, 4, 14, 3)
    pred = target.clone()
    pred[:, 1, 0, 2] = 0.3
    mask = torch.tensor([[0.0, 1.0, 1.0, 0.0]]).expand(2, -1)
    loss = keypoint_loss_3d(pred, target, mask, torch.tensor([1, 0]))
    assert loss.item() == pytest.approx(0.3**2 / (4 * 14 * 3))


def test_the_mask_enters_before_the_mean():
    """mean(mask * x), not mean(mask) * mean(x)."""
    values = torch.zeros(1, 2, 3)
    values[0, 0] = 6.0
    assert weighted_mean(values, torch.tensor([[0.0, 1.0]]), ones(1)).item() == 0
    assert weighted_mean(values, torch.tensor([[1.0, 0.0]]), ones(1)).item() == 3


def test_no_clip_with_targets_gives_zero_with_gradient():
    pred = torch.randn(2, 3, 10, requires_grad=True)
    loss = SmplBetasLoss(0.06)(pred, torch.randn(2, 3, 10), ones(2, 3), torch.zeros(2))
    loss.backward()
    assert loss.item() == 0
    assert (pred.grad == 0).all()


def test_constant_motion_has_zero_velocity_loss():
    """Both move alike; where they are does not matter."""
    steps = torch.arange(5.0)[None, :, None, None]
    target = torch.randn(2, 1, 14, 3) + steps * 0.1
    pred = torch.randn(2, 1, 14, 3) + steps * 0.1
    assert velocity_loss_3d(pred, target, ones(2, 5), ones(2)).item() == pytest.approx(0, abs=1e-12)
    assert velocity_loss_2d(pred[..., :2], target[..., :2], ones(2, 5, 14), ones(2, 5)).item() < 1e-12


def test_velocity_by_hand():
    joints = torch.tensor([0.0, 1.0, 3.0])[None, :, None, None]
    assert velocity(joints).flatten().tolist() == [1, 2, 0]
    still = torch.zeros_like(joints)
    mask = torch.tensor([[0.0, 1.0, 1.0]])
    # Only frame 1's step of 2 counts; the last frame has none.
    assert velocity_loss_3d(joints, still, mask, ones(1)).item() == pytest.approx(4 / 3)
    confidence = torch.tensor([[[1.0], [0.5], [1.0]]])
    assert velocity_loss_2d(joints, still, confidence, mask).item() == pytest.approx(0.5 * 4 / 3)


def test_unknown_term():
    with pytest.raises(InputError, match='terms: unknown keypoints; expected some of keypoints2d'):
        GLoTLoss({'keypoints': {'type': 'KeypointLoss2d'}})
