"""Pictures on disk: skeletons over time, error curves, the training curve, a shaded mesh. Needs matplotlib."""

from glot_plugin.visualisation.curves import draw_track_error, draw_training_curve
from glot_plugin.visualisation.mesh import draw_mesh
from glot_plugin.visualisation.skeletons import draw_skeletons_over_time

__all__ = ['draw_mesh', 'draw_skeletons_over_time', 'draw_track_error', 'draw_training_curve']
