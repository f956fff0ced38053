"""Transformer layers: timm's blocks, and layers that timm does not have."""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from timm.models.vision_transformer import Block
from torch import Tensor, nn

from glot_plugin.errors import InputError
from glot_plugin.models.dropout import replace_dropout
from glot_plugin.registry import MODELS

LAYER_NORM = partial(nn.LayerNorm, eps=1e-6)


def init_linear(module: nn.Module) -> None:
    """Xavier-uniform weights and zero biases for every linear layer; use as `module.apply(init_linear)`."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def sinusoidal_position_embedding(num_frames: int, dim: int) -> Tensor:
    """Fixed position embedding (T, dim): sines in the even channels, cosines in the odd ones (Vaswani et al., 2017)."""
    frame = torch.arange(num_frames, dtype=torch.float32)[:, None]
    frequency = torch.exp(torch.arange(0, dim, 2) * (-torch.log(torch.tensor(10000.0)) / dim))
    return torch.stack([torch.sin(frame * frequency), torch.cos(frame * frequency)], dim=-1).flatten(1)[:, :dim]


def check_num_heads(dim: int, num_heads: int) -> None:
    """Raise an `InputError` unless the number of attention heads divides the width."""
    if not isinstance(num_heads, int) or num_heads < 1 or dim % num_heads:
        raise InputError(f'num_heads={num_heads!r}: expected an integer that divides the width {dim}')


def build_embedding(config: dict | None, in_dim: int, out_dim: int) -> nn.Module:
    """The layer from features (..., in_dim) to tokens (..., out_dim), built from a config; linear without one."""
    if config is None:
        return nn.Linear(in_dim, out_dim)
    return MODELS.build({'in_dim': in_dim, 'out_dim': out_dim, **config})


class PositionEmbedding(nn.Module):
    """Adds an embedding of the frame's position to tokens (B, T, dim).

    Args:
        num_frames: T.
        dim: Token width.
        kind: `learnable` (initialised from a normal distribution with deviation 0.02) or `fixed` (sinusoidal).
    """

    def __init__(self, num_frames: int, dim: int, kind: str = 'learnable') -> None:
        super().__init__()
        if kind not in ('learnable', 'fixed'):
            raise InputError(f"position_embedding={kind!r}: expected 'learnable' or 'fixed'")
        if kind == 'learnable':
            self.embedding = nn.Parameter(torch.empty(1, num_frames, dim))
            nn.init.normal_(self.embedding, std=0.02)
        else:
            self.register_buffer('embedding', sinusoidal_position_embedding(num_frames, dim)[None])

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens + self.embedding


class TransformerEncoder(nn.Module):
    """Pre-norm transformer blocks and a final LayerNorm: (B, T, dim) → (B, T, dim).

    Args:
        dim: Token width.
        depth: Number of blocks.
        num_heads: Attention heads.
        mlp_ratio: Hidden width of the MLP divided by `dim`.
        dropout: Dropout after the attention's projection and in the MLP.
        drop_path: Stochastic depth of the last block; rises linearly from 0 over the blocks.
    """

    def __init__(
        self,
        dim: int,
        depth: int,
        num_heads: int = 8,
        mlp_ratio: float = 4.0,
        dropout: float = 0.1,
        drop_path: float = 0.2,
    ) -> None:
        super().__init__()
        check_num_heads(dim, num_heads)
        rates = torch.linspace(0, drop_path, depth).tolist()
        self.blocks = nn.Sequential(
            *(
                Block(
                    dim, num_heads, mlp_ratio, qkv_bias=True, proj_drop=dropout, drop_path=rate, norm_layer=LAYER_NORM
                )
                for rate in rates
            )
        )
        replace_dropout(self.blocks)
        self.norm = LAYER_NORM(dim)
        self.apply(init_linear)

    def forward(self, tokens: Tensor, queries: slice | None = None) -> Tensor:
        """Encoded tokens.

        Args:
            tokens: (B, T, dim).
            queries: Of which tokens the output is wanted, Q of them: (B, Q, dim). The last block then does no work for
                the others beyond their keys and values. None: of all.
        """
        if not self.blocks[-1].attn.fused_attn:  # somebody is looking at the weights of all queries
            encoded = self.norm(self.blocks(tokens))
            return encoded if queries is None else encoded[:, queries]
        for block in self.blocks[:-1]:
            tokens = run_block(block, tokens)
        return self.norm(run_block(self.blocks[-1], tokens, queries))


def run_block(block: Block, tokens: Tensor, queries: slice | None = None) -> Tensor:
    """The output (B, Q, dim) of a block for Q of its tokens (B, T, dim), as if it had been computed for all."""
    attention, normed = block.attn, block.norm1(tokens)
    if queries is None:
        query, key, value = attention.qkv(normed).chunk(3, dim=-1)
    else:
        to_query, to_key_value = attention.qkv if isinstance(attention.qkv, nn.ModuleList) else split_qkv(attention.qkv)
        query, tokens = to_query(normed[:, queries]), tokens[:, queries]
        key, value = to_key_value(normed).chunk(2, dim=-1)
    attended = attention.proj_drop(attention.proj(attend(query, key, value, attention.num_heads)))
    tokens = tokens + block.drop_path1(attended)
    return tokens + block.drop_path2(block.mlp(block.norm2(tokens)))


def split_qkv(qkv: nn.Linear) -> list[Callable[[Tensor], Tensor]]:
    """The two parts of an attention's projection: to queries, and to keys and values."""
    sizes = qkv.in_features, 2 * qkv.in_features
    parts = zip(qkv.weight.split(sizes), qkv.bias.split(sizes), strict=True)
    return [partial(F.linear, weight=weight, bias=bias) for weight, bias in parts]


def attend(query: Tensor, key: Tensor, value: Tensor, num_heads: int) -> Tensor:
    """Multi-head attention (B, Q, dim) of projected queries (B, Q, dim) to keys and values (B, M, dim)."""
    heads = (split_heads(tokens, num_heads) for tokens in (query, key, value))
    return F.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2)


def split_heads(tokens: Tensor, num_heads: int) -> Tensor:
    """(B, H, N, dim / H) of tokens (B, N, dim)."""
    return tokens.unflatten(-1, (num_heads, -1)).transpose(1, 2)


class CrossAttention(nn.Module):
    """Multi-head attention of queries (B, Q, dim) to a memory (B, M, dim), with no residual, norm or MLP around it.

    The query, key and value projections have no bias, the output projection has one.
    """

    def __init__(self, dim: int, num_heads: int = 8) -> None:
        super().__init__()
        check_num_heads(dim, num_heads)
        self.num_heads = num_heads
        self.query = nn.Linear(dim, dim, bias=False)
        self.key_value = nn.Linear(dim, 2 * dim, bias=False)
        self.proj = nn.Linear(dim, dim)
        self.apply(init_linear)

    def forward(self, queries: Tensor, memory: Tensor) -> Tensor:
        key, value = self.key_value(memory).chunk(2, dim=-1)
        return self.proj(attend(self.query(queries), key, value, self.num_heads))

    def weights(self, queries: Tensor, memory: Tensor) -> Tensor:
        """Attention weights of each query over the memory, (B, H, Q, M); rows sum to 1."""
        projected = self.query(queries), self.key_value(memory).chunk(2, -1)[0]
        query, key = (split_heads(tokens, self.num_heads) for tokens in projected)
        return (query @ key.mT * query.shape[-1] ** -0.5).softmax(-1)
