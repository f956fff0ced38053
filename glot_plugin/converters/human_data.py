"""Track stores as HumanData files, for mmhuman3d's own data sets."""

import pickle
import zipfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from glot_plugin.body_model.joint_sets import LSP14
from glot_plugin.datasets.track_store import TrackStore
from glot_plugin.errors import InputError
from glot_plugin.io.files import atomic_write
from glot_plugin.transforms.normalize import NormalizeKeypoints2d

# HumanData stores joints in its own order of 190, of which a mask names those that are there. These places hold the 49
# joints, and these are the 49 in that order.
NUM_HUMAN_DATA_JOINTS = 190
HUMAN_DATA_PLACES = (4, 5, 7, 8, 16, 17, 18, 19, 20, 21, 55, 56, 57, 58, 59, *range(144, 178))
SPIN49_IN_THAT_ORDER = (
    29, 26, 30, 25, 34, 33, 35, 32, 36, 31, 44, 46, 45, 48, 47, 27, 28, 37, 38, 39, 40, 41, 42, 43, *range(25),
)  # fmt: skip

Rows = Callable[[int, np.ndarray], np.ndarray]


def export_human_data(store_path: str | Path, path: str | Path) -> Path:
    """Write a track store as a HumanData `.npz`.

    Tracks follow one another and `image_path` is `track/frame.jpg`, so that mmhuman3d's video data set, which goes by
    the folder, never joins two people. Frames that are not valid are left out, as by
    mmhuman3d's own converters. Boxes are the crops (1.2 times ours): mmhuman3d takes boxes as they are. Features pass
    through track by track.

    Args:
        store_path: The store.
        path: The file to write; one that is newer than the store is kept.

    Raises:
        InputError: A broken store, one without valid frames, or `path` cannot be written.
    """
    path = Path(path)
    if path.suffix != '.npz':
        raise InputError(f'{path}: a HumanData file ends in .npz')
    with TrackStore(store_path) as store:
        if path.is_file() and path.stat().st_mtime_ns >= (store.path / 'store.json').stat().st_mtime_ns:
            return path
        with atomic_write(path, 'wb') as file, zipfile.ZipFile(file, 'w') as archive:
            _Export(store, archive).write()
    return path


class _Export:
    """One export: the valid frames of each track, and the archive that they go to."""

    def __init__(self, store: TrackStore, archive: zipfile.ZipFile) -> None:
        self.store, self.archive = store, archive
        valid = store.columns['valid']
        rows = {
            track: start + np.flatnonzero(valid[start:stop])
            for track, (start, stop) in enumerate(pairwise(store.track_offsets.tolist()))
        }
        self.rows = {track: found for track, found in rows.items() if len(found)}
        self.num_frames = sum(map(len, self.rows.values()))
        if not self.num_frames:
            raise InputError(f'{store.path}: has no valid frame, so there is no HumanData to write')

    def write(self) -> None:
        store, columns = self.store, self.store.frame_columns
        self._value('__key_strict__', np.bool_(False))
        self._value('__data_len__', np.int64(self.num_frames))
        self._value('__keypoints_compressed__', np.bool_(True))
        self._value('config', np.str_(store.source))
        longest = max(map(len, store.track_names.tolist())) + 24
        self._column('image_path', np.dtype(f'<U{longest}'), (), self._image_paths)
        self._column('track_id', np.dtype(np.int64), (), lambda track, rows: np.full(len(rows), track))
        self._column('features', columns['features'].dtype, (store.feature_dim,), self._of('features'))
        if 'bbox' in columns:
            self._column('bbox_xywh', np.dtype(np.float32), (5,), self._boxes)
        if 'keypoints2d' in columns:
            self._keypoints('keypoints2d', SPIN49_IN_THAT_ORDER, self._of('keypoints2d'), 3)
        if 'keypoints3d' in columns:
            joints = tuple(range(49)) if store.keypoints3d_joints == 'spin49' else LSP14
            order = [joint for joint in SPIN49_IN_THAT_ORDER if joint in joints]
            self._keypoints('keypoints3d', order, self._keypoints3d(joints), 4)
        if 'smpl_pose' in columns:
            self._smpl()
        if (store.track_gender != '').any():
            genders = [str(store.track_gender[track]) for track, rows in self.rows.items() for _ in rows]
            self._value('meta', np.array({'gender': genders}, dtype=object))

    def _of(self, column: str) -> Rows:
        """Rows of a store's column, read and not mapped: no page of the features stays in memory."""
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

    def _boxes(self, track: int, rows: np.ndarray) -> np.ndarray:
        boxes = self._of('bbox')(track, rows)
        size = boxes[:, 2:] * NormalizeKeypoints2d().box_scale
        return np.concatenate([boxes[:, :2] - size / 2, size, np.ones((len(boxes), 1), np.float32)], axis=1)

    def _keypoints3d(self, joints: tuple[int, ...]) -> Rows:
        def read(track: int, rows: np.ndarray) -> np.ndarray:
            keypoints = np.zeros((len(rows), 49, 4), np.float32)
            if self.store.track_has_keypoints3d[track]:
                keypoints[:, list(joints), :3] = self._of('keypoints3d')(track, rows)
                keypoints[:, list(joints), 3] = 1
            return keypoints

        return read

    def _keypoints(self, key: str, order: list[int] | tuple[int, ...], rows: Rows, width: int) -> None:
        mask = np.zeros(NUM_HUMAN_DATA_JOINTS, np.uint8)
        places = dict(zip(SPIN49_IN_THAT_ORDER, HUMAN_DATA_PLACES, strict=True))
        mask[[places[joint] for joint in order]] = 1
        self._value(f'{key}_mask', mask)
        self._value(f'{key}_convention', np.str_('human_data'))
        self._column(key, np.dtype(np.float32), (len(order), width), lambda t, r: rows(t, r)[:, list(order)])

    def _smpl(self) -> None:
        pose, betas = (
            np.concatenate([self._of(column)(track, rows) for track, rows in self.rows.items()])
            for column in ('smpl_pose', 'smpl_betas')
        )
        smpl = {'global_orient': pose[:, :3], 'body_pose': pose[:, 3:].reshape(-1, 23, 3), 'betas': betas}
        self._value('smpl', np.array(smpl, dtype=object))
        has = self.store.track_has_smpl
        self._column('has_smpl', np.dtype(np.uint8), (), lambda track, rows: np.full(len(rows), has[track]))

    def _value(self, key: str, value: Any) -> None:
        """One entry whole; a dict, which HumanData holds as such, is pickled as numpy does."""
        array = np.asarray(value)
        with self.archive.open(f'{key}.npy', 'w', force_zip64=True) as file:
            header = {'descr': np.lib.format.dtype_to_descr(array.dtype), 'fortran_order': False, 'shape': array.shape}
            np.lib.format.write_array_header_1_0(file, header)
            file.write(pickle.dumps(array, protocol=3) if array.dtype.hasobject else array.tobytes())

    def _column(self, key: str, dtype: np.dtype, row_shape: tuple[int, ...], rows: Rows) -> None:
        """One array with a row a frame, written track by track."""
        header = {'descr': dtype.str, 'fortran_order': False, 'shape': (self.num_frames, *row_shape)}
        with self.archive.open(f'{key}.npy', 'w', force_zip64=True) as file:
            np.lib.format.write_array_header_1_0(file, header)
            for piece in self._pieces(rows):
                file.write(np.ascontiguousarray(piece, dtype))

    def _pieces(self, rows: Rows) -> Iterator[np.ndarray]:
        return (rows(track, found) for track, found in self.rows.items())
