"""Reading `.npy` files: what a header claims is compared with the bytes that are there before an array is made."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.io.bounded_file import BoundedFile
from glot_plugin.io.messages import brief, reason

_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


@dataclass(frozen=True)
class NpyHeader:
    """What a `.npy` file says of its array.

    Attributes:
        dtype: Its type; may be `object`, whose contents are a pickle.
        shape: Its shape.
        column_major: Its order.
        data_start: Bytes of the header.
    """

    dtype: np.dtype
    shape: tuple[int, ...]
    column_major: bool
    data_start: int

    @classmethod
    def read(cls, file: BoundedFile, where: str) -> 'NpyHeader':
        """Read the header of a file and leave `file` at its array; `where` is what it is called in errors.

        Raises:
            InputError: No array of numbers, texts or objects, or not as many bytes as the header says.
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
    """A `.npy` file of numbers or text whose header is read and fits its length."""

    path: Path
    header: NpyHeader

    @classmethod
    def open(cls, path: Path) -> 'NpyFile':
        """Read the header only.

        Raises:
            InputError: The file is absent, damaged or truncated, or holds objects.
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
        """The byte at which the first row starts."""
        return self.header.data_start

    @property
    def row_bytes(self) -> int:
        return self.dtype.itemsize * math.prod(self.shape[1:])

    def load(self) -> np.ndarray:
        """The whole array."""
        count = math.prod(self.shape)
        values = np.fromfile(self.path, self.dtype, count, offset=self.data_start)
        if values.size != count:
            raise InputError(f'{self.path}: truncated while it was read')
        return values.reshape(self.shape, order='F' if self.header.column_major else 'C')

    def memmap(self) -> np.memmap:
        """The array of a file that is not empty, read-only and mapped."""
        order = 'F' if self.header.column_major else 'C'
        return np.memmap(self.path, self.dtype, 'r', self.data_start, self.shape, order)
