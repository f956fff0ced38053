"""Metrics: the mathematics as pure functions, and the classes that gather them over tracks, one a protocol."""

from glot_plugin.evaluation.body_metric import BodyMetric
from glot_plugin.evaluation.mmhuman3d_metric import MMHuman3DMetric

__all__ = ['BodyMetric', 'MMHuman3DMetric']
