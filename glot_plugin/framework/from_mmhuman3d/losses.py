"""mmhuman3d's losses as terms of our `GLoTLoss`.

A term gets four tensors: predictions, targets, and two weights (`glot_plugin.losses`). mmhuman3d's losses take one
weight and divide by a number of elements. Both are chosen so that a squared error has the same value as ours.
"""

from mmhuman3d.models.losses.builder import LOSSES
from mmhuman3d.models.losses.mse_loss import KeypointMSELoss, MSELoss
from mmhuman3d.models.losses.rotaion_distance_loss import RotationDistance
from mmhuman3d.models.losses.smooth_l1_loss import L1Loss, SmoothL1Loss
from torch import Tensor, nn

from glot_plugin.adapters import as_loss_term
from glot_plugin.body_model.joint_sets import LSP14_HIPS, center_at
from glot_plugin.errors import InputError
from glot_plugin.losses.velocity import velocity

KEYPOINT_TERMS = ('keypoints2d', 'keypoints3d', 'velocity2d', 'velocity3d')
SMPL_TERMS = ('smpl_pose', 'smpl_betas')
TERMS_OF_LOSS: dict[type[nn.Module], tuple[str, ...]] = {
    KeypointMSELoss: KEYPOINT_TERMS,
    MSELoss: KEYPOINT_TERMS + SMPL_TERMS,
    L1Loss: KEYPOINT_TERMS + SMPL_TERMS,
    SmoothL1Loss: KEYPOINT_TERMS + SMPL_TERMS,
    RotationDistance: ('smpl_pose',),
}


class FrameworkLossTerm(nn.Module):
    """A loss of mmhuman3d as one term.

    What our own terms do before computing the error is done here: 3D keypoints are centred at the hips, velocities are
    differences of frames. The mean is ours, too: over everything (2D terms), or over the clips of weight 1; except for
    `RotationDistance`, which averages over the rotations that have a weight, whatever count it is given.

    Args:
        loss: The loss; its `reduction` must be 'mean'.
        term: Which term of `GLoTLoss` it is.
    """

    def __init__(self, loss: nn.Module, term: str) -> None:
        super().__init__()
        fitting = next(terms for kind, terms in TERMS_OF_LOSS.items() if isinstance(loss, kind))
        if term not in fitting:
            raise InputError(f'terms.{term}: {type(loss).__name__} does not fit; it can be {", ".join(fitting)}')
        if getattr(loss, 'reduction', 'mean') != 'mean':
            raise InputError(f"terms.{term}: {type(loss).__name__} has reduction={loss.reduction!r}, expected 'mean'")
        self.loss, self.term = loss, term

    def forward(self, pred: Tensor, target: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """The term's value.

        Args:
            pred, target: (B, T, ...), as for our own loss of this term.
            first, second: confidence (B, T, J) and mask (B, T) of 2D terms; mask (B, T) and clip_weight (B,) of others.
        """
        if self.term.startswith('velocity'):
            pred, target = velocity(pred), velocity(target)
        elif self.term == 'keypoints3d':
            pred, target = center_at(pred, pred, LSP14_HIPS), center_at(target, target, LSP14_HIPS)
        if self.term.endswith('2d'):
            weight, count = first * second[..., None], pred.numel()  # (B, T, J)
        else:
            clip_weight = second.to(pred.dtype)
            weight = first * clip_weight[:, None]  # (B, T)
            count = pred[0].numel() * clip_weight.sum().clamp(min=1)
        # One weight for each element of all axes but the last: (B, T, J) of keypoints, (B, T, J, 3) of rotations, (B,
        # T) of betas.
        weight = weight.reshape(*weight.shape, *[1] * (pred.ndim - 1 - weight.ndim)).expand(pred.shape[:-1])
        return self._call(pred, target, weight, count)

    def _call(self, pred: Tensor, target: Tensor, weight: Tensor, count: float | Tensor) -> Tensor:
        if isinstance(self.loss, KeypointMSELoss):
            keypoints = (tensor.flatten(0, 1) for tensor in (pred, target))  # (B * T, J, 2 or 3)
            return self.loss(*keypoints, target_conf=weight.flatten(0, 1), avg_factor=count)
        if isinstance(self.loss, RotationDistance):
            rotations = (tensor.reshape(-1, 3, 3) for tensor in (pred, target))
            return self.loss(*rotations, weight[..., 0].reshape(-1, 1))
        return self.loss(pred, target, weight[..., None], avg_factor=count)


def _as_term(loss: nn.Module, term: str) -> nn.Module:
    return FrameworkLossTerm(loss, term)


def _refuse(loss: nn.Module, term: str) -> nn.Module:
    fitting = ', '.join(kind.__name__ for kind, terms in TERMS_OF_LOSS.items() if term in terms)
    raise InputError(
        f"terms.{term}: mmhuman3d's {type(loss).__name__} does not compare predictions with targets frame by frame; "
        f'expected one of {fitting}'
    )


for kind in set(LOSSES.module_dict.values()):
    if isinstance(kind, type):
        as_loss_term.register(kind)(_as_term if issubclass(kind, tuple(TERMS_OF_LOSS)) else _refuse)
