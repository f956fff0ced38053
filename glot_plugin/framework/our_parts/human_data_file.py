"""Reading mmhuman3d's HumanData files: column by column as streams, and without running code from them."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.safe_pickle import loads_pickled_arrays

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class ColumnStream:
    """One array of a file, read row after row.

    Args:
        file: The open member, at its beginning.
        where: What it is called in errors.
    """

    def __init__(self, file: BinaryIO, where: str) -> None:
        self.where, self._file = where, file
        try:
            self.shape, self._column_major, self.dtype = _HEADERS[np.lib.format.read_magic(file)](file)
        except (ValueError, KeyError) as error:
            raise InputError(f'{where}: not an array ({error})') from error

    def read(self, count: int) -> np.ndarray:
        """The next `count` rows."""
        if self._column_major and len(self.shape) > 1:
            raise InputError(f'{self.where}: the array is column-major; write it with np.ascontiguousarray')
        row_bytes = self.dtype.itemsize * int(np.prod(self.shape[1:], dtype=np.int64))
        data = self._file.read(count * row_bytes)
        if len(data) != count * row_bytes:
            raise InputError(f'{self.where}: truncated')
        return np.frombuffer(data, self.dtype).reshape(count, *self.shape[1:])

    def read_all(self) -> np.ndarray:
        """The whole array; objects only where they are arrays and plain containers."""
        if self.dtype.hasobject:
            return loads_pickled_arrays(self._file.read(), self.where)
        if not self.shape:
            return np.frombuffer(self._file.read(self.dtype.itemsize), self.dtype)[0]
        array = np.frombuffer(self._file.read(), self.dtype)
        return array.reshape(self.shape, order='F' if self._column_major else 'C')


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
        return ColumnStream(self._zip.open(f'{key}.npy'), f'{self.path}: {key}')

    def value(self, key: str, default: Any = None) -> Any:
        """One entry whole, as HumanData has it: an array, a dict, a number or a text; `default` where there is none."""
        if key not in self:
            return default
        try:
            value = self.stream(key).read_all()
        except (zipfile.BadZipFile, EOFError) as error:
            raise InputError(f'{self.path}: {key}: damaged ({error})') from error
        return value.item() if isinstance(value, np.ndarray | np.generic) and value.ndim == 0 else value


def check_lengths(path: Path, arrays: dict[str, Sequence | ColumnStream], num_frames: int) -> None:
    """Raise an `InputError` for an array that has not one row a frame."""
    for name, array in arrays.items():
        length = array.shape[0] if hasattr(array, 'shape') else len(array)
        if length != num_frames:
            raise InputError(f'{path}: {name} has {length} rows, expected {num_frames}, as features')
