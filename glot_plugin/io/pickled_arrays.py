"""Placeholders for what pickles of arrays name: they keep what a pickle says, and become arrays once it is checked.

A pickle calls what it names with arguments of its own, and changes the results in any order. The functions of numpy and
scipy.sparse trust it: forged pickles get arrays of made-up pointers, or matrices that write outside their memory. So
nothing but placeholders, numbers, texts and plain containers exists while a pickle is read; `Builder` makes the arrays
afterwards. Sparse matrices and chumpy's arrays become numpy arrays too.
"""

import math
import re
from collections.abc import Callable
from pickle import UnpicklingError
from typing import Any, ClassVar

import numpy as np

_PLAIN = frozenset({str, bytes, bytearray, bool, int, float, complex, type(None)})
_DTYPE_CODE = re.compile(r'[biufc]\d{1,2}|[SU]\d{1,9}|O\d?')  # as numpy's pickles have it: kind and bytes
_MAX_DENSE_BYTES = 2**30  # a sparse matrix of a few bytes can claim any shape


class Placeholder:
    """Takes the place of a class or function: keeps the arguments of the call, and the state that is set later.

    `__setstate__` is what keeps pickles from setting attributes, of placeholders and of their classes.
    """

    args: tuple
    state: Any

    def __new__(cls, *args: Any) -> Any:
        self = object.__new__(cls)
        self.args, self.state = args, None
        return self

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def build(self, build: 'Builder') -> Any:
        """What the placeholder stands for.

        Raises:
            UnpicklingError: what the pickle says is not sound.
        """
        raise NotImplementedError

    def attributes(self) -> dict[str, Any]:
        """The state of a plain object."""
        if self.args or not isinstance(self.state, dict):
            raise UnpicklingError(f'{type(self).__name__} without the state of an object')
        return self.state


class Builder:
    """Replaces the placeholders in what a pickle holds, each once; the pickle's own value stays as it is."""

    def __init__(self) -> None:
        self._built: dict[int, Any] = {}

    def __call__(self, value: Any) -> Any:
        if type(value) in _PLAIN:
            return value
        if id(value) in self._built:
            if isinstance(self._built[id(value)], Placeholder):
                raise UnpicklingError('an array that holds itself')
            return self._built[id(value)]
        if isinstance(value, Placeholder):
            self._built[id(value)] = value  # until it is built
            built = value.build(self)
        elif isinstance(value, list):
            built = self._built[id(value)] = []  # may hold itself
            built.extend(self(item) for item in value)
        elif isinstance(value, dict):
            built = self._built[id(value)] = {}
            built.update((self(key), self(item)) for key, item in value.items())
        elif isinstance(value, tuple | set | frozenset):
            built = type(value)([self(item) for item in value])
        elif isinstance(value, type):
            raise UnpicklingError(f'the class {value.__name__} in the place of a value')
        else:
            built = value  # an array that is read already
        self._built[id(value)] = built
        return built


class ClassName(Placeholder):
    """A class that pickles only name, as the class of an array: numpy.ndarray, numpy.memmap, object."""

    def __new__(cls, *_: Any) -> Any:
        raise UnpicklingError('a class is called that may only be named')


class Encode(Placeholder):
    """`_codecs.encode`, with which protocol 2 writes bytes; text codecs only."""

    def __new__(cls, text: str, encoding: str = 'latin1', errors: str = 'strict') -> Any:
        if encoding.lower().replace('-', '').replace('_', '') not in ('latin1', 'utf8', 'ascii'):
            raise UnpicklingError(f'the codec {encoding!r} is asked for; only latin1, utf8 and ascii are text')
        return str.encode(text, encoding, errors)


class EmptyBytes(Placeholder):
    """`bytes`, with which protocol 2 writes none."""

    def __new__(cls) -> Any:
        return b''


class Reconstructor(Placeholder):
    """`copy_reg._reconstructor` (protocols 0 and 1), for plain objects."""

    def __new__(cls, kind: type, base: type, _: Any = None) -> Any:
        if not (isinstance(kind, type) and issubclass(kind, Placeholder) and base is ClassName):
            raise UnpicklingError('an object of a class that is not admitted is rebuilt')
        return kind()


