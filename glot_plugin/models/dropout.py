"""Dropout in one kernel forwards and one backwards, whose random numbers are cheap on CPUs, too."""

import torch
from torch import Tensor, nn

LEVELS = 2**16  # rates are multiples of 1 / LEVELS on CPUs


class Dropout(nn.Dropout):
    """`nn.Dropout`, a third of whose time on CPUs would go into drawing one float an element: here it is 16 bits."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        if x.device.type == 'cpu' and 0 < self.p < 1:
            return cpu_dropout(x, self.p)[0]
        return torch.native_dropout(x, self.p, True)[0]


def replace_dropout(module: nn.Module) -> nn.Module:
    """Put `Dropout` in the place of every `nn.Dropout` inside a module."""
    for parent in module.modules():
        for name, child in parent.named_children():
            if type(child) is nn.Dropout:
                setattr(parent, name, Dropout(child.p))
    return module


# The tag keeps compilers from drawing again in the backward pass what the forward pass has drawn.
torch.library.define(
    'glot_plugin::cpu_dropout', '(Tensor x, float p) -> (Tensor, Tensor)', tags=torch.Tag.nondeterministic_seeded
)


def cpu_dropout(x: Tensor, p: float) -> tuple[Tensor, Tensor]:
    """Dropout of a share p of the elements, from torch's CPU generator: the result, and what each was scaled by."""
    return torch.ops.glot_plugin.cpu_dropout(x, p)


@torch.library.impl('glot_plugin::cpu_dropout', 'cpu')
def _(x: Tensor, p: float) -> tuple[Tensor, Tensor]:
    dropped = round(p * LEVELS)
    words = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    bits = words.view(torch.int16)[: x.numel()].view(x.shape)
    scale = bits.ge_(dropped - LEVELS // 2).to(x.dtype).mul_(LEVELS / (LEVELS - dropped))
    return x * scale, scale


@torch.library.register_fake('glot_plugin::cpu_dropout')
def _(x: Tensor, p: float) -> tuple[Tensor, Tensor]:
    return torch.empty_like(x), torch.empty_like(x)


def _save_scale(ctx, inputs: tuple, output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(output[1])
    ctx.mark_non_differentiable(output[1])
    ctx.set_materialize_grads(False)


def _scale_gradient(ctx, gradient: Tensor, _: Tensor) -> tuple[Tensor, None]:
    return gradient * ctx.saved_tensors[0], None


torch.library.register_autograd('glot_plugin::cpu_dropout', _scale_gradient, setup_context=_save_scale)
