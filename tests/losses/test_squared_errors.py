import pytest
import torch

from glot_plugin.losses import GLoTLoss, Targets
from glot_plugin.losses.squared_errors import is_squared_error
from glot_plugin.structures import HeadOutput, SmplParams

TERMS = {
    'keypoints2d': {'type': 'KeypointLoss2d', 'loss_weight': 300.0},
    'keypoints3d': {'type': 'KeypointLoss3d', 'loss_weight': 200.0},
    'smpl_pose': {'type': 'SmplPoseLoss', 'loss_weight': 60.0},
    'smpl_betas': {'type': 'SmplBetasLoss', 'loss_weight': 0.06},
    'velocity2d': {'type': 'VelocityLoss2d', 'loss_weight': 10.0},
    'velocity3d': {'type': 'VelocityLoss3d', 'loss_weight': 100.0},
}


def params(generator: torch.Generator, frames: int) -> SmplParams:
    widths = {'pose6d': 144, 'betas': 10, 'camera': 3}
    made = {name: 0.5 * torch.randn(3, frames, width, generator=generator) for name, width in widths.items()}
    made['camera'][..., 0] = 1.0
    return SmplParams(**{name: tensor.requires_grad_() for name, tensor in made.items()})


@pytest.fixture
def batch():
    """Three clips: without 3D, without SMPL, and one whose end is padding; four frames of each are masked."""
    generator = torch.Generator().manual_seed(0)
    output = HeadOutput(
        params(generator, 8), params(generator, 3), torch.rand(3, 8, generator=generator).argsort(1) < 4, slice(3, 6)
    )
    targets = Targets(
        torch.rand(3, 8, 49, 3, generator=generator),
        torch.randn(3, 8, 49, 3, generator=generator),
        torch.randn(3, 8, 72, generator=generator),
        torch.randn(3, 8, 10, generator=generator),
        torch.tensor([False, True, True]),
        torch.tensor([True, False, True]),
        torch.arange(8)[None] < torch.tensor([8, 8, 5])[:, None],
    )
    return output, targets


def losses_and_gradients(loss: GLoTLoss, output: HeadOutput, targets: Targets, body) -> tuple[dict, list]:
    losses = loss(output, targets, body)
    leaves = [
        getattr(side, name)
        for side in (output.global_params, output.local_params)
        for name in ('pose6d', 'betas', 'camera')
    ]
    return losses, torch.autograd.grad(sum(losses.values()), leaves)


def one_by_one(terms: dict) -> GLoTLoss:
    """The same loss of terms that are no `is_squared_error`: subclasses might compute something else."""
    loss = GLoTLoss(terms)
    for term in loss.terms.values():
        term.__class__ = type('Own', (type(term),), {})
    return loss


@pytest.mark.parametrize('alone', [list(TERMS), ['keypoints2d', 'velocity3d']])
def test_together_equal_terms_one_by_one(batch, body, alone):
    """All in one pass, none of them, and some of them beside terms of another kind."""
    together, mixed, separate = GLoTLoss(TERMS), GLoTLoss(TERMS), one_by_one(TERMS)
    for name in alone:
        mixed.terms[name] = separate.terms[name]
    assert sum(map(is_squared_error, mixed.terms.values())) == 6 - len(alone)
    expected, gradients = losses_and_gradients(separate, *batch, body)
    for loss in (together, mixed):
        losses, ours = losses_and_gradients(loss, *batch, body)
        assert list(losses) == [f'loss/{branch}/{term}' for branch in ('global', 'local') for term in TERMS]
        torch.testing.assert_close(losses, expected, rtol=1e-6, atol=0)
        torch.testing.assert_close(ours, gradients, rtol=1e-5, atol=1e-5)


def test_weight_of_a_term_may_change(batch, body):
    """A hook may change a weight during training."""
    loss = GLoTLoss(TERMS)
    before = loss(*batch, body)['loss/global/velocity2d']
    loss.terms['velocity2d'].loss_weight = 30.0
    torch.testing.assert_close(loss(*batch, body)['loss/global/velocity2d'], 3 * before)


def test_clips_without_targets_cost_nothing(batch, body):
    output, targets = batch
    targets.has_smpl = targets.has_keypoints3d = torch.zeros(3, dtype=torch.bool)
    losses = GLoTLoss(TERMS)(output, targets, body)
    assert {name for name, value in losses.items() if value == 0} == {
        f'loss/{branch}/{term}' for branch in ('global', 'local') for term in TERMS if not term.endswith('2d')
    }
