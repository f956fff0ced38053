"""The collate function of data sets that fetch whole batches."""

from typing import Any

import numpy as np
import torch

from glot_plugin.errors import InputError
from glot_plugin.registry import FUNCTIONS


@FUNCTIONS.register_module()
def as_fetched(batch: dict | list[dict]) -> dict[str, Any]:
    """Turn a batch's arrays into tensors without copying; everything else is unchanged.

    Args:
        batch: what `WindowDataset` fetched for all indices at once, or a list of one item (`TrackDataset` with
            batch_size=1), which stays without a batch axis.

    Raises:
        InputError: several items: tracks have no common length.
    """
    if isinstance(batch, list):
        if len(batch) != 1:
            raise InputError(f'batch_size is {len(batch)}, expected 1: whole tracks are not stacked')
        batch = batch[0]
    return {name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value for name, value in batch.items()}
