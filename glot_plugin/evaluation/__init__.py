"""Metrics: the mathematics as pure functions, and the classes that accumulate them over tracks, one per protocol."""

from glot_plugin.evaluation.body_metric import BodyMetric
from glot_plugin.evaluation.mmhuman3d_metric import MMHuman3DMetric

__all__ = ['BodyMetric', 'MMHuman3DMetric']
