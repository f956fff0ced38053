"""Columns of a database: arrays that stay on disk and are read in slices, whatever the file format."""

from typing import Any, Protocol

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.io.messages import brief, reason

BLOCK_BYTES = 16 * 2**20
OBJECT_BYTES = 256  # assumed for a string of any length
MAX_TEXT = 1024  # characters in a name; in an array, every string takes as much room as the longest


class Column(Protocol):
    """What a column must have; numpy arrays do."""

    shape: tuple[int, ...]
    dtype: np.dtype

    def __getitem__(self, rows: slice) -> np.ndarray: ...


class BlockColumn:
    """An HDF5 data set read ahead in large blocks, for tracks that follow one another.

    HDF5 reads whole chunks, which may span many tracks; reading one track at a time would read (and decompress) each
    chunk again and again. Rows that do not continue the previous read are read separately.

    Args:
        dataset: The `h5py.Dataset`.
        where: File and key, for errors.
        block_bytes: Memory of a block; up to four times as much where chunks are larger.
    """

    def __init__(self, dataset: Any, where: str, block_bytes: int = BLOCK_BYTES) -> None:
        self.dataset, self.where = dataset, where
        self.shape, self.dtype = dataset.shape, dataset.dtype
        item_bytes = OBJECT_BYTES if self.dtype.hasobject else max(1, self.dtype.itemsize)
        row_bytes = item_bytes * max(1, int(np.prod(self.shape[1:], dtype=np.int64)))
        chunk_rows = dataset.chunks[0] if dataset.chunks else 1
        if chunk_rows * row_bytes > 4 * block_bytes:  # reading chunks again is better than filling the memory
            chunk_rows = 1
        self._block_rows = max(1, block_bytes // row_bytes // chunk_rows) * chunk_rows
        self._start = self._stop = 0  # rows of the block in memory
        self._block: np.ndarray | None = None

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, stop, _ = rows.indices(self.shape[0])
        if start >= stop:
            return np.empty((0, *self.shape[1:]), self.dtype)
        pieces = []
        while start < stop:
            if not self._start <= start < self._stop:
                if start != self._stop:
                    pieces.append(self._read(start, stop))
                    break
                self._block = None  # two blocks at a time would be twice the memory
                self._start, self._stop = start, min(start + self._block_rows, self.shape[0])
                self._block = self._read(self._start, self._stop)
            end = min(stop, self._stop)
            pieces.append(self._block[start - self._start : end - self._start])
            start = end
        return np.concatenate(pieces) if len(pieces) != 1 else pieces[0]

    def _read(self, start: int, stop: int) -> np.ndarray:
        try:
            return self.dataset[start:stop]
        except (OSError, RuntimeError, ValueError, TypeError) as error:
            raise InputError(f'{self.where}: rows {start}:{stop} cannot be read ({reason(error)})') from error


def as_array(values: Any, where: str) -> np.ndarray:
    """Turn an array, a number, a string or a list of these into an array.

    Raises:
        InputError: anything else, rows of unequal shape, or a very long string; `where` names file and key.
    """
    if isinstance(values, np.ndarray):
        return values
    if not isinstance(values, list | tuple | str | bytes | bool | int | float | np.generic):
        raise InputError(f'{where}: found a {type(values).__name__}, expected an array')
    if _longest_text(values) > MAX_TEXT:
        raise InputError(f'{where}: found a string of {_longest_text(values)} characters, expected at most {MAX_TEXT}')
    try:
        return np.asarray(values)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f'{where}: a list whose rows are not alike ({reason(error)})') from error


def _longest_text(values: Any) -> int:
    if isinstance(values, list | tuple):
        return max(map(_longest_text, values), default=0)
    return len(values) if isinstance(values, str | bytes) else 0


def as_text(values: np.ndarray, where: str) -> list[str]:
    """Turn names (strings, bytes, integers, objects of these) into strings.

    Raises:
        InputError: anything else; `where` names file and key.
    """
    items = values.tolist()
    for item in items:
        if not isinstance(item, str | bytes | int | np.integer):
            raise InputError(f'{where}: found {brief(item)}, expected text')
        if isinstance(item, str | bytes) and len(item) > MAX_TEXT:
            raise InputError(f'{where}: found a string of {len(item)} characters, expected at most {MAX_TEXT}')
    return [item.decode('utf-8', 'replace') if isinstance(item, bytes) else str(item) for item in items]


def as_numbers(values: np.ndarray, dtype: type, where: str) -> np.ndarray:
    """Turn numbers of any type, or an object array of equal rows, into a plain array of `dtype`.

    Raises:
        InputError: rows of unequal shape, or not numbers; `where` names file and key.
    """
    if values.dtype.hasobject:
        try:
            values = np.stack([as_array(item, where) for item in values]) if len(values) else values.astype(dtype)
        except (ValueError, TypeError) as error:
            raise InputError(f'{where}: an object array whose rows are not alike ({reason(error)})') from error
    if values.dtype.kind not in 'fiub':
        raise InputError(f'{where}: found type {values.dtype}, expected numbers')
    with np.errstate(over='ignore'):  # an overflow becomes infinite, which is refused
        return np.ascontiguousarray(values, dtype)
