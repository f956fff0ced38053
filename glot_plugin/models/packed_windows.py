"""Windows on a CPU: linear layers by oneDNN, with weights laid out in advance as the processor reads them.

oneDNN's products of large matrices are faster than those that torch calls for ordinary weights, small ones much faster,
and GELU costs nothing while its input is still in a register. The operators are those that `torch.compile` emits for
frozen weights; torch has no public function for them.
"""

from copy import deepcopy
from functools import cache

import torch
import torch.nn.functional as F
from timm.layers import Mlp
from torch import Tensor, nn

from glot_plugin.models.fused_windows import FusedWindows
from glot_plugin.models.layers import split_qkv


class PackedLinear(nn.Module):
    """A linear layer with packed weights, optionally followed by GELU; without gradients.

    Args:
        weight: (out, in), on a CPU. It is copied.
        bias: (out,), or None.
        gelu: `none` or `tanh`, GELU's `approximate`, if GELU follows; None: nothing does.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, gelu: str | None = None) -> None:
        super().__init__()
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), None)
        self._bias = None if bias is None else bias.detach()
        self._activation = ('none', [], '') if gelu is None else ('gelu', [], gelu)

    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise(x, self._weight, self._bias, *self._activation)


@cache
def can_pack(dtype: torch.dtype) -> bool:
    """Whether this torch and this processor have packed layers of a type; tried, since torch does not say."""
    x, weight, bias = (torch.full(shape, 0.1, dtype=dtype) for shape in ((4, 16), (16, 16), (16,)))
    try:
        found = PackedLinear(weight, bias, gelu='none')(x)
    except (AttributeError, RuntimeError):  # NotImplementedError is one of the latter
        return False
    return torch.allclose(found, F.gelu(F.linear(x, weight, bias)), atol=1e-2)


def pack(windows: FusedWindows) -> FusedWindows:
    """A copy for evaluation with the linear layers of its tower packed, each GELU inside the layer before it."""
    windows = deepcopy(windows)
    tower = windows.tower
    for encoder in (tower[name] for name in ('decoder', 'near_encoder') if name in tower):
        attention = encoder.blocks[-1].attn  # of the predicted frames only, see `run_block`
        attention.qkv = nn.ModuleList(PackedLinear(**part.keywords) for part in split_qkv(attention.qkv))
    for parent in list(tower.modules()):
        if isinstance(parent, Mlp) and isinstance(parent.act, nn.GELU):
            fc1 = parent.fc1
            parent.fc1, parent.act = PackedLinear(fc1.weight, fc1.bias, parent.act.approximate), nn.Identity()
        for name, child in parent.named_children():
            if type(child) is nn.Linear:
                setattr(parent, name, PackedLinear(child.weight, child.bias))
    return windows


class PackedWindows:
    """`FusedWindows` on a CPU with packed layers; calls whose gradient is wanted go through the windows themselves."""

    def __init__(self, windows: FusedWindows) -> None:
        self.windows, self.packed = windows, pack(windows)

    def __call__(self, *inputs: Tensor | None) -> Tensor:
        return (self.windows if torch.is_grad_enabled() else self.packed)(*inputs)
