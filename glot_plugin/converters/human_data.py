"""Track stores as HumanData files, for mmhuman3d's own data sets."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from glot_plugin.body_model.joint_sets import LSP14
from glot_plugin.converters.human_data_archive import (
    SPIN49_IN_THAT_ORDER,
    HumanDataArchive,
    crop_boxes,
    open_human_data,
)
from glot_plugin.datasets.track_store import TrackStore
from glot_plugin.errors import InputError

Rows = Callable[[int, np.ndarray], np.ndarray]


def export_human_data(store_path: str | Path, path: str | Path) -> Path:
    """Write a track store as a HumanData `.npz`.

    Tracks are written one after another and `image_path` is `track/frame.jpg`, so that mmhuman3d's video data set,
    which groups frames by folder, never joins two people. Invalid frames are left out, as in mmhuman3d's own
    converters. Boxes are the crops (1.2 times ours), because mmhuman3d uses boxes as crops. Features are copied track
    by track.

    Args:
        store_path: The store.
        path: The file to write; an existing file newer than the store is kept.

    Raises:
        InputError: The store is broken or has no valid frames, or `path` cannot be written.
    """
    path = Path(path)
    if path.suffix != '.npz':
        raise InputError(f'{path}: a HumanData file ends in .npz')
    with TrackStore(store_path) as store:
        if path.is_file() and path.stat().st_mtime_ns >= (store.path / 'store.json').stat().st_mtime_ns:
            return path
        export = _Export(store)
        with open_human_data(path, export.num_frames, store.source) as archive:
            export.write(archive)
    return path


class _Export:
    """One export: the valid frames of each track."""

    def __init__(self, store: TrackStore) -> None:
        self.store = store
        valid = store.columns['valid']
        rows = {
            track: start + np.flatnonzero(valid[start:stop])
            for track, (start, stop) in enumerate(pairwise(store.track_offsets.tolist()))
        }
        self.rows = {track: found for track, found in rows.items() if len(found)}
        self.num_frames = sum(map(len, self.rows.values()))
        if not self.num_frames:
            raise InputError(f'{store.path}: has no valid frame, so there is no HumanData to write')

    def write(self, archive: HumanDataArchive) -> None:
        store, columns = self.store, self.store.frame_columns
        longest = max(map(len, store.track_names.tolist())) + 24
        archive.column('image_path', np.dtype(f'<U{longest}'), (), self._pieces(self._image_paths))
        archive.column('track_id', np.dtype(np.int64), (), self._pieces(lambda track, rows: np.full(len(rows), track)))
        features = self._pieces(self._of('features'))
        archive.column('features', columns['features'].dtype, (store.feature_dim,), features)
        if 'bbox' in columns:
            archive.column('bbox_xywh', np.dtype(np.float32), (5,), map(crop_boxes, self._pieces(self._of('bbox'))))
        if 'keypoints2d' in columns:
            archive.keypoints('keypoints2d', SPIN49_IN_THAT_ORDER, 3, self._pieces(self._of('keypoints2d')))
        if 'keypoints3d' in columns:
            joints = tuple(range(49)) if store.keypoints3d_joints == 'spin49' else LSP14
            order = [joint for joint in SPIN49_IN_THAT_ORDER if joint in joints]
            archive.keypoints('keypoints3d', order, 4, self._pieces(self._keypoints3d(joints)))
        if 'smpl_pose' in columns:
            archive.smpl(*(np.concatenate([*self._pieces(self._of(name))]) for name in ('smpl_pose', 'smpl_betas')))
            has = store.track_has_smpl
            has_smpl = self._pieces(lambda track, rows: np.full(len(rows), has[track]))
            archive.column('has_smpl', np.dtype(np.uint8), (), has_smpl)
        if (store.track_gender != '').any():
            archive.genders([str(store.track_gender[track]) for track, rows in self.rows.items() for _ in rows])

    def _of(self, column: str) -> Rows:
        """Rows of a store's column, read rather than memory-mapped, so that no page of the features stays in memory."""
        file = self.store.frame_columns[column]

        def read(track: int, rows: np.ndarray) -> np.ndarray:
            start, stop = self.store.track_rows(track)
            values = np.empty((stop - start, *file.shape[1:]), file.dtype)
            self.store.read_rows(column, start, values)
            return values[rows - start]

        return read

    def _image_paths(self, track: int, rows: np.ndarray) -> np.ndarray:
        name = self.store.track_names[track]
        return np.array([f'{name}/{number:06d}.jpg' for number in self._of('frame_id')(track, rows).tolist()])

    def _keypoints3d(self, joints: tuple[int, ...]) -> Rows:
        def read(track: int, rows: np.ndarray) -> np.ndarray:
            keypoints = np.zeros((len(rows), 49, 4), np.float32)
            if self.store.track_has_keypoints3d[track]:
                keypoints[:, list(joints), :3] = self._of('keypoints3d')(track, rows)
                keypoints[:, list(joints), 3] = 1
            return keypoints

        return read

    def _pieces(self, rows: Rows) -> Iterator[np.ndarray]:
        return (rows(track, found) for track, found in self.rows.items())
