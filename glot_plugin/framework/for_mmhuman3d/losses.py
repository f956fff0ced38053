"""GLoT's velocity losses in mmhuman3d's registry; `glot.VideoBodyModelEstimator` has keys for them."""

from mmhuman3d.models.losses.builder import LOSSES as MMHUMAN3D_LOSSES

from glot_plugin.framework.for_mmhuman3d.registries import child_registry
from glot_plugin.losses import VelocityLoss2d, VelocityLoss3d

LOSSES = child_registry(MMHUMAN3D_LOSSES)
LOSSES.register_module(module=VelocityLoss2d)
LOSSES.register_module(module=VelocityLoss3d)
