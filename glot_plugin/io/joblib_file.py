"""Reading joblib files without joblib and without running code.

A joblib file is a pickle in which each array's bytes follow its description (`NumpyArrayWrapper`: type, shape, order).
The unpickler here admits what `safe_pickle` admits, and that description, which it checks and replaces with the array
itself; large arrays of uncompressed files stay on disk (`FileColumn`).
"""

import bz2
import io
import lzma
import math
import pickle
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.io.bounded_file import BoundedFile, unfolded_limit
from glot_plugin.io.decompressed_file import DecompressedFile, Decompressor
from glot_plugin.io.file_column import FileColumn
from glot_plugin.io.messages import brief, reason
from glot_plugin.io.pickled_arrays import PLACEHOLDERS, Builder, ClassName, Placeholder, checked_shape
from glot_plugin.io.safe_pickle import ArrayUnpickler
from glot_plugin.io.text_arrays import NO_TEXT, is_text

LZMA_BYTES = 128 * 2**20  # memory limit for the dictionary; lzma's largest preset takes 65 MiB
STAY_ON_DISK_BYTES = 2**20  # smaller arrays are read at once


# First bytes of a compressed file, and its decompressor. joblib's other methods require further packages.
_COMPRESSIONS: tuple[tuple[bytes, Callable[[], Decompressor]], ...] = (
    (b'\x1f\x8b', lambda: zlib.decompressobj(wbits=31)),
    (b'BZ', bz2.BZ2Decompressor),
    (b'\xfd7zXZ', lambda: lzma.LZMADecompressor(memlimit=LZMA_BYTES)),
    (b'\x5d\x00', lambda: lzma.LZMADecompressor(memlimit=LZMA_BYTES)),
    *((bytes([0x78, level]), zlib.decompressobj) for level in (1, 0x5E, 0x9C, 0xDA)),
)
_UNREADABLE = {b'\x04"M\x18': 'LZ4', b'ZF': "joblib's format before 0.10", b'PK': 'zip (torch.save)'}


class _ArrayDescription(Placeholder):
    """`joblib.numpy_pickle.NumpyArrayWrapper`: the description of an array whose bytes come next."""

    def build(self, build: Builder) -> tuple[np.dtype, tuple[int, ...], str]:
        """Type, shape and order; the array's original class does not matter."""
        state = self.attributes()
        dtype, shape, order = (build(state.get(key)) for key in ('dtype', 'shape', 'order'))
        if not isinstance(dtype, np.dtype) or order not in ('C', 'F'):
            raise pickle.UnpicklingError(f'the description of an array with type {brief(dtype)}, order {brief(order)}')
        return dtype, checked_shape(shape), order

    @property
    def has_padding(self) -> bool:
        """Whether the file is from joblib 1.2 or later, which pads in front of the bytes."""
        return 'numpy_array_alignment_bytes' in self.attributes()


_PLACEHOLDERS: dict[tuple[str, str], Any] = {
    **PLACEHOLDERS,
    ('joblib.numpy_pickle', 'NumpyArrayWrapper'): _ArrayDescription,
    ('numpy', 'memmap'): ClassName,
    ('numpy.core.memmap', 'memmap'): ClassName,
    ('numpy._core.memmap', 'memmap'): ClassName,
}


class _JoblibUnpickler(ArrayUnpickler):
    """An unpickler that reads the arrays' bytes where the pickle describes them."""

    dispatch = ArrayUnpickler.dispatch.copy()
    placeholders = _PLACEHOLDERS
    admitted = 'numpy arrays and plain containers'

    def __init__(self, file: BoundedFile, path: Path, on_disk: bool) -> None:
        super().__init__(file, str(path))
        self.builder = Builder(file.num_bytes)
        self._bounded, self._path, self._on_disk = file, path, on_disk

    def load_build(self) -> None:
        """Set an object's state; an array's description is replaced by the array, whose bytes come next."""
        super().load_build()
        if isinstance(self.stack[-1], _ArrayDescription):
            self.stack[-1] = self._read_array(self.stack[-1])

    dispatch[pickle.BUILD[0]] = load_build

    def _read_array(self, description: _ArrayDescription) -> np.ndarray | FileColumn:
        dtype, shape, order = self.builder(description)
        if dtype.hasobject:  # objects are stored as a nested pickle
            return self.builder(ArrayUnpickler(self._bounded, str(self._path)).load())
        if description.has_padding:
            self._bounded.read(self._bounded.read(1)[0])
        count = math.prod(shape)
        size = count * dtype.itemsize
        if size > self._bounded.left:
            raise InputError(
                f'{self._path}: truncated: an array of {size} bytes is announced where at most {self._bounded.left} '
                'can follow'
            )
        if self._on_disk and size >= STAY_ON_DISK_BYTES and shape:
            start = self._bounded.skip(size)
            return FileColumn(self._path, start, dtype, shape, column_major=order == 'F')
        data = bytearray(size)
        self._bounded.readinto(data)
        array = np.frombuffer(data, dtype, count)
        if not is_text(array):
            raise InputError(f'{self._path}: {NO_TEXT}')
        return array.reshape(shape, order=order)


def _load(file: BoundedFile, path: Path, on_disk: bool) -> Any:
    unpickler = _JoblibUnpickler(file, path, on_disk)
    return unpickler.builder(unpickler.load())


def load_joblib(path: str | Path) -> Any:
    """Load a joblib file of arrays and plain containers; large arrays become `FileColumn`.

    Files compressed with zlib, gzip, bz2, lzma or xz are read into memory, up to `unfolded_limit` of their length.

    Raises:
        InputError: The file is missing, truncated or in another format, or names anything but arrays.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f'{path}: no such file')
    try:
        with path.open('rb') as file:
            start = file.peek(8)[:8]
            for prefix, method in _UNREADABLE.items():
                if start.startswith(prefix):
                    raise InputError(
                        f'{path}: is in the format {method}; expected a joblib file: write it again with '
                        'joblib.dump(joblib.load(old), new), only if you trust the file: joblib.load runs code from it'
                    )
            size = path.stat().st_size
            for prefix, decompressor in _COMPRESSIONS:
                if start.startswith(prefix):
                    unfolded = io.BufferedReader(DecompressedFile(file, decompressor()), 2**20)
                    return _load(BoundedFile(unfolded, unfolded_limit(size), size), path, on_disk=False)
            return _load(BoundedFile(file, size), path, on_disk=True)
    except InputError:
        raise
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise InputError(f'{path}: not a valid joblib file ({reason(error)})') from error
