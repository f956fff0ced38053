"""Per-frame features, of images or landmarks: HumanData, folders of frames or videos in, track stores out."""

from glot_plugin.features.backbones import Backbone, BackboneSpec, FrameExtractor, build_backbone
from glot_plugin.features.extract import ExtractOptions, extract_features

__all__ = ['Backbone', 'BackboneSpec', 'ExtractOptions', 'FrameExtractor', 'build_backbone', 'extract_features']
