"""GLoT's parts, each registered and usable on its own."""

from glot_plugin.models.estimator import GLoTEstimator
from glot_plugin.models.global_motion import GlobalMotionModel, GlobalTransformer
from glot_plugin.models.glot_head import GLoTHead, HeadOutput
from glot_plugin.models.hscr import HSCR, ResidualRegressor
from glot_plugin.models.iterative_regressor import IterativeRegressor
from glot_plugin.models.local_correction import LocalCorrection, NearbyFrames
from glot_plugin.models.masking import MPSEMasking
from glot_plugin.models.mean_pose_head import MeanPoseHead
from glot_plugin.models.neck_head import NeckHead

__all__ = [
    'GLoTEstimator',
    'GLoTHead',
    'GlobalMotionModel',
    'GlobalTransformer',
    'HSCR',
    'HeadOutput',
    'IterativeRegressor',
    'LocalCorrection',
    'MPSEMasking',
    'MeanPoseHead',
    'NearbyFrames',
    'NeckHead',
    'ResidualRegressor',
]
