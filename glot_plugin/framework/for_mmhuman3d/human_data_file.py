"""Reading mmhuman3d's HumanData files: column by column as streams, and without running code from them."""

import math
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from glot_plugin.converters.columns import as_numbers
from glot_plugin.datasets.column_checks import first_nonfinite_row
from glot_plugin.errors import InputError
from glot_plugin.io.safe_pickle import loads_pickled_arrays

CHUNK = 4096  # rows in memory at a time
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class ColumnStream:
    """One array of a file, read row after row.

    Args:
        file: The open member, at its beginning.
        num_bytes: Its length.
        where: What it is called in errors.

    Raises:
        InputError: It is damaged, or no array.
    """

    def __init__(self, file: zipfile.ZipExtFile, num_bytes: int, where: str) -> None:
        self.where, self._file = where, file
        with _damage(where):
            try:
                self.shape, self._column_major, self.dtype = _HEADERS[np.lib.format.read_magic(file)](file)
            except (ValueError, KeyError, SyntaxError, TypeError) as error:
                raise InputError(f'{where}: not an array ({error})') from error
        expected = file.tell() + self.dtype.itemsize * math.prod(self.shape)
        # so that the last row is the member's end, where zipfile compares the checksum
        if not self.dtype.hasobject and num_bytes != expected:
            raise InputError(f'{where}: found {num_bytes} bytes, expected {expected} as its header says')

    def read(self, count: int, dtype: type | None = None) -> np.ndarray:
        """The next `count` rows, by default in the type that they are stored in."""
        if self.dtype.kind not in 'fiub':
            raise InputError(f'{self.where}: found type {self.dtype}, expected numbers')
        if self._column_major and len(self.shape) > 1:
            raise InputError(f'{self.where}: the array is column-major; write it with np.ascontiguousarray')
        values = np.empty((count, *self.shape[1:]), dtype or self.dtype)
        with np.errstate(over='ignore'):  # what overflows becomes infinite, and is refused as such
            for start in range(0, count, CHUNK):
                part = values[start : start + CHUNK]
                part[...] = self._next_rows(len(part))
        return values

    def _next_rows(self, count: int) -> np.ndarray:
        rows = np.empty((count, *self.shape[1:]), self.dtype)
        left = rows.reshape(-1).view(np.uint8)
        with _damage(self.where):
            while len(left):
                piece = self._file.read1(len(left))
                if not piece:
                    raise EOFError('truncated')
                left[: len(piece)] = np.frombuffer(piece, np.uint8)
                left = left[len(piece) :]
        return rows

    def read_all(self) -> np.ndarray:
        """The whole array; objects only where they are arrays and plain containers."""
        with _damage(self.where):
            data = self._file.read()
        if self.dtype.hasobject:
            return loads_pickled_arrays(data, self.where)
        return np.frombuffer(data, self.dtype).reshape(self.shape, order='F' if self._column_major else 'C')


class HumanDataFile:
    """A HumanData `.npz`, open for reading.

    Args:
        path: The file.

    Raises:
        InputError: It is absent or no `.npz`.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f'{self.path}: no such file; expected a HumanData .npz, or the folder of a track store')
        try:
            self._zip = zipfile.ZipFile(self.path)
        except zipfile.BadZipFile as error:
            raise InputError(f'{self.path}: not a whole .npz file ({error})') from error
        self.keys = tuple(name.removesuffix('.npy') for name in self._zip.namelist())

    def __enter__(self) -> 'HumanDataFile':
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def __contains__(self, key: str) -> bool:
        return key in self.keys

    def stream(self, key: str) -> ColumnStream:
        """One array, to read in pieces; several may be open at a time."""
        where, member = f'{self.path}: {key}', f'{key}.npy'
        with _damage(where):
            return ColumnStream(self._zip.open(member), self._zip.getinfo(member).file_size, where)

    def value(self, key: str, default: Any = None) -> Any:
        """One entry whole, as HumanData has it: an array, a dict, a number or a text; `default` where there is none."""
        if key not in self:
            return default
        value = self.stream(key).read_all()
        return value.item() if isinstance(value, np.ndarray | np.generic) and value.ndim == 0 else value

    def mapping(self, key: str) -> dict:
        """An entry that is a dict; empty where there is none."""
        value = self.value(key)
        if not isinstance(value, dict | None):
            raise InputError(f'{self.path}: {key} is of type {type(value).__name__}, expected a dict')
        return value or {}

    def numbers(self, key: str, dtype: type = np.float32) -> np.ndarray | None:
        """An entry whole, as an array of numbers (N, …); None where there is none."""
        value = self.value(key)
        return None if value is None else as_numbers(np.atleast_1d(value), dtype, f'{self.path}: {key}')


@contextmanager
def _damage(where: str) -> Iterator[None]:
    """Turn what zipfile raises over a damaged file into an `InputError`."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise InputError(f'{where}: damaged ({error})') from error


def check_lengths(path: Path, arrays: dict[str, Sequence | ColumnStream | None], num_frames: int) -> None:
    """Raise an `InputError` for an array that has not one row a frame."""
    for name, array in arrays.items():
        if array is None:
            continue
        length = (array.shape or (0,))[0] if hasattr(array, 'shape') else len(array)
        if length != num_frames:
            raise InputError(f'{path}: {name} has {length} rows, expected {num_frames}, as image_path')


def check_finite(where: str, values: np.ndarray, rows: np.ndarray) -> None:
    """Raise an `InputError` for a NaN or infinite value; `rows` of the file are those of `values`."""
    bad = first_nonfinite_row(values)
    if bad is not None:
        raise InputError(f'{where}, row {rows[bad]}: NaN or infinite, expected finite values')
