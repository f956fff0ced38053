"""Transforms of whole batches: `transform(batch, rng) -> batch`, with a generator that depends on the batch alone."""

from glot_plugin.transforms.mask_frames import MaskFrames
from glot_plugin.transforms.normalize import NormalizeKeypoints2d, normalize_keypoints2d
from glot_plugin.transforms.pack import Pack, pack

__all__ = ['MaskFrames', 'NormalizeKeypoints2d', 'Pack', 'normalize_keypoints2d', 'pack']