class DType(Placeholder):
    """`numpy.dtype`: numbers, texts and objects. Records and dates are in none of the files read here."""

    def build(self, build: Builder) -> np.dtype:
        code = self.args[0] if self.args else None
        state = (3, '=', None, None, None, -1, -1, 0) if self.state is None else self.state
        is_plain = isinstance(code, str) and _DTYPE_CODE.fullmatch(code) and isinstance(state, tuple)
        if not is_plain or len(state) not in (8, 9) or state[1] not in ('<', '>', '=', '|') or any(state[2:5]):
            raise UnpicklingError(f'an array of type {code!r:.60}, expected plain numbers, text or objects')
        return np.dtype(object if code[0] == 'O' else code).newbyteorder(state[1])


class Array(Placeholder):
    """`_reconstruct`: an empty array, whose state is its contents."""

    def build(self, build: Builder) -> np.ndarray:
        if not isinstance(self.state, tuple) or len(self.state) not in (4, 5):  # 5: with a version in front
            raise UnpicklingError('an array without contents')
        shape, dtype, column_major, data = self.state[-4:]
        order = 'F' if column_major else 'C'
        if not isinstance(data, list):
            return _plain_array(build(dtype), shape, data, order)
        shape = checked_shape(shape)
        if build(dtype) != np.dtype(object) or len(data) != math.prod(shape):
            raise UnpicklingError(f'an array of shape {shape} and type {build(dtype)} from {len(data)} objects')
        return np.fromiter(build(data), object, len(data)).reshape(shape, order=order)


class BufferArray(Placeholder):
    """`_frombuffer`: an array from bytes, its type, shape and order."""

    def build(self, build: Builder) -> np.ndarray:
        data, dtype, shape, order = self.args
        return _plain_array(build(dtype), shape, data, order)


class Scalar(Placeholder):
    """`scalar`: one number or text from its type and bytes."""

    def build(self, build: Builder) -> np.generic:
        dtype, data = self.args
        return _plain_array(build(dtype), (), data, 'C')[()]


class ChumpyArray(Placeholder):
    """`chumpy.ch.Ch`: its array `x`."""

    def build(self, build: Builder) -> np.ndarray:
        return np.asarray(build(self.attributes()['x']))


class ChumpySelection(Placeholder):
    """`chumpy.reordering.Select`: elements `idxs` of the array `a`, in `preferred_shape`."""

    def build(self, build: Builder) -> np.ndarray:
        state = {key: build(self.attributes().get(key)) for key in ('a', 'idxs', 'preferred_shape')}
        selected = np.asarray(state['a']).ravel()[np.asarray(state['idxs'])]
        return selected if state['preferred_shape'] is None else selected.reshape(state['preferred_shape'])


