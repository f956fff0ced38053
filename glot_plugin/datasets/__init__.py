"""Data path: track stores on disk, windows for training, tracks for testing, the batch sampler, collate."""

from glot_plugin.datasets.collate import as_fetched
from glot_plugin.datasets.samplers import BatchIndices, MixedBatchSampler
from glot_plugin.datasets.store_writer import TrackStoreWriter
from glot_plugin.datasets.track_dataset import TrackDataset
from glot_plugin.datasets.track_store import TrackStore
from glot_plugin.datasets.window_dataset import WindowDataset

__all__ = [
    'BatchIndices',
    'MixedBatchSampler',
    'TrackDataset',
    'TrackStore',
    'TrackStoreWriter',
    'WindowDataset',
    'as_fetched',
]
