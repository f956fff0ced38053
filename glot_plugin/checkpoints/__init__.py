"""Checkpoints: reading them safely, the original's names, SPIN's weights, where weights come from."""

from glot_plugin.checkpoints.reading import check_state, load_state, read_checkpoint, read_tensors, tensors_of
from glot_plugin.checkpoints.spin import SPINInit

__all__ = ['SPINInit', 'check_state', 'load_state', 'read_checkpoint', 'read_tensors', 'tensors_of']
