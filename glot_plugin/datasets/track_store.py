"""Track stores: a data set as a folder of plain `.npy` columns and one small JSON, opened without reading the data.

A *track* is one person in one video. Frame columns have one row per frame; the frames of track `k` are the rows
`track_offsets[k]:track_offsets[k + 1]`. `TrackStoreWriter` (store_writer.py) writes what `TrackStore` reads.
"""

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from glot_plugin.datasets.store_schema import FRAME_COLUMNS, GENDERS, INDEX_FILE, WRITE_AGAIN, read_index, row_shape
from glot_plugin.errors import InputError
from glot_plugin.io.npy_file import NpyFile


class IndexInputError(InputError, IndexError):
    """An index out of range; also an `IndexError`, so that iterating over a data set ends as Python expects."""


class TrackStore:
    """A track store on disk, checked and open for reading.

    Opening reads `store.json`, the headers of the columns and the small track columns; a million frames open in
    milliseconds. Rows are read with `read_rows` (straight into the caller's array: no page stays mapped, so resident
    memory does not grow with what was read) or through the memory maps in `columns`. A store is pickled as its path.

    Args:
        path: folder of the store.

    Raises:
        InputError: a missing, truncated or wrongly shaped column, another schema version, broken offsets; the
            message names the file.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        self.index = read_index(self.path)
        self.num_frames: int = self.index['num_frames']
        self.num_tracks: int = self.index['num_tracks']
        self.feature_dim: int = self.index['feature_dim']
        self.keypoints3d_joints: str | None = self.index['keypoints3d_joints']
        self.meta: dict = self.index['meta']
        self.source: str = self.index['source']
        self.frame_columns = {
            name: self._check_frame_column(name, declared) for name, declared in self.index['columns'].items()
        }
        self.track_offsets = self._load_track_column('track_offsets', 'i', self.num_tracks + 1)  # (M + 1,)
        self.track_names = self._load_track_column('track_names', 'U', self.num_tracks)  # (M,)
        self.track_has_keypoints3d = self._load_track_column('track_has_keypoints3d', 'b', self.num_tracks)
        self.track_has_smpl = self._load_track_column('track_has_smpl', 'b', self.num_tracks)
        self.track_gender = self._load_genders()  # (M,) 'm', 'f', 'n' or '' (not known)
        self._check_offsets()
        self._descriptors: dict[str, int] = {}

    def __repr__(self) -> str:
        return f'TrackStore({str(self.path)!r}: {self.num_tracks} tracks, {self.num_frames} frames)'

    def __reduce__(self) -> tuple:
        return type(self), (str(self.path),)

    def __enter__(self) -> 'TrackStore':
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Close the open files; they open again when read."""
        descriptors = self.__dict__.get('_descriptors', {})  # absent where opening the store failed
        while descriptors:
            os.close(descriptors.popitem()[1])

    @cached_property
    def columns(self) -> dict[str, np.memmap]:
        """Frame columns as read-only memory maps, first axis N."""
        return {name: file.memmap() for name, file in self.frame_columns.items()}

    def track_rows(self, track: int) -> tuple[int, int]:
        """First row of a track and the row after its last.

        Raises:
            IndexInputError: no such track.
        """
        if not 0 <= track < self.num_tracks:
            raise IndexInputError(
                f'{self.path}: track index {track} is out of range: the store has {self.num_tracks} tracks, '
                f'expected 0 to {self.num_tracks - 1}'
            )
        return int(self.track_offsets[track]), int(self.track_offsets[track + 1])

    def track(self, track: int) -> dict[str, np.ndarray]:
        """The frame columns of one track, as views (n, …) of the memory maps."""
        start, stop = self.track_rows(track)
        return {name: column[start:stop] for name, column in self.columns.items()}

    def read_rows(self, column: str, start: int, out: np.ndarray) -> None:
        """Fill `out` (n, …) with the rows `start:start + n` of a frame column.

        Args:
            column: a name in `frame_columns`.
            start: first row.
            out: C-contiguous, of the column's row shape and type; float32 also accepts a float16 column.

        Raises:
            InputError: the rows are outside the column, or the file was cut short after it was opened.
        """
        file = self.frame_columns[column]
        if start < 0 or start + len(out) > self.num_frames or out.shape[1:] != file.shape[1:]:
            raise IndexInputError(
                f'{file.path}: rows {start}:{start + len(out)} of shape {out.shape[1:]} requested, '
                f'the column has {self.num_frames} of shape {file.shape[1:]}'
            )
        if out.dtype == file.dtype:
            self._read_into(column, file.data_start + start * file.row_bytes, out)
            return
        raw = np.empty(out.shape, file.dtype)
        self._read_into(column, file.data_start + start * file.row_bytes, raw)
        # torch converts half precision ten times as fast as numpy
        torch.from_numpy(out).copy_(torch.from_numpy(raw))

    def nonfinite_error(self, column: str, row: int) -> InputError:
        """The error for a NaN or infinite value in a row of a frame column: names store, track and frame."""
        track = int(np.searchsorted(self.track_offsets, row, side='right')) - 1
        frame = row - int(self.track_offsets[track])
        return InputError(
            f'{self.path}: track {track} ({self.track_names[track]}), frame {frame}: NaN or infinite {column}; '
            f'expected finite values; {WRITE_AGAIN}'
        )

    def _read_into(self, column: str, position: int, out: np.ndarray) -> None:
        if not out.nbytes:
            return
        if column not in self._descriptors:
            self._descriptors[column] = os.open(self.frame_columns[column].path, os.O_RDONLY)
        buffer = memoryview(out).cast('B')
        while buffer:
            count = os.preadv(self._descriptors[column], [buffer], position)
            if count == 0:
                raise InputError(f'{self.frame_columns[column].path}: truncated since it was opened; {WRITE_AGAIN}')
            buffer, position = buffer[count:], position + count

    def _check_frame_column(self, name: str, declared: dict) -> NpyFile:
        dtypes = FRAME_COLUMNS[name][1]
        shape = (self.num_frames, *row_shape(name, self.feature_dim, self.keypoints3d_joints))
        index = self.path / INDEX_FILE
        if tuple(declared['shape']) != shape or declared['dtype'] not in dtypes:
            raise InputError(
                f'{index}: column {name} is declared as {declared["dtype"]} {tuple(declared["shape"])}, '
                f'expected {" or ".join(dtypes)} {shape}; {WRITE_AGAIN}'
            )
        file = _open_column(self.path / f'{name}.npy')
        if file.shape != shape or file.dtype != np.dtype(declared['dtype']):
            raise InputError(
                f'{file.path}: found {file.dtype} {file.shape}, expected {declared["dtype"]} {shape} '
                f'as {INDEX_FILE} declares; {WRITE_AGAIN}'
            )
        return file

    def _load_track_column(self, name: str, kind: str, length: int) -> np.ndarray:
        file = _open_column(self.path / f'{name}.npy')
        if file.shape != (length,) or file.dtype.kind != kind:
            expected = {'i': 'int64', 'U': 'text', 'b': 'bool'}[kind]
            raise InputError(
                f'{file.path}: found {file.dtype} {file.shape}, expected {expected} {(length,)}; {WRITE_AGAIN}'
            )
        return file.load()

    def _load_genders(self) -> np.ndarray:
        if 'track_gender' not in self.index['track_columns']:
            return np.full(self.num_tracks, '', '<U1')
        genders = self._load_track_column('track_gender', 'U', self.num_tracks)
        unknown = np.setdiff1d(genders, ['', *GENDERS])
        if unknown.size:
            track = int((genders == unknown[0]).argmax())
            raise InputError(
                f'{self.path / "track_gender.npy"}: track {track} ({self.track_names[track]}) has {str(unknown[0])!r}, '
                f'expected one of {", ".join(GENDERS)}, or an empty string; {WRITE_AGAIN}'
            )
        return genders

    def _check_offsets(self) -> None:
        offsets = self.track_offsets
        path = self.path / 'track_offsets.npy'
        if offsets[0] != 0 or offsets[-1] != self.num_frames:
            raise InputError(
                f'{path}: runs from {offsets[0]} to {offsets[-1]}, expected 0 to {self.num_frames}; {WRITE_AGAIN}'
            )
        backwards = offsets[1:] <= offsets[:-1]
        if backwards.any():
            track = int(backwards.argmax())
            raise InputError(
                f'{path}: track {track} ({self.track_names[track]}) goes from row {offsets[track]} to '
                f'{offsets[track + 1]}, expected increasing offsets; {WRITE_AGAIN}'
            )


