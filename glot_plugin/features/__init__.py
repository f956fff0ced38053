"""Extracting per-frame features of images or landmarks from HumanData, frames or videos into track stores."""

from glot_plugin.features.backbones import Backbone, BackboneSpec, FrameExtractor, build_backbone
from glot_plugin.features.extract import ExtractOptions, extract_features
from glot_plugin.features.landmark_embedding import LandmarkEmbedding
from glot_plugin.features.landmark_errors import SimulateLandmarks
from glot_plugin.features.landmark_pose import LandmarkPose

__all__ = [
    'Backbone',
    'BackboneSpec',
    'ExtractOptions',
    'FrameExtractor',
    'LandmarkEmbedding',
    'LandmarkPose',
    'SimulateLandmarks',
    'build_backbone',
    'extract_features',
]
