"""Local parameter correction (LPC, section 3.3 of the paper): a transformer over the frames near the mid frame that
attends to the global memory, and a regressor that corrects the global prediction."""

from torch import Tensor, nn

from glot_plugin.errors import InputError
from glot_plugin.models.layers import (
    CrossAttention,
    PositionEmbedding,
    TransformerEncoder,
    build_embedding,
    init_linear,
)
from glot_plugin.registry import MODELS
from glot_plugin.structures import SmplParams
from glot_plugin.windows import nearby_range, resolve_target_frame


@MODELS.register_module()
class NearbyFrames(nn.Module):
    """Selects the 2 w + 1 frames near the target frame: (B, T, ...) → (B, 2 w + 1, ...).

    Args:
        num_frames: T, even.
        nearby: w.
        target_frame: The predicted frame, by default the mid frame T // 2; see `nearby_range`.
    """

    def __init__(self, num_frames: int = 16, nearby: int = 4, target_frame: int | None = None) -> None:
        super().__init__()
        self.frames = nearby_range(num_frames, nearby, target_frame)
        self.num_frames = num_frames

    def forward(self, frames: Tensor) -> Tensor:
        if frames.shape[1] != self.num_frames:
            raise InputError(f'a window of {frames.shape[1]} frames, expected num_frames={self.num_frames}')
        return frames[:, self.frames.start : self.frames.stop]


@MODELS.register_module()
class LocalCorrection(nn.Module):
    """LPC: corrects the global branch's parameters of the target frame (and its neighbours).

    Args:
        in_dim: Width of the per-frame features.
        num_frames: T, the window's length; even.
        nearby: w; the local transformer sees 2 w + 1 frames.
        dim, depth, num_heads, mlp_ratio, dropout, drop_path: Settings of the local transformer.
        memory_dim: Width of the global memory.
        position_embedding: `learnable` or `fixed`.
        regressor: Config of the correcting regressor, by default `HSCR`.
        embedding: Config of the layer from features to tokens; linear by default.
        target_frame: The predicted frame of the window, by default the mid frame T // 2.
    """

    def __init__(
        self,
        in_dim: int = 2048,
        num_frames: int = 16,
        nearby: int = 4,
        dim: int = 256,
        depth: int = 3,
        num_heads: int = 8,
        mlp_ratio: float = 4.0,
        dropout: float = 0.1,
        drop_path: float = 0.2,
        memory_dim: int = 512,
        position_embedding: str = 'learnable',
        regressor: dict | None = None,
        embedding: dict | None = None,
        target_frame: int | None = None,
    ) -> None:
        super().__init__()
        self.select = NearbyFrames(num_frames, nearby, target_frame)
        # The target's place among the nearby frames.
        self.query = resolve_target_frame(num_frames, target_frame) - self.select.frames.start
        self.embed = build_embedding(embedding, in_dim, dim)
        self.memory_embed = nn.Linear(memory_dim, dim)
        self.apply(init_linear)  # the parts below initialise themselves
        self.position = PositionEmbedding(len(self.select.frames), dim, position_embedding)
        self.encoder = TransformerEncoder(dim, depth, num_heads, mlp_ratio, dropout, drop_path)
        self.cross_attention = CrossAttention(dim, num_heads)
        self.regressor = MODELS.build({'type': 'HSCR', 'in_dim': dim, **(regressor or {})})

    def forward(self, features: Tensor, memory: Tensor, params: SmplParams, around: int = 1) -> SmplParams:
        """Corrected parameters of the frames target - around … target + around that lie in the window.

        Args:
            features: (B, T, in_dim), the window's raw features.
            memory: (B, V, memory_dim), from the global encoder.
            params: (B, F, ...), the global branch's parameters of those F frames.
            around: 1 in training (three frames; two if the target is the last one), 0 in testing (the target).
        """
        return self.correct(self.embed(self.select(features)), memory, params, around)

    def correct(self, embedded: Tensor, memory: Tensor, params: SmplParams, around: int) -> SmplParams:
        """`forward` from embedded nearby frames (B, 2 w + 1, dim)."""
        queries = self.encoder(self.position(embedded), slice(self.query - around, self.query + around + 1))
        feature = self.cross_attention(queries, self.memory_embed(memory))  # f_gl (B, F, dim)
        return self.regressor(feature, params)
