"""Writing track stores: frames go straight to disk, and the store appears complete or not at all."""

import io
import json
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from glot_plugin.datasets.column_checks import check_boxes, checked_column, default_column
from glot_plugin.datasets.store_progress import PROGRESS_FILE, StoreProgress
from glot_plugin.datasets.store_schema import (
    COLUMN_NEEDS,
    CONVENTIONS,
    FRAME_COLUMNS,
    GENDERS,
    INDEX_FILE,
    MANDATORY_COLUMNS,
    OPTIONAL_TRACK_COLUMNS,
    SCHEMA_VERSION,
    check_column_set,
    row_shape,
)
from glot_plugin.datasets.track_store import TrackStore
from glot_plugin.errors import InputError
from glot_plugin.io.atomic_folder import AtomicFolder
from glot_plugin.io.files import write_errors, write_npy

BYTES_BETWEEN_SAVES = 2**28  # the most that a resumed writer has to write again


class TrackStoreWriter:
    """Write a track store, one track after another, with one track in memory at a time.

    Use it as a context manager. Rows go to a hidden folder beside `path`, which is renamed to `path` when the block
    succeeds and removed after an exception. What a killed process left is removed by the next writer of the same path,
    or resumed (`resume`).

    Args:
        path: folder to create.
        source: where the data come from, in words.
        columns: frame columns to write besides `features`, `frame_id` and `valid`; all by default.
        feature_dim: feature width C.
        keypoints3d_joints: joint set of `keypoints3d`, 'spin49' (J = 49) or 'h36m14' (J = 14).
        feature_dtype: 'float32' or 'float16'.
        meta: anything else worth keeping, as plain JSON.
        overwrite: replace a track store that is already there; it stays in place until the new one is complete.
        resume: continue after the tracks that a killed or interrupted writer with the same arguments left; `name in
            writer` tells which are written. Use it only if `meta` identifies the source: nothing else about it is
            compared.

    Raises:
        InputError: a bad argument, or a path that exists (without `overwrite`) or cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        source: str,
        columns: Sequence[str] = tuple(FRAME_COLUMNS),
        feature_dim: int = 2048,
        keypoints3d_joints: str = 'spin49',
        feature_dtype: str = 'float32',
        meta: dict | None = None,
        overwrite: bool = False,
        resume: bool = False,
    ) -> None:
        self.path = Path(path).absolute()
        self.source = source
        unknown = [name for name in columns if name not in FRAME_COLUMNS]
        if unknown:
            raise InputError(f'columns names {", ".join(unknown)}, expected some of {", ".join(FRAME_COLUMNS)}')
        self.columns = tuple(name for name in FRAME_COLUMNS if name in columns or name in MANDATORY_COLUMNS)
        self.keypoints3d_joints = keypoints3d_joints if 'keypoints3d' in self.columns else None
        check_column_set('columns', self.columns, self.keypoints3d_joints)
        if feature_dtype not in FRAME_COLUMNS['features'][1]:
            raise InputError(
                f'feature_dtype is {feature_dtype!r}, expected {" or ".join(FRAME_COLUMNS["features"][1])}'
            )
        if not isinstance(feature_dim, int) or feature_dim < 1:
            raise InputError(f'feature_dim is {feature_dim!r}, expected a positive integer')
        self.feature_dim = feature_dim
        self.feature_dtype = feature_dtype
        self.meta = _checked_meta({} if meta is None else meta)
        self._hidden: Path | None = None
        with self._disk_errors():
            self._folder = AtomicFolder(self.path, INDEX_FILE, overwrite)
        self.resume = resume
        self._broken = False

    def __contains__(self, name: str) -> bool:
        return name in self._tracks

    def __enter__(self) -> 'TrackStoreWriter':
        self._files: dict[str, BinaryIO] = {}
        self._tracks = StoreProgress()
        self._bytes_since_save = 0
        try:
            with self._disk_errors():
                self._open_files()
        except BaseException:
            self._clean_up()
            raise
        return self

    def __exit__(self, error_type: type[BaseException] | None, *_: object) -> None:
        try:
            if error_type is None:
                if self._broken:
                    raise InputError(f'{self.path}: a track was only partly written; nothing was kept')
                with self._disk_errors():
                    self._finish()
            elif self.resume and issubclass(error_type, KeyboardInterrupt):
                self._save_progress()
                self._folder.keep()
        finally:
            self._clean_up()

    def add_track(
        self,
        name: str,
        features: np.ndarray,
        keypoints2d: np.ndarray | None = None,
        bbox: np.ndarray | None = None,
        keypoints3d: np.ndarray | None = None,
        smpl_pose: np.ndarray | None = None,
        smpl_betas: np.ndarray | None = None,
        frame_id: np.ndarray | None = None,
        valid: np.ndarray | None = None,
        gender: str | None = None,
    ) -> None:
        """Append one track of n ≥ 1 frames.

        Args:
            name: its name, unique in the store; it carries the person, not the video alone.
            features: (n, C) floating point.
            keypoints2d: (n, 49, 3) pixels x, y and confidence; requires `bbox`. None: zeros, confidence 0.
            bbox: (n, 4) centre x, centre y, width, height in pixels.
            keypoints3d: (n, J, 3) metres. None: zeros, and the track counts as without 3D.
            smpl_pose: (n, 72) rotation vectors in radians; given together with `smpl_betas` or not at all.
            smpl_betas: (n, 10).
            frame_id: (n,) integers. None: 0, 1, …
            valid: (n,) bool. None: all True.
            gender: 'm', 'f' or 'n' (neutral), the SMPL body that the person was fitted with. None: not known.

        Raises:
            InputError: invalid data; the message names track, column and, for values, the row. No part of the track is
                written.
        """
        if self._hidden is None:
            raise RuntimeError('add_track must be called inside `with TrackStoreWriter(...) as writer:`')
        given = {
            'features': features,
            'keypoints2d': keypoints2d,
            'bbox': bbox,
            'keypoints3d': keypoints3d,
            'smpl_pose': smpl_pose,
            'smpl_betas': smpl_betas,
            'frame_id': frame_id,
            'valid': valid,
        }
        if gender is not None and gender not in GENDERS:
            raise InputError(
                f'{self.path}: track {name!r}: gender is {gender!r}, expected one of {", ".join(GENDERS)}, or None'
            )
        rows = self._checked_rows(name, {key: value for key, value in given.items() if value is not None})
        self._broken = True  # until every column has the track
        with self._disk_errors():
            for column in self.columns:
                self._files[column].write(memoryview(rows[column]))
        self._broken = False
        self._tracks.add(name, len(rows['features']), keypoints3d is not None, smpl_pose is not None, gender)
        self._bytes_since_save += sum(column.nbytes for column in rows.values())
        if self.resume and self._bytes_since_save >= BYTES_BETWEEN_SAVES:
            with self._disk_errors():
                self._save_progress()

    def _checked_rows(self, track: str, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """All columns of one track, checked, in the types of the store."""
        where = f'{self.path}: track {track!r}'
        if not isinstance(track, str) or not track:
            raise InputError(f'{where}: a track name must be a non-empty string')
        if track in self._tracks:
            raise InputError(f'{where}: is already in the store, expected unique names')
        for column in given:
            if column not in self.columns:
                raise InputError(f'{where}: column {column} was given, the store has {", ".join(self.columns)}')
        for column, needed in COLUMN_NEEDS:
            if column in given and needed not in given:
                raise InputError(f'{where}: {column} without {needed}')
        count = len(given['features']) if 'features' in given else 0
        if count == 0:
            raise InputError(f'{where}: has no frames (rows of features), expected at least one')
        rows = {}
        for column in self.columns:
            shape = (count, *self._row_shape(column))
            if column in given:
                rows[column] = checked_column(f'{where}, column {column}', given[column], shape, self._dtype(column))
            else:
                rows[column] = default_column(column, shape, self._dtype(column))
        if 'keypoints2d' in given:
            check_boxes(where, rows['keypoints2d'], rows['bbox'])
        return rows

    def _row_shape(self, column: str) -> tuple[int, ...]:
        return row_shape(column, self.feature_dim, self.keypoints3d_joints)

    def _dtype(self, column: str) -> np.dtype:
        return np.dtype(self.feature_dtype if column == 'features' else FRAME_COLUMNS[column][1][0])

    def _header(self, column: str) -> bytes:
        """The `.npy` header for the rows so far.

        numpy leaves room for the first axis to grow, so that the header has the same length whatever the count.
        """
        shape = (self._tracks.num_frames, *self._row_shape(column))
        header = {'descr': self._dtype(column).str, 'fortran_order': False, 'shape': shape}
        buffer = io.BytesIO()
        np.lib.format.write_array_header_1_0(buffer, header)
        return buffer.getvalue()

    def _num_bytes(self, column: str) -> int:
        """Length of a column's file with the rows so far."""
        row_bytes = int(np.prod(self._row_shape(column), dtype=np.int64)) * self._dtype(column).itemsize
        return len(self._header(column)) + self._tracks.num_frames * row_bytes

    def _open_files(self) -> None:
        self._hidden = self._folder.open(self._can_go_on if self.resume else None)
        for name in self.columns:
            path = self._hidden / f'{name}.npy'
            self._files[name] = path.open('r+b' if len(self._tracks) else 'wb')
            self._files[name].write(self._header(name))
            self._files[name].truncate(self._num_bytes(name))  # rows that came after the last save
            self._files[name].seek(0, os.SEEK_END)

    @property
    def _settings(self) -> dict:
        """The settings that must match for a writer to continue another one's work."""
        return {
            'schema_version': SCHEMA_VERSION,
            'source': self.source,
            'columns': list(self.columns),
            'feature_dim': self.feature_dim,
            'keypoints3d_joints': self.keypoints3d_joints,
            'feature_dtype': self.feature_dtype,
            'meta': self.meta,
        }

    def _can_go_on(self, folder: Path) -> bool:
        """Whether a folder holds tracks of the same source; they then count as written."""
        found = StoreProgress.load(folder, self._settings)
        if found is None or not len(found):
            return False
        self._tracks = found
        files = {name: folder / f'{name}.npy' for name in self.columns}
        if all(file.is_file() and file.stat().st_size >= self._num_bytes(name) for name, file in files.items()):
            return True
        self._tracks = StoreProgress()
        return False

    def _save_progress(self) -> None:
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())  # the rows are on the disk before the file that counts them
        self._tracks.save(self._hidden, self._settings)
        self._bytes_since_save = 0

    def _disk_errors(self) -> AbstractContextManager[None]:
        """Turn errors of the file system (no permission, disk full …) into an `InputError` that names the store."""
        return write_errors(self.path, self._hidden)

    def _clean_up(self) -> None:
        for file in self._files.values():
            with suppress(OSError):  # a full disk fails again here; the first error is already being raised
                file.close()
        self._folder.discard()
        self._hidden = None

    def _finish(self) -> None:
        """Write the headers with the final counts, the track columns and `store.json`, then rename the folder."""
        if not len(self._tracks):
            raise InputError(f'{self.path}: no track was added; nothing was kept')
        for name, file in self._files.items():
            file.seek(0)
            file.write(self._header(name))
            file.close()
        (self._hidden / PROGRESS_FILE).unlink(missing_ok=True)
        track_columns = self._tracks.columns()
        for name, column in track_columns.items():
            with (self._hidden / f'{name}.npy').open('wb') as file:
                write_npy(file, column)
        index = {
            'schema_version': SCHEMA_VERSION,
            'source': self.source,
            'num_frames': self._tracks.num_frames,
            'num_tracks': len(self._tracks),
            'feature_dim': self.feature_dim,
            'keypoints3d_joints': self.keypoints3d_joints,
            'columns': {
                name: {'dtype': self._dtype(name).name, 'shape': [self._tracks.num_frames, *self._row_shape(name)]}
                for name in self.columns
            },
            'track_columns': [name for name in OPTIONAL_TRACK_COLUMNS if name in track_columns],
            'conventions': CONVENTIONS,
            'meta': self.meta,
        }
        (self._hidden / INDEX_FILE).write_text(json.dumps(index, indent=2) + '\n', encoding='utf-8')
        TrackStore(self._hidden).close()  # an unreadable store is not published
        self._folder.publish()


def _checked_meta(meta: dict) -> dict:
    try:
        json.dumps(meta, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f'meta is not plain JSON: {error}') from error
    if not isinstance(meta, dict):
        raise InputError(f'meta is a {type(meta).__name__}, expected a dict')
    return meta
