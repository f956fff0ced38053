"""Opening the preprocessed databases of TCMR and VIBE: joblib-pickled dicts of arrays with one row per frame.

Their keys: `vid_name`, `frame_id`, `features` (N, C), `joints2D` (N, J, 3: pixels and confidence), `bbox` (N, 4: centre
and size), `joints3D` (N, J, 3, metres), `pose` (N, 72), `shape` (N, 10), `valid` (N,) or `valid_i` (N, 1).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glot_plugin.converters.columns import Column, as_array, as_numbers
from glot_plugin.converters.database_specs import DatabaseSpec
from glot_plugin.converters.instavariety import open_hdf5
from glot_plugin.converters.keypoint_conventions import spin49_places
from glot_plugin.converters.tracks import read_rows
from glot_plugin.datasets.column_checks import first_nonfinite_row
from glot_plugin.errors import InputError
from glot_plugin.io.joblib_file import load_joblib

_ROW_SHAPES = {'bbox': (4,), 'pose': (72,), 'shape': (10,)}
_JOINTS = ('joints2D', 'joints3D')


@dataclass
class Database:
    """A database that has all its keys, with consistent lengths and shapes.

    Attributes:
        path: The file.
        num_frames: N.
        columns: The columns that its spec reads, by key.
        row_shapes: Shape of one row of each numeric column, by key.
    """

    path: Path
    num_frames: int
    columns: dict[str, Column]
    row_shapes: dict[str, tuple[int, ...]]

    def numbers(self, key: str, rows: np.ndarray, dtype: type = np.float32) -> np.ndarray:
        """Rows (n, …) of a key as finite numbers.

        Raises:
            InputError: not finite numbers of one shape; the message names file, key and row.
        """
        where = f'{self.path}: {key}'
        values = as_numbers(read_rows(self.columns[key], rows), dtype, where)
        if values.shape[1:] != self.row_shapes[key]:
            raise InputError(
                f'{where}: rows {rows.min()} to {rows.max()} have shape {values.shape[1:]}, expected '
                f'{self.row_shapes[key]} as the first row'
            )
        bad = first_nonfinite_row(values)
        if bad is not None:
            raise InputError(f'{where}, row {rows[bad]}: found NaN or an infinite value, expected finite numbers')
        return values


@contextmanager
def open_database(path: Path, spec: DatabaseSpec, feature_dim: int = 2048) -> Iterator[Database]:
    """Open the database of a spec and check its keys, their lengths and the shapes of their first rows.

    Raises:
        InputError: something is missing or does not fit; the message names file and key.
    """
    if spec.is_hdf5:
        with open_hdf5(path) as columns:
            yield _checked(path, spec, columns, feature_dim)
        return
    loaded = load_joblib(path)
    if not isinstance(loaded, dict):
        raise InputError(f'{path}: found a {type(loaded).__name__}, expected a dict of arrays with one row per frame')
    yield _checked(path, spec, loaded, feature_dim)


def keys_of(spec: DatabaseSpec) -> tuple[str, ...]:
    """The keys that a spec's database must have."""
    keys = ['vid_name', 'features', 'joints2D']
    keys += ['bbox'] if spec.crop_size is None else []
    keys += ['joints3D'] if spec.has_3d else []
    keys += ['pose', 'shape'] if spec.has_smpl else []
    keys += [spec.valid_key] if spec.valid_key and not spec.optional_valid else []
    return tuple(keys)


def _checked(path: Path, spec: DatabaseSpec, found: dict, feature_dim: int) -> Database:
    needed = keys_of(spec)
    missing = [key for key in needed if key not in found]
    if missing:
        there = ', '.join(sorted(map(str, found))) or 'nothing'
        raise InputError(f'{path}: no key {", ".join(missing)}, which {spec.name} needs; found {there}')
    optional = [key for key in ('frame_id', spec.valid_key) if key in found and key not in needed]
    columns = {key: _as_column(found[key], f'{path}: {key}') for key in (*needed, *optional)}
    num_frames = columns['vid_name'].shape[0]
    if num_frames == 0:
        raise InputError(f'{path}: vid_name has no rows: the database is empty')
    for key, column in columns.items():
        if column.shape[0] != num_frames:
            raise InputError(f'{path}: {key} has {column.shape[0]} rows, expected {num_frames} as vid_name')
    numeric = [key for key in columns if key not in ('vid_name', 'frame_id')]
    row_shapes = {key: as_numbers(columns[key][0:1], np.float64, f'{path}: {key}').shape[1:] for key in numeric}
    _check_row_shapes(path, row_shapes, feature_dim)
    return Database(path, num_frames, columns, row_shapes)


def _as_column(values: object, where: str) -> Column:
    column = as_array(values, where) if isinstance(values, list | tuple) else values
    if not hasattr(column, 'shape') or not hasattr(column, 'dtype') or not column.shape:
        raise InputError(f'{where}: found a {type(values).__name__}, expected an array with one row per frame')
    return column


def _check_row_shapes(path: Path, found: dict[str, tuple[int, ...]], feature_dim: int) -> None:
    for key, shape in found.items():
        where = f'{path}: {key}'
        if key in _JOINTS:
            if len(shape) != 2 or shape[1] != 3:
                raise InputError(f'{where}: a row has shape {shape}, expected (joints, 3)')
            spin49_places(shape[0], where)
            continue
        expected = (feature_dim,) if key == 'features' else _ROW_SHAPES.get(key)
        if expected is not None and shape != expected:
            fix = '; --feature-dim allows another width' if key == 'features' else ''
            raise InputError(f'{where}: a row has shape {shape}, expected {expected}{fix}')
        if expected is None and int(np.prod(shape)) != 1:  # valid (N,), valid_i (N, 1)
            raise InputError(f'{where}: a row has shape {shape}, expected one value')