class SparseCoordinates(Placeholder):
    """scipy.sparse's coo matrices: a row and a column for each value."""

    def build(self, build: Builder) -> np.ndarray:
        state = self.attributes()
        shape = checked_shape(build(state['_shape'] if '_shape' in state else state['shape']))
        return _dense(shape, _vector(build(state['data']), 'biuf'), *self.places(state, build, shape))

    def places(self, state: dict, build: Builder, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns (n,) of the values."""
        rows, columns = build(state['coords']) if 'coords' in state else build((state['row'], state['col']))
        return _vector(rows, 'iu'), _vector(columns, 'iu')


class SparseRows(SparseCoordinates):
    """csr: the values of row i are number `indptr[i]` to `indptr[i + 1]`, in columns `indices`."""

    compressed_axis: ClassVar[int] = 0

    def places(self, state: dict, build: Builder, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        indices, starts = (_vector(build(state[key]), 'iu') for key in ('indices', 'indptr'))
        if starts[0] != 0 or starts[-1] > len(indices) or (starts[1:] < starts[:-1]).any():
            raise UnpicklingError('a sparse matrix whose indptr does not fit its indices')
        lines, indices = np.repeat(np.arange(len(starts) - 1), np.diff(starts)), indices[: starts[-1]]
        return (lines, indices) if self.compressed_axis == 0 else (indices, lines)


class SparseColumns(SparseRows):
    """csc: as csr, with rows and columns exchanged."""

    compressed_axis = 1


def checked_shape(shape: Any) -> tuple[int, ...]:
    """A shape from a pickle, as whole numbers.

    Raises:
        UnpicklingError: it is none.
    """
    if not isinstance(shape, tuple) or not all(isinstance(size, int | np.integer) and size >= 0 for size in shape):
        raise UnpicklingError(f'an array of shape {shape!r:.60}')
    return tuple(int(size) for size in shape)


def _plain_array(dtype: np.dtype, shape: Any, data: Any, order: str) -> np.ndarray:
    """An array of numbers or text from its bytes (Python 2 wrote them as text), in the machine's byte order."""
    shape = checked_shape(shape)
    data = data.encode('latin1') if isinstance(data, str) else data
    if not isinstance(dtype, np.dtype) or dtype.hasobject or not isinstance(data, bytes | bytearray):
        raise UnpicklingError(f'an array of type {dtype} from a {type(data).__name__}')
    size = math.prod(shape) * dtype.itemsize
    if len(data) != size or (shape and not dtype.itemsize):
        raise UnpicklingError(f'an array of shape {shape} and type {dtype} takes {size} bytes, found {len(data)}')
    return np.ndarray(shape, dtype, data, order=order).astype(dtype.newbyteorder('='), order='A')


def _vector(values: Any, kinds: str) -> np.ndarray:
    if not isinstance(values, np.ndarray) or values.ndim != 1 or values.dtype.kind not in kinds:
        raise UnpicklingError('a sparse matrix of something else than vectors of numbers')
    return values.astype(np.int64) if kinds == 'iu' else values


def _dense(shape: tuple[int, ...], values: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    if len(shape) != 2 or math.prod(shape) * values.itemsize > _MAX_DENSE_BYTES:
        raise UnpicklingError(f'a sparse matrix of shape {shape}, expected two dimensions and at most 1 GiB')
    if not len(values) >= len(rows) == len(columns):  # scipy may leave room behind the values
        raise UnpicklingError(f'a sparse matrix of {len(values)} values, {len(rows)} rows and {len(columns)} columns')
    for places, size in zip((rows, columns), shape, strict=True):
        if ((places < 0) | (places >= size)).any():
            raise UnpicklingError(f'a sparse matrix with values outside its shape {shape}')
    dense = np.zeros(shape, values.dtype)
    np.add.at(dense, (rows, columns), values[: len(rows)])
    return dense


def _of_numpy() -> dict[tuple[str, str], Callable]:
    """numpy's names, under the module names of numpy 1 and 2."""
    named: dict[tuple[str, str], Callable] = {('numpy', 'ndarray'): ClassName, ('numpy', 'dtype'): DType}
    for core in ('numpy.core', 'numpy._core'):
        named[f'{core}.multiarray', '_reconstruct'] = Array
        named[f'{core}.multiarray', 'scalar'] = Scalar
        named[f'{core}.numeric', '_frombuffer'] = BufferArray
    return named


def _of_scipy() -> dict[tuple[str, str], Callable]:
    """scipy.sparse's names, under the module names of old and new scipy."""
    kinds = {'csc': SparseColumns, 'csr': SparseRows, 'coo': SparseCoordinates}
    return {
        (f'scipy.sparse.{prefix}{kind}', f'{kind}_{ending}'): placeholder
        for kind, placeholder in kinds.items()
        for prefix in ('', '_')
        for ending in ('matrix', 'array')
    }


# Module and name in the pickle, and what stands for it. `dict` is harmless, and its class cannot be changed.
PLACEHOLDERS: dict[tuple[str, str], Callable] = {
    **_of_numpy(),
    **_of_scipy(),
    ('chumpy.ch', 'Ch'): ChumpyArray,
    ('chumpy.reordering', 'Select'): ChumpySelection,
    ('_codecs', 'encode'): Encode,
    ('__builtin__', 'bytes'): EmptyBytes,
    ('copy_reg', '_reconstructor'): Reconstructor,
    ('copyreg', '_reconstructor'): Reconstructor,
    ('__builtin__', 'object'): ClassName,
    ('builtins', 'object'): ClassName,
    ('collections', 'OrderedDict'): dict,
}