def _open_column(path: Path) -> NpyFile:
    if not path.is_file():
        raise InputError(f'{path}: no such column file; {WRITE_AGAIN}')
    try:
        file = NpyFile.open(path)
    except InputError as error:
        raise InputError(f'{error}; {WRITE_AGAIN}') from error
    if file.header.column_major:
        raise InputError(f'{path}: the array is column-major, expected a row-major array; {WRITE_AGAIN}')
    return file


def open_stores(
    paths: str | os.PathLike | Sequence[str | os.PathLike], feature_dim: int | None = None
) -> list[TrackStore]:
    """Open one or several stores whose features have one width.

    Args:
        paths: one path or several.
        feature_dim: the width expected; None: that of the first store.

    Raises:
        InputError: no store, a broken one, or one of another width.
    """
    paths = paths if isinstance(paths, list | tuple) else [paths]
    for path in paths:
        if not isinstance(path, str | os.PathLike):
            raise InputError(f'stores has {path!r}, expected the path of a track store')
    stores = [TrackStore(path) for path in paths]
    if not stores:
        raise InputError('stores is empty, expected the path of at least one track store')
    expected = stores[0].feature_dim if feature_dim is None else feature_dim
    for store in stores:
        if store.feature_dim != expected:
            origin = f'as in {stores[0].path}' if feature_dim is None else 'as feature_dim says'
            raise InputError(f'{store.path}: features are {store.feature_dim} wide, expected {expected} {origin}')
    return stores
