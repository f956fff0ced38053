"""What the losses of one kind, weighted means of squares, share."""

from torch import Tensor, nn


def weighted_mean(values: Tensor, mask: Tensor, clip_weight: Tensor) -> Tensor:
    """Mean of `mask * values` over the clips of weight 1; zero if there are none.

    The mask scales values but does not enter the mean's count: a mean over masked frames is taken over all frames.
    Shapes do not depend on the data, so the step runs without synchronisation and compiles.

    Args:
        values: (B, T, ...).
        mask: (B, T).
        clip_weight: (B,), 0 or 1.
    """
    clip_means = (values.flatten(2).mean(-1) * mask).mean(1)  # (B,)
    clip_weight = clip_weight.to(clip_means.dtype)
    return (clip_means * clip_weight).sum() / clip_weight.sum().clamp(min=1)


class SquaredErrorLoss(nn.Module):
    """Base of a loss that is `loss_weight` times a weighted mean of squares of something linear in pred - target.

    Args:
        loss_weight: Weight of the term.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def residual(self, difference: Tensor) -> Tensor:
        """What is squared, of pred - target."""
        return difference
