"""Pictures on disk: skeletons over time, error curves, the training curve, a shaded mesh; the figures of the paper.

Requires matplotlib.
"""

from glot_plugin.visualisation.attention_maps import draw_attention_maps
from glot_plugin.visualisation.branch_meshes import draw_branch_meshes
from glot_plugin.visualisation.curves import (
    draw_acceleration_errors,
    draw_learning_curves,
    draw_loss_curves,
    draw_track_error,
    draw_training_curve,
)
from glot_plugin.visualisation.mesh import draw_mesh
from glot_plugin.visualisation.skeletons import draw_skeletons_over_time

__all__ = [
    'draw_acceleration_errors',
    'draw_attention_maps',
    'draw_branch_meshes',
    'draw_learning_curves',
    'draw_loss_curves',
    'draw_mesh',
    'draw_skeletons_over_time',
    'draw_track_error',
    'draw_training_curve',
]
