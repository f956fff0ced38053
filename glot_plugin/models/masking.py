"""Masked pose and shape estimation (MPSE, section 3.2 of the paper): hide frames from the encoder, and insert tokens in
their place before the decoder.

The functions work on plain tensors; `MPSEMasking` adds the token. A frame mask is (B, T) bool, True = masked, with the
same number of masked frames in every clip.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from glot_plugin.body_model.smpl_files import MeanParams
from glot_plugin.errors import InputError
from glot_plugin.models.layers import init_linear
from glot_plugin.models.mean_params import MeanParamsBuffer
from glot_plugin.registry import MODELS


def check_mask_ratio(mask_ratio: float) -> None:
    """Raise an `InputError` unless the ratio is in [0, 1)."""
    if not isinstance(mask_ratio, int | float) or not 0 <= mask_ratio < 1:
        raise InputError(f'mask_ratio={mask_ratio!r}: expected a number in [0, 1)')


def num_visible_frames(num_frames: int, mask_ratio: float) -> int:
    """Number of frames out of `num_frames` that stay visible at a mask ratio in [0, 1); none is an `InputError`."""
    check_mask_ratio(mask_ratio)
    visible = int(num_frames * (1 - mask_ratio))
    if visible == 0:
        raise InputError(f'mask_ratio={mask_ratio}: none of {num_frames} frames stays visible, expected at least one')
    return visible


def frame_mask_from_noise(noise: Tensor, mask_ratio: float) -> Tensor:
    """Frame mask (B, T) that keeps each clip's frames with the smallest noise (B, T) and masks the others."""
    return mask_all_but(visible_from_noise(noise, mask_ratio), noise.shape[1])


def visible_from_noise(noise: Tensor, mask_ratio: float) -> Tensor:
    """Indices (B, V) of each clip's frames with the smallest noise (B, T): those that stay visible."""
    return noise.argsort(dim=1)[:, : num_visible_frames(noise.shape[1], mask_ratio)]


def mask_all_but(visible: Tensor, num_frames: int) -> Tensor:
    """Frame mask (B, T) that keeps the frames (B, V) visible."""
    return visible.new_ones(len(visible), num_frames, dtype=torch.bool).scatter_(1, visible, False)


def visible_frames(frame_mask: Tensor) -> Tensor:
    """Indices (B, V) of each clip's visible frames, in order. The host waits for the device to read V.

    Raises:
        InputError: The clips differ in the number of masked frames, or have no visible frame.
    """
    counts = (~frame_mask).sum(dim=1)
    fewest, most = counts.aminmax()
    if fewest != most or most == 0:
        raise InputError(
            f'frame_mask leaves {int(fewest)} to {int(most)} visible frames a clip; expected the same number, '
            'at least 1, in every clip'
        )
    return frame_mask.to(torch.uint8).argsort(dim=1, stable=True)[:, : int(most)]


def take_frames(tokens: Tensor, frames: Tensor) -> Tensor:
    """Tokens (B, V, C) of the frames (B, V) out of (B, T, C)."""
    return tokens.gather(1, frames[..., None].expand(-1, -1, tokens.shape[-1]))


def restore_frames(visible: Tensor, fill: Tensor, frames: Tensor, num_frames: int) -> Tensor:
    """Undo `take_frames`: put (B, V, C) back at frames (B, V) of T, and fill all other frames with `fill` (C,)."""
    restored = fill.expand(len(visible), num_frames, -1)
    return restored.scatter(1, frames[..., None].expand(-1, -1, visible.shape[-1]), visible)


class SmplToken(nn.Module):
    """One token (dim,) made from SMPL's mean parameters by an MLP (the paper's SMPL token)."""

    def __init__(self, dim: int = 256, mean_params: MeanParams | str | Path | None = None) -> None:
        super().__init__()
        self.mean_params = MeanParamsBuffer(mean_params=mean_params)
        width = self.mean_params.flat().numel()  # 157
        self.mlp = nn.Sequential(nn.Linear(width, 256), nn.ReLU(), nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, dim))
        self.apply(init_linear)

    def forward(self) -> Tensor:
        return self.mlp(self.mean_params.flat())


class LearnableToken(nn.Module):
    """One learnable token (dim,), as in masked autoencoders (the paper's ablation)."""

    def __init__(self, dim: int = 256) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.empty(dim))
        nn.init.normal_(self.token, std=0.02)

    def forward(self) -> Tensor:
        return self.token


@MODELS.register_module()
class MPSEMasking(nn.Module):
    """Draws frame masks, takes the visible tokens, and restores the sequence with a token at the masked frames.

    Args:
        dim: Width of the tokens given to `restore`.
        mask_ratio: Share of frames masked in training, in [0, 1).
        mask_token: `smpl` (an MLP of the mean SMPL parameters) or `learnable`.
        mean_params: SMPL's mean parameters, or their file or folder.
    """

    def __init__(
        self,
        dim: int = 256,
        mask_ratio: float = 0.5,
        mask_token: str = 'smpl',
        mean_params: MeanParams | str | Path | None = None,
    ) -> None:
        super().__init__()
        check_mask_ratio(mask_ratio)  # fail now rather than in the first step
        self.mask_ratio = mask_ratio
        if mask_token == 'smpl':
            self.token = SmplToken(dim, mean_params)
        elif mask_token == 'learnable':
            self.token = LearnableToken(dim)
        else:
            raise InputError(f"mask_token={mask_token!r}: expected 'smpl' or 'learnable'")

    def draw(self, batch_size: int, num_frames: int, device: torch.device | str = 'cpu') -> Tensor:
        """A random frame mask (B, T), from torch's generator of `device`."""
        return mask_all_but(self.draw_visible(batch_size, num_frames, device), num_frames)

    def draw_visible(self, batch_size: int, num_frames: int, device: torch.device | str = 'cpu') -> Tensor:
        """The frames (B, V) that such a mask leaves visible. Unlike the mask, they say how many without being read."""
        return visible_from_noise(torch.rand(batch_size, num_frames, device=device), self.mask_ratio)

    def take_visible(self, tokens: Tensor, frame_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Visible tokens (B, V, C) of (B, T, C), and their frames (B, V)."""
        frames = visible_frames(frame_mask)
        return take_frames(tokens, frames), frames

    def restore(self, visible: Tensor, frames: Tensor, num_frames: int) -> Tensor:
        """Visible tokens (B, V, dim) at their frames (B, V), the mask token at every other one: (B, T, dim)."""
        return restore_frames(visible, self.token().to(visible.dtype), frames, num_frames)
