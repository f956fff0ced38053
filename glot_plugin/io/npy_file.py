"""Reading `.npy` files: the header's claims are compared with the file's size before an array is allocated."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.io.bounded_file import BoundedFile
from glot_plugin.io.messages import brief, reason
from glot_plugin.io.text_arrays import NO_TEXT, is_text

_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


@dataclass(frozen=True)
class NpyHeader:
    """A `.npy` file's description of its array.

    Attributes:
        dtype: Its type; may be `object`, in which case the contents are a pickle.
        shape: Its shape.
        column_major: Whether it is in column-major order.
        data_start: Size of the header in bytes.
    """

    dtype: np.dtype
    shape: tuple[int, ...]
    column_major: bool
    data_start: int

    @classmethod
    def read(cls, file: BoundedFile, where: str) -> 'NpyHeader':
        """Read the header and leave `file` at the array; errors call the file `where`.

        Raises:
            InputError: The array is not of numbers, text or objects, or its size is not what the header says.
        """
        try:
            shape, column_major, dtype = _READERS[np.lib.format.read_magic(file)](file)
        except Exception as error:  # a header is a Python expression: it can raise anything
            raise InputError(f'{where}: not a valid .npy file ({reason(error)})') from error
        if dtype.kind == 'V' or not all(0 <= size < 2**63 for size in shape) or len(shape) > 32:
            raise InputError(f'{where}: an array {brief(shape)} of type {str(dtype)[:80]}, expected numbers or text')
        found, expected = file.left, dtype.itemsize * math.prod(shape)
        if found != expected and not dtype.hasobject:
            state = 'truncated' if found < expected else 'longer than its header says'
            start = file.num_bytes - found
            raise InputError(f'{where}: {state}: found {file.num_bytes} bytes, expected {start + expected}')
        return cls(dtype, shape, column_major, file.num_bytes - found)


@dataclass(frozen=True)
class NpyFile:
    """A `.npy` file of numbers or text whose header has been read and matches its size."""

    path: Path
    header: NpyHeader

    @classmethod
    def open(cls, path: Path) -> 'NpyFile':
        """Read the header only.

        Raises:
            InputError: The file is missing, damaged or truncated, or contains objects.
        """
        try:
            with path.open('rb') as file:
                header = NpyHeader.read(BoundedFile(file, path.stat().st_size), str(path))
        except OSError as error:
            raise InputError(f'{path}: cannot be read ({error.strerror})') from error
        if header.dtype.hasobject:
            raise InputError(f'{path}: the array is of type {header.dtype}, expected numbers or text')
        return cls(path, header)

    @property
    def dtype(self) -> np.dtype:
        return self.header.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        return self.header.shape

    @property
    def data_start(self) -> int:
        """The byte offset of the first row."""
        return self.header.data_start

    @property
    def row_bytes(self) -> int:
        return self.dtype.itemsize * math.prod(self.shape[1:])

    def load(self) -> np.ndarray:
        """Read the complete array."""
        count = math.prod(self.shape)
        values = np.fromfile(self.path, self.dtype, count, offset=self.data_start)
        if values.size != count:
            raise InputError(f'{self.path}: truncated while it was read')
        if not is_text(values):
            raise InputError(f'{self.path}: {NO_TEXT}')
        return values.reshape(self.shape, order='F' if self.header.column_major else 'C')

    def memmap(self) -> np.memmap:
        """The array, memory-mapped and read-only; it must not be empty."""
        order = 'F' if self.header.column_major else 'C'
        return np.memmap(self.path, self.dtype, 'r', self.data_start, self.shape, order)
