"""Global motion modelling (GMM, section 3.2 of the paper): a transformer over the whole window around MPSE, and the
iterative regressor."""

from pathlib import Path

import torch
from torch import Tensor, nn

from glot_plugin.body_model.smpl_files import MeanParams
from glot_plugin.errors import InputError
from glot_plugin.models.layers import PositionEmbedding, TransformerEncoder, build_embedding, init_linear
from glot_plugin.models.masking import MPSEMasking, mask_all_but, take_frames, visible_frames
from glot_plugin.registry import MODELS
from glot_plugin.structures import SmplParams


@MODELS.register_module()
class GlobalTransformer(nn.Module):
    """Encodes the visible frames of a window to the *memory*, and decodes a feature for every frame.

    Args:
        in_dim: Width of the per-frame features, and of the decoded ones.
        num_frames: T, the window's length.
        embed_dim, depth, num_heads: The encoder.
        decoder_dim, decoder_depth, decoder_num_heads: The decoder.
        mlp_ratio, dropout, drop_path: Of every block (`drop_path`: stochastic depth, linear over each depth).
        mask_ratio, mask_token: Of MPSE, see `MPSEMasking`.
        position_embedding: `learnable` or `fixed`.
        mean_params: SMPL's mean parameters for the SMPL token, or their file or folder.
        embedding: Config of the layer from features to tokens; without it, it is linear.
    """

    def __init__(
        self,
        in_dim: int = 2048,
        num_frames: int = 16,
        embed_dim: int = 512,
        depth: int = 2,
        num_heads: int = 8,
        decoder_dim: int = 256,
        decoder_depth: int = 1,
        decoder_num_heads: int = 8,
        mlp_ratio: float = 4.0,
        dropout: float = 0.1,
        drop_path: float = 0.2,
        mask_ratio: float = 0.5,
        mask_token: str = 'smpl',
        position_embedding: str = 'learnable',
        mean_params: MeanParams | str | Path | None = None,
        embedding: dict | None = None,
    ) -> None:
        super().__init__()
        self.in_dim, self.num_frames, self.memory_dim = in_dim, num_frames, embed_dim
        self.embed = build_embedding(embedding, in_dim, embed_dim)
        self.position = PositionEmbedding(num_frames, embed_dim, position_embedding)
        self.masking = MPSEMasking(decoder_dim, mask_ratio, mask_token, mean_params)
        self.decoder_embed = nn.Linear(embed_dim, decoder_dim)
        self.decoder_position = PositionEmbedding(num_frames, decoder_dim, position_embedding)
        self.out_proj = nn.Linear(decoder_dim, in_dim)
        self.apply(init_linear)  # what follows initialises itself
        self.encoder = TransformerEncoder(embed_dim, depth, num_heads, mlp_ratio, dropout, drop_path)
        self.decoder = TransformerEncoder(decoder_dim, decoder_depth, decoder_num_heads, mlp_ratio, dropout, drop_path)

    def forward(
        self, features: Tensor, frame_mask: Tensor | None = None, visible: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Features of all frames, from the visible ones.

        Args:
            features: (B, T, in_dim).
            frame_mask: (B, T) bool, True = masked; without it every frame is visible.
            visible: (B, V), the frames that are not masked, where they are known: the mask is not read then.

        Returns:
            Decoded features (B, T, in_dim), and the memory: V encoded visible frames (B, V, embed_dim).
        """
        if visible is None and frame_mask is not None:
            visible = visible_frames(frame_mask)
        decoded, memory = self.decode_windows(features, visible)
        return self.out_proj(decoded), memory

    def decode_windows(self, features: Tensor, visible: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """`forward` before its last linear layer, `out_proj`: decoded tokens (B, T, decoder_dim), and the memory."""
        self.check(features)
        if visible is None:
            memory = self.encode(self.embed(features))
            return self.decode(memory), memory
        # Masked frames never reach the encoder, so they are not even projected.
        positions = take_frames(self.position.embedding.expand(len(features), -1, -1), visible)
        memory = self.encoder(self.embed(take_frames(features, visible)) + positions)
        return self.decode(memory, visible), memory

    def encode(self, embedded: Tensor) -> Tensor:
        """Memory (B, T, embed_dim) of whole windows of already embedded features (B, T, embed_dim)."""
        return self.encoder(self.position(embedded))

    def decode(self, memory: Tensor, frames: Tensor | None = None) -> Tensor:
        """Decoded tokens (B, T, decoder_dim) of a memory (B, V, embed_dim).

        Args:
            memory: Encoded frames.
            frames: (B, V), which frames they are; without it all T in order.
        """
        tokens = self.decoder_embed(memory)
        if frames is not None:
            tokens = self.masking.restore(tokens, frames, self.num_frames)
        return self.decoder(self.decoder_position(tokens))

    def check(self, features: Tensor) -> None:
        """Raise an `InputError` unless features are (B, T, in_dim)."""
        if features.shape[1:] != (self.num_frames, self.in_dim):
            raise InputError(
                f'features are {tuple(features.shape)}, expected (clips, {self.num_frames} frames, {self.in_dim}): '
                'num_frames and in_dim of the model must fit the data'
            )


@MODELS.register_module()
class GlobalMotionModel(nn.Module):
    """GMM: the global transformer, then the iterative regressor on every frame.

    Args:
        transformer: Config of a `GlobalTransformer`.
        regressor: Config of a regressor of features to `SmplParams`, an `IterativeRegressor` by default.
        mean_params: SMPL's mean parameters of both, or their file or folder.
        start: Config of a module from features (B, F, in_dim) of consecutive frames to the parameters that the
            regressor starts from, each from `reach` neighbours on either side; without it, and for masked frames, it
            starts from the mean parameters.
    """

    def __init__(
        self,
        transformer: dict | None = None,
        regressor: dict | None = None,
        mean_params: MeanParams | str | Path | None = None,
        start: dict | None = None,
    ) -> None:
        super().__init__()
        shared = {'mean_params': mean_params}
        self.transformer = MODELS.build({'type': 'GlobalTransformer', **shared, **(transformer or {})})
        self.regressor = MODELS.build(
            {'type': 'IterativeRegressor', 'in_dim': self.transformer.in_dim, **shared, **(regressor or {})}
        )
        self.start = None if start is None else MODELS.build({'in_dim': self.transformer.in_dim, **start})

    def forward(self, features: Tensor, visible: Tensor | None = None) -> tuple[SmplParams, Tensor]:
        """Parameters of all T frames (B, T, ...) and the memory (B, V, embed_dim) of features (B, T, in_dim).

        Args:
            features: (B, T, in_dim).
            visible: (B, V), the frames that are not masked; without it, none is.
        """
        decoded, memory = self.transformer.decode_windows(features, visible)
        start = self._start_visible(features, visible)
        return self.regressor(decoded, through=self.transformer.out_proj, start=start), memory

    def _start_visible(self, features: Tensor, visible: Tensor | None) -> SmplParams | None:
        """What the regressor starts from (B, T, ...) in windows; masked frames tell it nothing."""
        if self.start is None or visible is None:
            return None if self.start is None else self.start(features)
        start, mean = self.start(features), self.regressor.mean_params.expand(*features.shape[:2])
        masked = mask_all_but(visible, features.shape[1])[..., None]
        return SmplParams(
            torch.where(masked, mean.pose6d, start.pose6d),
            torch.where(masked, mean.betas, start.betas),
            torch.where(masked, mean.camera, start.camera),
        )

    def start_at(self, frame: int, features: Tensor, windows: Tensor | None = None) -> SmplParams | None:
        """What the regressor starts from (B, ...) in one frame of each window; None: the mean parameters.

        Args:
            frame: Its place in the windows.
            features: (B, T, in_dim), or (N, in_dim) with `windows`.
            windows: (B, T), the frames of each window among the N.
        """
        start = self.start_in(slice(frame, frame + 1), features, windows)
        return None if start is None else start[:, 0]

    def start_in(self, frames: slice, features: Tensor, windows: Tensor | None = None) -> SmplParams | None:
        """The same for several consecutive frames of each window: (B, Q, ...)."""
        if self.start is None:
            return None
        first = max(frames.start - self.start.reach, 0)
        near = slice(first, min(frames.stop + self.start.reach, self.transformer.num_frames))
        features = features[:, near] if windows is None else features[windows[:, near]]
        return self.start(features)[:, frames.start - first : frames.stop - first]

    def predict_frame(self, frame: int, memory: Tensor, start: SmplParams | None = None) -> SmplParams:
        """Parameters (B, ...) of one frame of whole windows.

        Args:
            frame: Its place in the windows.
            memory: (B, T, embed_dim).
            start: From `start_at`.
        """
        decoded = self.transformer.decode(memory)[:, frame]
        return self.regressor(self.transformer.out_proj(decoded), start=start)
