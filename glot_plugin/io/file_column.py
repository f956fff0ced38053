"""An array stored in a file and read in slices."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.io.text_arrays import NO_TEXT, is_text


@dataclass(frozen=True)
class FileColumn:
    """An array at byte `offset` of a file. It is read rather than memory-mapped, so no page of it stays in memory."""

    path: Path
    offset: int
    dtype: np.dtype
    shape: tuple[int, ...]
    column_major: bool = False

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, stop, _ = rows.indices(self.shape[0])
        width = int(np.prod(self.shape[1:], dtype=np.int64))
        if self.column_major:
            return self._read_strided(start, max(stop - start, 0), width)
        count, offset = max(stop - start, 0) * width, self.offset + start * width * self.dtype.itemsize
        array = np.fromfile(self.path, self.dtype, count, offset=offset)
        if array.size != count:
            raise InputError(f'{self.path}: truncated while it was read')
        if not is_text(array):
            raise InputError(f'{self.path}: {NO_TEXT}')
        return array.reshape(-1, *self.shape[1:])

    def _read_strided(self, start: int, count: int, width: int) -> np.ndarray:
        """Rows of a column-major array: a piece of each of its `width` columns."""
        pieces = np.empty((width, count), self.dtype)
        with self.path.open('rb', buffering=0) as file:
            for column, piece in enumerate(pieces):
                file.seek(self.offset + (column * self.shape[0] + start) * self.dtype.itemsize)
                if file.readinto(piece.view(np.uint8)) != piece.nbytes:
                    raise InputError(f'{self.path}: truncated while it was read')
        return np.ascontiguousarray(pieces.reshape(*self.shape[:0:-1], count).T)
