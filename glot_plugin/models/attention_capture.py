"""Recording the attention weights of a running model."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from timm.models.vision_transformer import Attention
from torch import Tensor, nn

from glot_plugin.errors import InputError
from glot_plugin.models.glot_head import GLoTHead
from glot_plugin.models.layers import CrossAttention

Attentions = dict[str, list[nn.Module]]


def head_attentions(head: nn.Module) -> Attentions:
    """GLoT's attention modules: those in the `global` and `local` encoders' blocks, and the `cross` attention.

    Raises:
        InputError: The head is not a `GLoTHead` with a local branch.
    """
    if not isinstance(head, GLoTHead) or head.local_branch is None:
        raise InputError(f'model.head is {type(head).__name__}, expected a GLoTHead with a local branch')
    encoders = {'global': head.global_branch.transformer.encoder, 'local': head.local_branch.encoder}
    attentions = {name: [block.attn for block in encoder.blocks] for name, encoder in encoders.items()}
    return {**attentions, 'cross': [head.local_branch.cross_attention]}


@contextmanager
def capture_attention(attentions: Mapping[str, list[nn.Module]]) -> Iterator[dict[str, list[list[Tensor]]]]:
    """Record the attention weights of modules in every forward pass inside the context.

    `GLoTHead.predict_windows` passes through every module; `predict_track` fuses some of them.

    Args:
        attentions: Lists of timm's `Attention` or of `CrossAttention`, by name.

    Yields:
        For each name and module, a list that grows by one tensor (B, heads, queries, keys) per pass; rows sum to 1.
    """
    captured: dict[str, list[list[Tensor]]] = {name: [[] for _ in modules] for name, modules in attentions.items()}
    with ExitStack() as stack:
        for name, modules in attentions.items():
            for module, weights in zip(modules, captured[name], strict=True):
                stack.enter_context(_captured(module, weights))
        yield captured


@contextmanager
def _captured(module: nn.Module, weights: list[Tensor]) -> Iterator[None]:
    if isinstance(module, CrossAttention):
        with module.register_forward_hook(lambda _, inputs, __: weights.append(module.weights(*inputs).detach())):
            yield
    elif isinstance(module, Attention):
        # The fused kernel does not expose its weights; without it, they pass through the attention's dropout.
        fused, module.fused_attn = module.fused_attn, False
        try:
            with module.attn_drop.register_forward_pre_hook(lambda _, inputs: weights.append(inputs[0].detach())):
                yield
        finally:
            module.fused_attn = fused
    else:
        raise InputError(f'{type(module).__name__}: expected an Attention of timm or a CrossAttention')
