"""The loss terms, and GLoT's sum of them."""

from glot_plugin.losses.glot_loss import GLoTLoss, Targets
from glot_plugin.losses.keypoints import KeypointLoss2d, KeypointLoss3d, keypoint_loss_2d, keypoint_loss_3d
from glot_plugin.losses.smpl_params import SmplBetasLoss, SmplPoseLoss
from glot_plugin.losses.velocity import VelocityLoss2d, VelocityLoss3d, velocity_loss_2d, velocity_loss_3d

__all__ = [
    'GLoTLoss',
    'KeypointLoss2d',
    'KeypointLoss3d',
    'SmplBetasLoss',
    'SmplPoseLoss',
    'Targets',
    'VelocityLoss2d',
    'VelocityLoss3d',
    'keypoint_loss_2d',
    'keypoint_loss_3d',
    'velocity_loss_2d',
    'velocity_loss_3d',
]
