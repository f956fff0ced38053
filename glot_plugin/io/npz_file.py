"""Reading `.npz` files array by array, at once or as streams, without running code from them."""

import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.io.bounded_file import BoundedFile, unfolded_limit
from glot_plugin.io.messages import brief, reason
from glot_plugin.io.npy_file import NpyHeader
from glot_plugin.io.safe_pickle import loads_pickled_arrays
from glot_plugin.io.text_arrays import NO_TEXT, is_text

CHUNK = 4096  # rows in memory at a time
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # numpy's


class ColumnStream:
    """One array of a file, read in pieces of rows.

    Args:
        file: The open member, at its beginning.
        num_bytes: Its length.
        where: Its name in errors.

    Raises:
        InputError: It is damaged, or not an array.
    """

    def __init__(self, file: zipfile.ZipExtFile, num_bytes: int, where: str) -> None:
        self.where, self._file = where, file
        with _damage(where):
            header = NpyHeader.read(BoundedFile(file, num_bytes), where)
        self.shape, self.dtype, self._column_major = header.shape, header.dtype, header.column_major

    def read(self, count: int, dtype: type | None = None) -> np.ndarray:
        """The next `count` rows, by default in their stored type."""
        if self.dtype.kind not in 'fiub':
            raise InputError(f'{self.where}: found type {self.dtype}, expected numbers')
        if self._column_major and len(self.shape) > 1:
            raise InputError(f'{self.where}: the array is column-major; write it with np.ascontiguousarray')
        values = np.empty((count, *self.shape[1:]), dtype or self.dtype)
        with np.errstate(over='ignore'):  # overflowing values become infinite, and are rejected as such
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
        """The complete array; objects are read only if they are arrays and plain containers."""
        with _damage(self.where):
            data = self._file.read()
        if not self.dtype.hasobject:
            values = np.frombuffer(data, self.dtype).reshape(self.shape, order='F' if self._column_major else 'C')
            if not is_text(values):
                raise InputError(f'{self.where}: {NO_TEXT}')
            return values
        values = loads_pickled_arrays(data, self.where)
        if not isinstance(values, np.ndarray) or values.shape != self.shape:
            raise InputError(f'{self.where}: holds {brief(values)}, expected an array {self.shape} as its header says')
        return values


class NpzFile:
    """An `.npz`, open for reading.

    Args:
        path: The file.

    Attributes:
        keys: The arrays' names. Members other than `.npy` are ignored.

    Raises:
        InputError: The file is missing or not an `.npz`, has two arrays of the same name, uses a compression method
            that numpy does not have, or expands to more than `unfolded_limit` of its size.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self._zip = zipfile.ZipFile(self.path)
        except FileNotFoundError:
            raise InputError(f'{self.path}: no such file') from None
        except Exception as error:  # a damaged directory of members can raise anything
            raise InputError(f'{self.path}: not a valid .npz file ({reason(error)})') from error
        members = [info for info in self._zip.infolist() if info.filename.endswith('.npy')]
        self._members = {info.filename.removesuffix('.npy'): info for info in members}
        self.keys = tuple(self._members)
        try:
            self._check(members)
        except InputError:
            self._zip.close()
            raise

    def __enter__(self) -> 'NpzFile':
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def __contains__(self, key: str) -> bool:
        return key in self._members

    def stream(self, key: str) -> ColumnStream:
        """One array, to be read in pieces; several may be open at a time.

        Raises:
            InputError: It does not exist, is damaged, or is not an array.
        """
        where = f'{self.path}: {key}'
        if key not in self:
            raise InputError(f'{self.path}: no {key}; found {", ".join(self.keys)[:400]}')
        with _damage(where):
            return ColumnStream(self._zip.open(self._members[key]), self._members[key].file_size, where)

    def read(self, key: str) -> np.ndarray:
        """One complete array; see `stream`."""
        return self.stream(key).read_all()

    def _check(self, members: list[zipfile.ZipInfo]) -> None:
        name, count = Counter(info.filename for info in members).most_common(1)[0] if members else ('', 0)
        if count > 1:
            raise InputError(f'{self.path}: {count} members are called {name[:80]}')
        for info in members:
            if info.compress_type not in _METHODS:
                raise InputError(
                    f'{self.path}: {info.filename[:80]} is compressed by the zip method {info.compress_type}, expected '
                    "none or deflate, which are numpy's"
                )
        total, limit = sum(info.file_size for info in members), unfolded_limit(self.path.stat().st_size)
        if total > limit:
            raise InputError(
                f'{self.path}: its arrays take {total} bytes, more than the {limit} that a file of this length may '
                'unfold to'
            )


@contextmanager
def _damage(where: str) -> Iterator[None]:
    """Turn zipfile's errors about a damaged file into an `InputError`."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # zipfile, zlib and struct raise different ones
        raise InputError(f'{where}: damaged ({reason(error)})') from error
