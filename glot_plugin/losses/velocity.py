"""Velocity losses: how joints move from one frame to the next (section 3.4 of the paper).

The paper writes a sum of norms; the published weights are meant for the mean of squares, which these losses compute.
The 3D velocity is masked element by element (the original multiplies the means of squares and mask).
"""

import torch.nn.functional as F
from torch import Tensor

from glot_plugin.losses.keypoints import keypoint_loss_2d
from glot_plugin.losses.reduction import SquaredErrorLoss, weighted_mean
from glot_plugin.registry import MODELS


def velocity(joints: Tensor) -> Tensor:
    """Differences (B, T, J, D) of joints (B, T, J, D) from each frame to the next; zero for the last frame."""
    return F.pad(joints[:, 1:] - joints[:, :-1], (0, 0, 0, 0, 0, 1))


def velocity_loss_2d(pred: Tensor, target: Tensor, confidence: Tensor, mask: Tensor) -> Tensor:
    """Mean of `confidence * mask * (v_pred - v_target)²` with confidence and mask of the earlier frame.

    Args:
        pred, target: (B, T, J, 2), in crops normalised to [-1, 1].
        confidence: (B, T, J).
        mask: (B, T).
    """
    return keypoint_loss_2d(velocity(pred), velocity(target), confidence, mask)


def velocity_loss_3d(pred: Tensor, target: Tensor, mask: Tensor, clip_weight: Tensor) -> Tensor:
    """Mean of `mask * (v_pred - v_target)²` over clips of weight 1; joints are not centred.

    Args:
        pred, target: (B, T, J, 3), metres.
        mask: (B, T), of the earlier frame.
        clip_weight: (B,), 1 for clips that have 3D keypoints, 0 for the others.
    """
    return weighted_mean((velocity(pred) - velocity(target)) ** 2, mask, clip_weight)


@MODELS.register_module()
class VelocityLoss2d(SquaredErrorLoss):
    """`loss_weight` times the mean of `confidence * mask * (v_pred - v_target)²`, v from each frame to the next.

    Args:
        loss_weight: Weight of the term.
    """

    def residual(self, difference: Tensor) -> Tensor:
        """What is squared, of pred - target (B, T, J, D). The last frame has no next one, and must have weight 0."""
        return difference.roll(-1, dims=1) - difference

    def forward(self, pred: Tensor, target: Tensor, confidence: Tensor, mask: Tensor) -> Tensor:
        return self.loss_weight * velocity_loss_2d(pred, target, confidence, mask)


@MODELS.register_module()
class VelocityLoss3d(SquaredErrorLoss):
    """`loss_weight` times the mean of `mask * (v_pred - v_target)²` over clips that have 3D keypoints.

    Args:
        loss_weight: Weight of the term.
    """

    def residual(self, difference: Tensor) -> Tensor:
        """What is squared, of pred - target (B, T, J, D). The last frame has no next one, and must have weight 0."""
        return difference.roll(-1, dims=1) - difference

    def forward(self, pred: Tensor, target: Tensor, mask: Tensor, clip_weight: Tensor) -> Tensor:
        return self.loss_weight * velocity_loss_3d(pred, target, mask, clip_weight)
