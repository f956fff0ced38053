"""Reading joblib files without joblib and without running code.

A joblib file is a pickle in whose midst the bytes of each array follow its description (`NumpyArrayWrapper`: type,
shape, order). The unpickler here admits what `safe_pickle` admits and that description, for which it puts the array
itself, once the description is checked; large arrays of files that are not compressed stay on disk (`FileColumn`).
"""

import bz2
import gzip
import io
import lzma
import math
import pickle
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.io.file_column import FileColumn
from glot_plugin.io.pickled_arrays import PLACEHOLDERS, Builder, ClassName, Placeholder, checked_shape
from glot_plugin.io.safe_pickle import ArrayUnpickler

STAY_ON_DISK_BYTES = 2**20  # smaller arrays are read at once


class _ZlibReader(io.RawIOBase):
    """A plain zlib stream, joblib's default compression, as a file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._inflate, self._left = file, zlib.decompressobj(), b''

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        while not self._inflate.eof:
            data = self._left or self._file.read(2**18)
            if not data:
                raise EOFError('the compressed stream ends too early')
            out = self._inflate.decompress(data, len(buffer))
            self._left = self._inflate.unconsumed_tail
            if out:
                buffer[: len(out)] = out
                return len(out)
        return 0


# First bytes of a compressed file, and what reads it. joblib's other methods need packages of their own.
_COMPRESSIONS: tuple[tuple[bytes, Callable[[BinaryIO], BinaryIO]], ...] = (
    (b'\x1f\x8b', lambda file: gzip.GzipFile(fileobj=file)),
    (b'BZ', bz2.BZ2File),
    (b'\xfd7zXZ', lzma.LZMAFile),
    (b'\x5d\x00', lzma.LZMAFile),
    *(
        (bytes([0x78, level]), lambda file: io.BufferedReader(_ZlibReader(file), 2**20))
        for level in (1, 0x5E, 0x9C, 0xDA)
    ),
)
_UNREADABLE = {b'\x04"M\x18': 'LZ4', b'ZF': "joblib's format before 0.10", b'PK': 'zip (torch.save)'}


class _ArrayDescription(Placeholder):
    """`joblib.numpy_pickle.NumpyArrayWrapper`: what is known of an array whose bytes come next."""

    def build(self, build: Builder) -> tuple[np.dtype, tuple[int, ...], str]:
        """Type, shape and order; the class that the array had does not matter."""
        state = self.attributes()
        dtype, shape, order = (build(state.get(key)) for key in ('dtype', 'shape', 'order'))
        if not isinstance(dtype, np.dtype) or order not in ('C', 'F'):
            raise pickle.UnpicklingError(f'the description of an array with type {dtype!r:.60} and order {order!r:.60}')
        return dtype, checked_shape(shape), order

    @property
    def has_padding(self) -> bool:
        """Whether joblib 1.2 or later wrote it: those pad in front of the bytes."""
        return 'numpy_array_alignment_bytes' in self.attributes()


_PLACEHOLDERS: dict[tuple[str, str], Any] = {
    **PLACEHOLDERS,
    ('joblib.numpy_pickle', 'NumpyArrayWrapper'): _ArrayDescription,
    ('numpy', 'memmap'): ClassName,
    ('numpy.core.memmap', 'memmap'): ClassName,
    ('numpy._core.memmap', 'memmap'): ClassName,
}


class _JoblibUnpickler(pickle._Unpickler):
    """Python's own unpickler in Python: unlike the one in C it never reads ahead, so the arrays' bytes can be read."""

    dispatch = pickle._Unpickler.dispatch.copy()

    def __init__(self, file: BinaryIO, path: Path, on_disk: bool) -> None:
        super().__init__(file, encoding='latin1')
        self._file_handle, self._path, self._on_disk = file, path, on_disk

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _PLACEHOLDERS[module, name]
        except KeyError:
            raise InputError(
                f'{self._path}: refused to load {module}.{name} from this joblib file: only numpy arrays and plain '
                'containers are admitted, so that no data file can run code'
            ) from None

    def load_build(self) -> None:
        """Set an object's state; a description is replaced by the array whose bytes come next."""
        if not isinstance(self.stack[-2], Placeholder):
            raise InputError(f'{self._path}: refused to change {self.stack[-2]!r:.60}: no data file may change code')
        super().load_build()
        if isinstance(self.stack[-1], _ArrayDescription):
            self.stack[-1] = self._read_array(self.stack[-1])

    dispatch[pickle.BUILD[0]] = load_build

    def _read_array(self, description: _ArrayDescription) -> np.ndarray | FileColumn:
        dtype, shape, order = Builder()(description)
        if dtype.hasobject:  # objects are a pickle of their own
            return Builder()(ArrayUnpickler(self._file_handle, str(self._path)).load())
        if description.has_padding:
            self._read_exactly(self._read_exactly(1)[0])
        count = math.prod(shape)
        size = count * dtype.itemsize
        if self._on_disk:
            start, end = self._file_handle.tell(), self._path.stat().st_size
            if start + size > end:
                raise InputError(
                    f'{self._path}: truncated: an array of {size} bytes starts {end - start} bytes before the end'
                )
            if size >= STAY_ON_DISK_BYTES and shape:
                self._file_handle.seek(size, io.SEEK_CUR)
                return FileColumn(self._path, start, dtype, shape, column_major=order == 'F')
        array = np.frombuffer(self._read_exactly(size), dtype, count)
        return array.reshape(shape, order=order)

    def _read_exactly(self, size: int) -> bytearray:
        data = bytearray(size)
        rest = memoryview(data)
        while rest:
            count = self._file_handle.readinto(rest)
            if not count:
                raise InputError(f'{self._path}: truncated: {size - len(rest)} bytes left of {size}')
            rest = rest[count:]
        return data


def _load(file: BinaryIO, path: Path, on_disk: bool) -> Any:
    return Builder()(_JoblibUnpickler(file, path, on_disk).load())


def load_joblib(path: str | Path) -> Any:
    """Load a joblib file of arrays and plain containers; large arrays become `FileColumn`.

    Files compressed with zlib, gzip, bz2, lzma or xz are read into memory.

    Raises:
        InputError: the file is absent, truncated, in another format, or names anything but arrays.
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
            for prefix, opener in _COMPRESSIONS:
                if start.startswith(prefix):
                    return _load(opener(file), path, on_disk=False)
            return _load(file, path, on_disk=True)
    except InputError:
        raise
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise InputError(f'{path}: not a whole joblib file ({type(error).__name__}: {error})') from error
