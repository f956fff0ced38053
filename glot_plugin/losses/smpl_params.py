"""Losses of SMPL's pose and shape (section 3.4 of the paper)."""

from torch import Tensor

from glot_plugin.losses.reduction import SquaredErrorLoss, weighted_mean
from glot_plugin.registry import MODELS


@MODELS.register_module()
class SmplPoseLoss(SquaredErrorLoss):
    """`loss_weight` times the mean of `mask * (R_pred - R_target)²` over clips that have SMPL parameters.

    Args:
        loss_weight: Weight of the term.
    """

    def forward(self, pred: Tensor, target: Tensor, mask: Tensor, clip_weight: Tensor) -> Tensor:
        """Rotation matrices (B, T, 24, 3, 3) against their targets; mask (B, T); clip_weight (B,)."""
        return self.loss_weight * weighted_mean((pred - target) ** 2, mask, clip_weight)


@MODELS.register_module()
class SmplBetasLoss(SquaredErrorLoss):
    """`loss_weight` times the mean of `mask * (betas_pred - betas_target)²` over clips that have SMPL parameters.

    Args:
        loss_weight: Weight of the term.
    """

    def forward(self, pred: Tensor, target: Tensor, mask: Tensor, clip_weight: Tensor) -> Tensor:
        """Betas (B, T, 10) against their targets; mask (B, T); clip_weight (B,)."""
        return self.loss_weight * weighted_mean((pred - target) ** 2, mask, clip_weight)
