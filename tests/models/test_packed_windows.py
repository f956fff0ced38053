import copy

import pytest
import torch
import torch.nn.functional as F
from small_head import small_head
from torch import nn

from glot_plugin.models import packed_windows
from glot_plugin.models.fused_windows import FusedWindows
from glot_plugin.models.packed_windows import PackedLinear, PackedWindows, can_pack, pack
from glot_plugin.models.window_predictor import WindowPredictor

CLOSE = {'atol': 1e-5, 'rtol': 1e-5}  # of float32
needs_packing = pytest.mark.skipif(not can_pack(torch.float32), reason='this torch or processor cannot pack layers')


def windows_and_inputs(**changes) -> tuple[FusedWindows, tuple]:
    head = small_head(**changes).eval()
    frames, windows = slice(7, 10), torch.randn(3, 16, 32)
    nearby = None if head.local_branch is None else head.local_branch.embed(head.local_branch.select(windows))
    fused = FusedWindows(head.global_branch, head.local_branch, frames)
    return fused, (head.global_branch.transformer.embed(windows), nearby)


@needs_packing
@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.parametrize('gelu', [None, 'none', 'tanh'])
@torch.no_grad()
def test_layers(bias, gelu):
    linear, x = nn.Linear(24, 40, bias=bias), torch.randn(5, 7, 24)[:, ::2]
    expected = linear(x) if gelu is None else F.gelu(linear(x), approximate=gelu)
    torch.testing.assert_close(PackedLinear(linear.weight, linear.bias, gelu)(x), expected, atol=1e-6, rtol=1e-6)


@needs_packing
@pytest.mark.parametrize('changes', [{}, {'local_branch': None}, {'target_frame': 15}])
@torch.no_grad()
def test_the_same_windows(changes):
    windows, inputs = windows_and_inputs(**changes)
    expected = windows(*inputs)
    packed = pack(windows)
    torch.testing.assert_close(packed(*inputs), expected, **CLOSE)
    assert not [module for module in packed.tower.modules() if isinstance(module, nn.Linear | nn.GELU)]
    torch.testing.assert_close(windows(*inputs), expected, atol=0, rtol=0)  # and these are as they were


@needs_packing
def test_gradients_go_through_the_windows_themselves():
    windows, inputs = windows_and_inputs()
    gradient = torch.autograd.grad(windows(*inputs).square().sum(), inputs[0])[0]
    found = torch.autograd.grad(PackedWindows(windows)(*inputs).square().sum(), inputs[0])[0]
    assert gradient.abs().sum() > 0
    torch.testing.assert_close(found, gradient)


@pytest.mark.parametrize('missing', ['operator', 'type'])
def test_without_packing(missing, monkeypatch):
    """Where torch has no such operators, or the processor no such type, windows run as they are."""
    head = small_head().eval()
    can_pack.cache_clear()
    if missing == 'operator':

        def unknown(*_, **__) -> None:
            raise AttributeError("'_OpNamespace' 'mkldnn' object has no attribute '_reorder_linear_weight'")

        monkeypatch.setattr(packed_windows, 'PackedLinear', unknown)
    else:
        head.double()
    predictor = WindowPredictor(head)
    can_pack.cache_clear()
    assert isinstance(predictor.predict, FusedWindows)


@needs_packing
@torch.no_grad()
def test_predictors_on_a_cpu_are_packed():
    head, track = small_head().eval(), torch.randn(20, 32)
    assert isinstance(head.window_predictor('exact').predict, PackedWindows)
    before = head.predict_track(track).flat
    other = copy.deepcopy(head)
    head.global_branch.transformer.encoder.blocks[0].mlp.fc1.weight.mul_(2)
    assert (head.predict_track(track).flat - before).abs().max() > 1e-3
    torch.testing.assert_close(other.predict_track(track).flat, before)
