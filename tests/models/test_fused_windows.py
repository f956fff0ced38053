import pytest
import torch
from small_head import small_head
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounter

from glot_plugin.models import HSCR, GLoTHead, IterativeRegressor
from glot_plugin.models.fused_windows import FusedRegressors, FusedWindows, LayeredRegressors
from glot_plugin.structures import SmplParams

# In float64, so that only a wrong number differs.
CLOSE = {'atol': 1e-9, 'rtol': 1e-9}
LOCAL = {'dim': 16, 'num_heads': 4, 'depth': 2}


def all_nearby(head: GLoTHead, windows: Tensor) -> SmplParams:
    """The nearby frames' parameters (B, 2 w + 1, ...) of windows (B, T, in_dim), module after module."""
    global_params, memory = head.global_branch(windows)
    near, local = head.local_branch.select.frames, head.local_branch
    encoded = local.encoder(local.position(local.embed(local.select(windows))))
    feature = local.cross_attention(encoded, local.memory_embed(memory))
    return local.regressor(feature, global_params[:, near.start : near.stop])


def predict(head: GLoTHead, frames: slice, windows: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    nearby = None if head.local_branch is None else head.local_branch.embed(head.local_branch.select(windows))
    fused = FusedWindows(head.global_branch, head.local_branch, frames, dtype)
    return fused(head.global_branch.transformer.embed(windows), nearby)


@pytest.mark.parametrize('regressor', ['HSCR', 'ResidualRegressor'])
@pytest.mark.parametrize('own_rotation', ['published', 'joint'])
@pytest.mark.parametrize('target', [8, 13, 15])
@torch.no_grad()
def test_equal_to_the_modules(regressor, own_rotation, target):
    correct = {'type': regressor, 'hidden_dim': 32, 'own_rotation': own_rotation}
    head = small_head(local_branch={**LOCAL, 'regressor': correct}, target_frame=target).double().eval()
    windows, near = torch.randn(3, 16, 32, dtype=torch.float64), head.local_branch.select.frames
    expected = all_nearby(head, windows).flat
    found = predict(head, slice(near.start, near.stop), windows)
    assert expected.std() > 0.3
    torch.testing.assert_close(found, expected, **CLOSE)
    found = predict(head, slice(target, target + 1), windows)
    torch.testing.assert_close(found[:, 0], head.predict(windows).flat, **CLOSE)


@torch.no_grad()
def test_global_branch_alone():
    head = small_head(local_branch=None).double().eval()
    windows = torch.randn(3, 16, 32, dtype=torch.float64)
    expected = head(windows).global_params.flat
    torch.testing.assert_close(predict(head, slice(0, 16), windows), expected, **CLOSE)


@torch.no_grad()
def test_bfloat16_is_near_and_leaves_the_head_alone():
    head = small_head().eval()
    windows = torch.randn(3, 16, 32)
    exact, found = (predict(head, slice(7, 10), windows, dtype) for dtype in (torch.float32, torch.bfloat16))
    assert found.dtype == torch.float32
    assert 0 < (found - exact).abs().max() < 0.05 * exact.std()
    assert {parameter.dtype for parameter in head.parameters()} == {torch.float32}


class CurvedRegressor(IterativeRegressor):
    """Not affine any more."""

    def forward(self, features: Tensor, **options) -> SmplParams:
        return super().forward(features.relu(), **options)


class CurvedCorrection(HSCR):
    def forward(self, feature: Tensor, params: SmplParams) -> SmplParams:
        return super().forward(feature.tanh(), params)


@torch.no_grad()
def test_regressors_with_activations_are_not_fused():
    head = small_head()
    head.global_branch.regressor, head.local_branch.regressor = CurvedRegressor(32, 32), CurvedCorrection(16, 32)
    for decoder in (head.global_branch.regressor.decode_pose, head.local_branch.regressor.hidden_pose):
        nn.init.normal_(decoder.weight)
    head.double().eval()
    windows = torch.randn(2, 16, 32, dtype=torch.float64)
    fused = FusedWindows(head.global_branch, head.local_branch, slice(8, 9))
    assert isinstance(fused.regress, LayeredRegressors)
    expected = head.predict(windows).flat
    torch.testing.assert_close(predict(head, slice(8, 9), windows)[:, 0], expected, **CLOSE)


@torch.no_grad()
def test_what_the_regressor_starts_from():
    head = small_head().double().eval()
    head.global_branch.start = nn.Identity()  # there is one
    layered = LayeredRegressors(head.global_branch, head.local_branch)
    inputs = [torch.randn(5, width, dtype=torch.float64) for width in (16, 16, 157)]
    expected = layered(*inputs)
    torch.testing.assert_close(FusedRegressors(layered)(*inputs), expected, **CLOSE)
    assert not torch.allclose(layered(*inputs[:2], torch.zeros(5, 157, dtype=torch.float64)), expected)


@pytest.mark.heavy
@torch.no_grad()
def test_one_graph_for_any_number_of_windows():
    """`torch.compile` finds no graph break, and compiles anew only to make the number variable."""
    head = small_head().double().eval()
    fused, compiled = FusedWindows(head.global_branch, head.local_branch, slice(6, 11)), CompileCounter()
    predict = torch.compile(fused, fullgraph=True, backend=compiled)
    for number in (2, 3, 5, 7):
        inputs = torch.randn(number, 16, 32, dtype=torch.float64), torch.randn(number, 9, 16, dtype=torch.float64)
        torch.testing.assert_close(predict(*inputs), fused(*inputs), **CLOSE)
    assert compiled.frame_count == 2
