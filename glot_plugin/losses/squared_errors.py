"""Terms that are weighted means of squares, all of them and both branches in one pass.

Such a term squares something linear in the difference between prediction and target: its `residual`. The residuals of
all terms are squared, weighted and summed side by side, which a GPU does in a few dozen launches instead of hundreds.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from glot_plugin.losses.keypoints import KeypointLoss2d, KeypointLoss3d
from glot_plugin.losses.smpl_params import SmplBetasLoss, SmplPoseLoss
from glot_plugin.losses.velocity import VelocityLoss2d, VelocityLoss3d

# Exactly these: a subclass may compute something else.
SQUARED_ERRORS = (KeypointLoss2d, KeypointLoss3d, SmplPoseLoss, SmplBetasLoss, VelocityLoss2d, VelocityLoss3d)


def is_squared_error(term: nn.Module) -> bool:
    """Whether a term can take part in `squared_errors`."""
    return type(term) in SQUARED_ERRORS


@dataclass
class TermWeights:
    """What a batch's frames count in each term; B clips of F frames, those of the global and then the local branch.

    Attributes:
        confidence: (B, F, 49), of the 2D keypoints.
        frames: (B, F) bool, the supervised frames.
        moving: (B, F) bool, the frames whose velocity is supervised.
        with_2d, with_3d, with_smpl: (B,) bool, the clips that have the target.
    """

    confidence: Tensor
    frames: Tensor
    moving: Tensor
    with_2d: Tensor
    with_3d: Tensor
    with_smpl: Tensor

    def of(self, name: str) -> tuple[Tensor, Tensor]:
        """The frames (B, F) and the clips (B,) that count in a term."""
        frames = self.moving if name.startswith('velocity') else self.frames
        if name.startswith('smpl'):
            return frames, self.with_smpl
        return frames, self.with_2d if name.endswith('2d') else self.with_3d


def squared_errors(
    terms: Mapping[str, nn.Module], pairs: Mapping[str, tuple[Tensor, Tensor]], weights: TermWeights
) -> Tensor:
    """K terms' errors in each frame (K, F), averaged over clips; the mean over a branch's frames is the term's loss.

    Args:
        terms: K terms by name, all of them `is_squared_error`.
        pairs: Prediction and target of each term, (B, F, ...).
        weights: Of frames and clips.
    """
    if not terms:
        return weights.confidence.new_zeros(0, weights.frames.shape[1])
    residuals = _residuals(terms, pairs)
    widths = [residual.shape[-1] for residual in residuals]
    joined = torch.cat(residuals, dim=-1)  # (B, F, C)
    squares = joined * joined * _element_weights(terms, widths, weights.confidence)
    sums = torch.stack([part.sum(-1) for part in squares.split(widths, dim=-1)])  # (K, B, F)
    # The mean over frames is taken over all of them, the mean over clips over those that have the target.
    frames, clips = (torch.stack(kind).to(sums.dtype) for kind in zip(*map(weights.of, terms), strict=True))
    clips = clips / clips.sum(1, keepdim=True).clamp(min=1)
    return (sums * frames * clips[..., None]).sum(1)


def _residuals(terms: Mapping[str, nn.Module], pairs: Mapping[str, tuple[Tensor, Tensor]]) -> list[Tensor]:
    """The terms' residuals (B, F, C); a difference that two terms share is computed once."""
    differences: dict[int, Tensor] = {}
    residuals = []
    for name, term in terms.items():
        pred, target = pairs[name]
        if id(pred) not in differences:
            differences[id(pred)] = pred - target
        residuals.append(term.residual(differences[id(pred)]).flatten(2))
    return residuals


def _element_weights(terms: Mapping[str, nn.Module], widths: list[int], confidence: Tensor) -> Tensor:
    """The weight (B, F, C) of each square: the term's, times the keypoint's confidence in 2D terms."""
    parts = []
    for (name, term), width in zip(terms.items(), widths, strict=True):
        weight = term.loss_weight / width
        if name.endswith('2d'):
            part = (confidence * weight)[..., None].expand(*confidence.shape, width // confidence.shape[2]).flatten(2)
        else:
            part = confidence.new_full((), weight).expand(*confidence.shape[:2], width)
        parts.append(part)
    return torch.cat(parts, dim=-1)
