"""Checkpoints: reading them safely, converting the original's, SPIN's weights, and where weights come from."""

from glot_plugin.checkpoints.reading import check_state, load_state, read_checkpoint, read_tensors, tensors_of
from glot_plugin.checkpoints.spin import SPINInit

__all__ = ['SPINInit', 'check_state', 'load_state', 'read_checkpoint', 'read_tensors', 'tensors_of']
