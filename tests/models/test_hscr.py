import pytest
import torch

from glot_plugin.body_model.joint_sets import SMPL_PARENTS
from glot_plugin.errors import InputError
from glot_plugin.models.hscr import HSCR, JointCorrections, ResidualRegressor, joint_ancestors
from glot_plugin.structures import SmplParams

# A hand of three fingers of two joints each.
HAND = (-1, 0, 1, 0, 3, 0, 5)


def naive_corrections(module: JointCorrections, hidden, pose6d, parents, step):
    """Joint after joint, as the paper describes it."""
    corrections = []
    for joint, layer in enumerate(module.joints):
        above = [corrections[a] for a in joint_ancestors(parents)[joint]]
        own = pose6d[..., joint * step : joint * step + 6]
        corrections.append(layer(torch.cat([hidden, *above, own], dim=-1)))
    return torch.cat(corrections, dim=-1)


def test_ancestors_run_from_the_root():
    ancestors = joint_ancestors(SMPL_PARENTS)
    assert ancestors[0] == []
    assert ancestors[23] == [0, 3, 6, 9, 14, 17, 19, 21]  # right hand: spine, collar, shoulder, elbow, wrist
    assert max(map(len, ancestors)) == 8


@pytest.mark.parametrize('parents', [(0,), (-1, 2, 0), (-1, -2)])
def test_parents_that_are_no_tree(parents):
    with pytest.raises(InputError, match='expected -1'):
        joint_ancestors(parents)


@pytest.mark.parametrize('parents', [SMPL_PARENTS, HAND, (-1, -1)])
@pytest.mark.parametrize(('own_rotation', 'step'), [('published', 1), ('joint', 6)])
def test_solved_at_once_equals_joint_after_joint(parents, own_rotation, step):
    module = JointCorrections(32, parents, own_rotation).double()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    hidden = torch.randn(5, 2, 32, dtype=torch.float64)
    pose6d = torch.randn(5, 2, 6 * len(parents), dtype=torch.float64)
    expected = naive_corrections(module, hidden, pose6d, parents, step)
    # The solver works in float32.
    torch.testing.assert_close(module(hidden, pose6d).double(), expected, atol=1e-4, rtol=1e-4)


def test_gradients_equal_joint_after_joint():
    module = JointCorrections(8, HAND)
    hidden, pose6d = torch.randn(4, 8), torch.randn(4, 42)
    module(hidden, pose6d).square().sum().backward()
    solved = [layer.weight.grad.clone() for layer in module.joints]
    module.zero_grad()
    naive_corrections(module, hidden, pose6d, HAND, 1).square().sum().backward()
    for layer, gradient in zip(module.joints, solved, strict=True):
        torch.testing.assert_close(layer.weight.grad, gradient, atol=1e-5, rtol=1e-4)


def test_residual_regressor_is_hscr_without_edges():
    """With the ancestors' weights at zero, HSCR gives what the residual regressor gives."""
    torch.manual_seed(0)
    hscr, residual = HSCR(in_dim=16).eval(), ResidualRegressor(in_dim=16).eval()
    state = {k: v for k, v in hscr.state_dict().items() if 'joints' not in k}
    for joint, layer in enumerate(hscr.correct_pose.joints):
        layer.weight.data[:, 1024:-6] = 0
        state[f'correct_pose.joints.{joint}.weight'] = torch.cat([layer.weight[:, :1024], layer.weight[:, -6:]], 1)
        state[f'correct_pose.joints.{joint}.bias'] = layer.bias
    residual.load_state_dict(state)
    params = SmplParams(torch.randn(3, 144), torch.randn(3, 10), torch.randn(3, 3))
    feature = torch.randn(3, 16)
    torch.testing.assert_close(hscr(feature, params).pose6d, residual(feature, params).pose6d)


def test_another_tree_needs_no_new_code():
    hscr = HSCR(in_dim=16, parents=HAND, num_betas=5)
    out = hscr(torch.randn(2, 3, 16), SmplParams(torch.randn(2, 3, 42), torch.randn(2, 3, 5), torch.randn(2, 3, 3)))
    assert out.pose6d.shape == (2, 3, 42)
    assert out.rotmat.shape == (2, 3, 7, 3, 3)
    assert out.betas.shape == (2, 3, 5)


def test_under_autocast():
    hscr = HSCR(in_dim=16).eval()
    params = SmplParams(torch.randn(3, 144), torch.randn(3, 10), torch.randn(3, 3))
    feature = torch.randn(3, 16)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        half = hscr(feature, params)
    torch.testing.assert_close(half.pose6d.float(), hscr(feature, params).pose6d, atol=0.05, rtol=0.05)


def test_unknown_own_rotation():
    with pytest.raises(InputError, match="own_rotation='paper'"):
        HSCR(own_rotation='paper')


@pytest.mark.parametrize('own_rotation', ['published', 'joint'])
def test_residual_regressor_can_do_whatever_hscr_does(own_rotation):
    """Neither has an activation, and the hidden layer is wide enough to carry all of its input (docs/ablations.md).

    So corrections are affine in [feature, pose]: weights of the hidden layer alone, found by least squares, give them.
    """
    hidden_dim, width = 256, 64
    hscr, residual = (
        kind(width, hidden_dim, own_rotation=own_rotation).double().eval().requires_grad_(False)
        for kind in (HSCR, ResidualRegressor)
    )
    for layer in hscr.correct_pose.joints:
        layer.weight.normal_(0, 0.05)
    residual.hidden_pose.load_state_dict(hscr.hidden_pose.state_dict())

    def inputs(count: int) -> tuple[torch.Tensor, SmplParams]:
        sizes = (width, 144, 10, 3)
        feature, *params = (torch.randn(count, size, dtype=torch.float64) for size in sizes)
        return feature, SmplParams(*params)

    feature, params = inputs(400)
    hidden = hscr.hidden_pose(torch.cat([feature, params.pose6d], dim=-1))
    known = torch.cat([hidden, torch.ones(len(hidden), 1)], dim=-1)
    corrections = hscr(feature, params).pose6d - params.pose6d
    solution = torch.linalg.lstsq(known, corrections, driver='gelsd').solution
    for joint, layer in enumerate(residual.correct_pose.joints):
        rows = solution[:, 6 * joint : 6 * joint + 6].T
        layer.weight.zero_()
        layer.weight[:, :hidden_dim] = rows[:, :-1]
        layer.bias.copy_(rows[:, -1])
    feature, params = inputs(20)
    torch.testing.assert_close(residual(feature, params).pose6d, hscr(feature, params).pose6d)
