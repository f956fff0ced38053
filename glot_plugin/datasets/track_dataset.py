"""Test data: complete tracks, one per item."""

import os
from collections.abc import Sequence

import numpy as np

from glot_plugin.datasets.column_checks import first_nonfinite_row
from glot_plugin.datasets.track_store import IndexInputError, TrackStore, open_stores
from glot_plugin.datasets.window_dataset import TARGET_COLUMNS, Transform, build_pipeline
from glot_plugin.registry import DATASETS


@DATASETS.register_module()
class TrackDataset:
    """Complete tracks from track stores.

    An item is a dict: `features` (N, C) float32, `frame_id` (N,) int64, `frame_valid` (N,) bool, the target columns (N,
    …) that the track has, and as plain Python values `track_name`, `store_name` (the folder), `keypoints3d_joints` (the
    joint set or None), `gender` ('m', 'f', 'n', or None where it is not known), `has_keypoints3d` and `has_smpl`.

    Args:
        stores: path of a track store, or several.
        pipeline: transforms as in `WindowDataset`; here they receive the item.
        feature_dim: feature width C that the stores must have; None: that of the first.
        drop_invalid: leave out invalid frames, as the paper does for 3DPW, and tracks without a valid frame. False:
            invalid frames stay in the track, marked only by `frame_valid`.

    Raises:
        InputError: a broken store, differing widths, NaN or infinite values (when fetched).
    """

    def __init__(
        self,
        stores: str | os.PathLike | Sequence[str | os.PathLike],
        pipeline: Sequence[dict | Transform] = (),
        feature_dim: int | None = None,
        drop_invalid: bool = False,
    ) -> None:
        self.stores = open_stores(stores, feature_dim)
        self.pipeline = build_pipeline(pipeline)
        self.feature_dim = self.stores[0].feature_dim
        self.drop_invalid = drop_invalid
        self._items: list[tuple[int, int]] = []  # store, track
        lengths = []
        for number, store in enumerate(self.stores):
            counts = _valid_counts(store) if drop_invalid else np.diff(store.track_offsets)
            kept = np.flatnonzero(counts)
            self._items += [(number, track) for track in kept.tolist()]
            lengths.append(counts[kept])
        self.track_lengths = np.concatenate(lengths)  # (items,) frames of each

    def __len__(self) -> int:
        return len(self._items)

    @property
    def metainfo(self) -> dict:
        """What mmengine hands to metrics and visualisers."""
        return {'stores': [str(store.path) for store in self.stores], 'feature_dim': self.feature_dim}

    def __getitem__(self, index: int) -> dict:
        """One track, passed through the pipeline.

        Raises:
            IndexInputError: no such track.
            InputError: NaN or infinite values; names store, track and frame.
        """
        if not 0 <= index < len(self):
            raise IndexInputError(f'track index {index} is out of range: the data set has {len(self)} tracks')
        number, track = self._items[index]
        item = self._read_track(self.stores[number], track)
        rng = np.random.default_rng(index)
        for transform in self.pipeline:
            item = transform(item, rng)
        return item

    def _read_track(self, store: TrackStore, track: int) -> dict:
        start, stop = store.track_rows(track)
        has = {
            'has_keypoints3d': bool(store.track_has_keypoints3d[track]),
            'has_smpl': bool(store.track_has_smpl[track]),
        }
        absent = (() if has['has_keypoints3d'] else ('keypoints3d',)) + (
            () if has['has_smpl'] else ('smpl_pose', 'smpl_betas')
        )
        names = ['features', 'frame_id', 'valid']
        names += [name for name in TARGET_COLUMNS if name in store.frame_columns and name not in absent]
        columns = {name: _read_column(store, name, start, stop) for name in names}
        if self.drop_invalid:
            columns = {name: values[columns['valid']] for name, values in columns.items()}
        columns['frame_valid'] = columns.pop('valid')
        return {
            **columns,
            **has,
            'track_name': str(store.track_names[track]),
            'store_name': store.path.name,
            'gender': str(store.track_gender[track]) or None,
            'keypoints3d_joints': store.keypoints3d_joints if has['has_keypoints3d'] else None,
        }


def _read_column(store: TrackStore, name: str, start: int, stop: int) -> np.ndarray:
    """Rows `start:stop` of a column, half precision as float32, checked to be finite."""
    file = store.frame_columns[name]
    values = np.empty((stop - start, *file.shape[1:]), np.float32 if file.dtype.kind == 'f' else file.dtype)
    store.read_rows(name, start, values)
    row = first_nonfinite_row(values)
    if row is not None:
        raise store.nonfinite_error(name, start + row)
    return values


def _valid_counts(store: TrackStore) -> np.ndarray:
    """(M,) number of valid frames of each track."""
    valid = np.empty(store.num_frames, np.bool_)
    store.read_rows('valid', 0, valid)
    return np.add.reduceat(valid, store.track_offsets[:-1], dtype=np.int64)
