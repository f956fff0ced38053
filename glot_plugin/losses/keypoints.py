"""Losses of 2D and 3D keypoints (section 3.4 of the paper)."""

from torch import Tensor

from glot_plugin.body_model.joint_sets import LSP14_HIPS, center_at
from glot_plugin.losses.reduction import SquaredErrorLoss, weighted_mean
from glot_plugin.registry import MODELS


def keypoint_loss_2d(pred: Tensor, target: Tensor, confidence: Tensor, mask: Tensor) -> Tensor:
    """Mean of `confidence * mask * (pred - target)²` over everything.

    Args:
        pred, target: (B, T, J, 2), in crops normalised to [-1, 1].
        confidence: (B, T, J).
        mask: (B, T), the weight of each frame.
    """
    return (confidence[..., None] * mask[..., None, None] * (pred - target) ** 2).mean()


def keypoint_loss_3d(
    pred: Tensor, target: Tensor, mask: Tensor, clip_weight: Tensor, root: tuple[int, ...] = LSP14_HIPS
) -> Tensor:
    """Mean of `mask * (pred - target)²` over clips of weight 1, both sides centred at the midpoint of `root`.

    Args:
        pred, target: (B, T, J, 3), metres; by default 14 LSP joints.
        mask: (B, T), the weight of each frame.
        clip_weight: (B,), 1 for clips that have 3D keypoints, 0 for the others.
        root: Joints whose midpoint is the origin.
    """
    pred, target = center_at(pred, pred, root), center_at(target, target, root)
    return weighted_mean((pred - target) ** 2, mask, clip_weight)


@MODELS.register_module()
class KeypointLoss2d(SquaredErrorLoss):
    """`loss_weight` times the mean of `confidence * mask * (pred - target)²`, in crops normalised to [-1, 1].

    Args:
        loss_weight: Weight of the term.
    """

    def forward(self, pred: Tensor, target: Tensor, confidence: Tensor, mask: Tensor) -> Tensor:
        return self.loss_weight * keypoint_loss_2d(pred, target, confidence, mask)


@MODELS.register_module()
class KeypointLoss3d(SquaredErrorLoss):
    """`loss_weight` times the mean of `mask * (pred - target)²` over clips that have 3D keypoints, in m about `root`.

    Args:
        loss_weight: Weight of the term.
        root: Joints whose midpoint is the origin; LSP's hips by default.
    """

    def __init__(self, loss_weight: float = 1.0, root: tuple[int, ...] = LSP14_HIPS) -> None:
        super().__init__(loss_weight)
        self.root = tuple(root)

    def residual(self, difference: Tensor) -> Tensor:
        """What is squared, of pred - target (B, T, J, D)."""
        return center_at(difference, difference, self.root)

    def forward(self, pred: Tensor, target: Tensor, mask: Tensor, clip_weight: Tensor) -> Tensor:
        return self.loss_weight * keypoint_loss_3d(pred, target, mask, clip_weight, self.root)
