"""Placeholders for the callables that pickles of arrays name; they become arrays once the pickle has been checked.

A pickle calls functions with any arguments, and changes the results in any order. Those of numpy and scipy.sparse trust
it: forged pickles can get arrays with made-up pointers, or matrices that write outside their memory. So while a pickle
is read, only placeholders, numbers, strings and plain containers exist; `Builder` makes the arrays afterwards. Sparse
matrices and chumpy's arrays become numpy arrays too.

A pickle can refer to one object many times: a few bytes of nested lists that would take years to print, or one string
of a megabyte in a million arrays. `Builder` counts values and bytes as if each were written out at every reference, and
stops when there are more than an honest pickle of that length can contain.
"""

import math
import re
from collections.abc import Callable, Iterable
from pickle import UnpicklingError
from typing import Any, ClassVar

import numpy as np

from glot_plugin.io.messages import brief
from glot_plugin.io.text_arrays import NO_TEXT, is_text

_PLAIN = frozenset({str, bytes, bytearray, bool, int, float, complex, type(None)})
_DTYPE_CODE = re.compile(r'[biufc]\d{1,2}|[SU]\d{1,9}|O\d?')  # as in numpy's pickles: kind and bytes
_MAX_ARGS, _MAX_DEPTH = 8, 64  # honest pickles have up to 5 and 10
_MAX_DIMENSIONS = 32
# Allowed for a pickle of any length, since a sparse matrix of a few bytes can be a large array.
_FREE_BYTES, _FREE_VALUES = 64 * 2**20, 2**22


class Placeholder:
    """Replaces a class or function: keeps the arguments of the call, and the state that is set later.

    `__setstate__` prevents pickles from setting attributes of placeholders and of their classes.
    """

    args: tuple
    state: Any

    def __new__(cls, *args: Any) -> Any:
        if len(args) > _MAX_ARGS:
            raise UnpicklingError(f'a call with {len(args)} arguments')
        self = object.__new__(cls)
        self.args, self.state = args, None
        return self

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def build(self, build: 'Builder') -> Any:
        """The object that the placeholder replaces.

        Raises:
            UnpicklingError: The pickle's description of it is not sound.
        """
        raise NotImplementedError

    def attributes(self) -> dict[str, Any]:
        """The state of a plain object."""
        if self.args or not isinstance(self.state, dict):
            raise UnpicklingError(f'{type(self).__name__} without the state of an object')
        return self.state


class Builder:
    """Builds a copy of a pickle's contents without placeholders, each built once; the original is not changed.

    Args:
        num_bytes: Length of the pickle; if it is compressed, the size it may expand to.
    """

    def __init__(self, num_bytes: int) -> None:
        self._built: dict[int, tuple[Any, Any]] = {}  # each value and what it became; both keep their `id` so
        self._sizes: dict[int, int] = {}  # of built containers, by `id`
        self._max_size, self._bytes_left = _FREE_VALUES + num_bytes, _FREE_BYTES + 8 * num_bytes
        self._depth = 0

    def __call__(self, value: Any) -> Any:
        if type(value) in _PLAIN:
            return value
        if id(value) in self._built:
            if self._built[id(value)][1] is _UNFINISHED:
                raise UnpicklingError('a value that holds itself')
            return self._built[id(value)][1]
        if self._depth == _MAX_DEPTH:
            raise UnpicklingError(f'values nested more than {_MAX_DEPTH} deep')
        self._built[id(value)] = value, _UNFINISHED
        self._depth += 1
        built = self._build(value)
        self._depth -= 1
        self._built[id(value)] = value, built
        return built

    def _build(self, value: Any) -> Any:
        if isinstance(value, Placeholder):
            return value.build(self)
        if isinstance(value, list | tuple):
            return self.sized(type(value)([self(item) for item in value]))
        if isinstance(value, dict):
            built = {check_key(self(key)): self(item) for key, item in value.items()}
            return self.sized(built, (*built, *built.values()))
        if isinstance(value, type):
            raise UnpicklingError(f'the class {value.__name__} in the place of a value')
        return value  # an array that has already been read

    def sized(self, built: Any, items: Iterable | None = None) -> Any:
        """Record the size of `built`, the sum of its items' sizes as if each were written out, and return it.

        Raises:
            UnpicklingError: It is too large.
        """
        size = 1 + sum(self._size(item) for item in (built if items is None else items))
        if size > self._max_size:
            raise UnpicklingError(
                f'values that hold one another again and again: {size} when written out, more than a file of this '
                'length has'
            )
        self._sizes[id(built)] = size
        return built

    def _size(self, built: Any) -> int:
        if isinstance(built, str | bytes | bytearray):
            return 1 + len(built) // 8
        size = self._sizes.get(id(built))
        return 1 + getattr(built, 'nbytes', 0) // 8 if size is None else size

    def take(self, num_bytes: int, what: str) -> None:
        """Count bytes that are about to be allocated for an array or a string.

        Raises:
            UnpicklingError: There are too many.
        """
        if num_bytes > self._bytes_left:
            raise UnpicklingError(f'{what} takes {num_bytes} bytes, more than a file of this length has')
        self._bytes_left -= num_bytes


_UNFINISHED = object()


def check_key(key: Any) -> Any:
    """A dict's key, if it is cheap to hash and compare.

    Raises:
        UnpicklingError: It is nested, or a huge number.
    """
    items = key if type(key) is tuple and len(key) <= _MAX_ARGS else (key,)
    for item in items:
        plain = type(item) in _PLAIN or isinstance(item, Placeholder | np.generic)
        if not plain or (isinstance(item, int) and item.bit_length() > 64):
            raise UnpicklingError(f'{brief(key)} for the key of a dict')
    return key


class ClassName(Placeholder):
    """A class that pickles name but never call, such as an array's class: numpy.ndarray, numpy.memmap, object."""

    def __new__(cls, *_: Any) -> Any:
        raise UnpicklingError('a class is called that may only be named')


class Encode(Placeholder):
    """`_codecs.encode`, by which protocol 2 writes bytes; text codecs only."""

    def build(self, build: Builder) -> bytes:
        text, encoding, errors = (*self.args, *('latin1', 'strict')[len(self.args) - 1 :])
        if not all(isinstance(arg, str) for arg in (text, encoding, errors)):
            raise UnpicklingError('bytes of something else than text')
        if encoding.lower().replace('-', '').replace('_', '') not in ('latin1', 'utf8', 'ascii'):
            raise UnpicklingError(f'the codec {brief(encoding)}, expected latin1, utf8 or ascii')
        build.take(len(text), 'a text')
        return text.encode(encoding, errors)


class OrderedItems(Placeholder):
    """`collections.OrderedDict`, as a dict; Python 2 passes its items, Python 3 sets them afterwards."""

    def __new__(cls, items: list = ()) -> Any:
        pairs = [item for item in items if isinstance(item, list | tuple) and len(item) == 2]
        if len(pairs) != len(items):
            raise UnpicklingError('an OrderedDict of something else than keys and values')
        return {check_key(key): value for key, value in pairs}


class EmptyBytes(Placeholder):
    """`bytes`, by which protocol 2 writes empty bytes."""

    def __new__(cls) -> Any:
        return b''


class Reconstructor(Placeholder):
    """`copy_reg._reconstructor` (protocols 0 and 1), for plain objects."""

    def __new__(cls, kind: type, base: type, _: Any = None) -> Any:
        if not (isinstance(kind, type) and issubclass(kind, Placeholder) and base is ClassName):
            raise UnpicklingError('an object of a class that is not admitted is rebuilt')
        return kind()


class DType(Placeholder):
    """`numpy.dtype`: numbers, text and objects. None of the files read here has records or dates."""

    def build(self, build: Builder) -> np.dtype:
        code = self.args[0] if self.args else None
        state = (3, '=', None, None, None, -1, -1, 0) if self.state is None else self.state
        is_plain = isinstance(code, str) and _DTYPE_CODE.fullmatch(code) and isinstance(state, tuple)
        if not is_plain or len(state) not in (8, 9) or state[1] not in ('<', '>', '=', '|') or any(state[2:5]):
            raise UnpicklingError(f'an array of type {brief(code)}, expected plain numbers, text or objects')
        return np.dtype(object if code[0] == 'O' else code).newbyteorder(state[1])


class Array(Placeholder):
    """`_reconstruct`: an empty array, whose state is its contents."""

    def build(self, build: Builder) -> np.ndarray:
        if not isinstance(self.state, tuple) or len(self.state) not in (4, 5):  # 5: with a leading version number
            raise UnpicklingError('an array without contents')
        shape, dtype, column_major, data = self.state[-4:]
        order = 'F' if column_major else 'C'
        if not isinstance(data, list):
            return _plain_array(build, dtype, shape, data, order)
        shape, dtype = checked_shape(shape), build(dtype)
        if not isinstance(dtype, np.dtype) or dtype != np.dtype(object) or len(data) != math.prod(shape):
            raise UnpicklingError(f'an array of shape {brief(shape)} and type {brief(dtype)} from {len(data)} objects')
        objects = np.fromiter(build(data), object, len(data)).reshape(shape, order=order)
        return build.sized(objects, build(data))


class BufferArray(Placeholder):
    """`_frombuffer`: an array from its bytes, type, shape and order."""

    def build(self, build: Builder) -> np.ndarray:
        data, dtype, shape, order = self.args
        if order not in ('C', 'F'):
            raise UnpicklingError(f'an array in the order {brief(order)}')
        return _plain_array(build, dtype, shape, data, order)


class Scalar(Placeholder):
    """`scalar`: one number or string from its type and bytes."""

    def build(self, build: Builder) -> np.generic:
        dtype, data = self.args
        return _plain_array(build, dtype, (), data, 'C')[()]


class ChumpyArray(Placeholder):
    """`chumpy.ch.Ch`: its array `x`."""

    def build(self, build: Builder) -> np.ndarray:
        return _numbers(build(self.attributes()['x']))


class ChumpySelection(Placeholder):
    """`chumpy.reordering.Select`: elements `idxs` of the array `a`, in `preferred_shape`."""

    def build(self, build: Builder) -> np.ndarray:
        array, places, shape = (build(self.attributes().get(key)) for key in ('a', 'idxs', 'preferred_shape'))
        array, places = _numbers(array), _numbers(places)
        build.take(array.nbytes + 8 * places.size, 'a selection')
        selected = array.ravel()[places]
        return selected if shape is None else selected.reshape(checked_shape(shape))


class SparseCoordinates(Placeholder):
    """scipy.sparse's coo matrices: a row and a column for each value."""

    def build(self, build: Builder) -> np.ndarray:
        state = self.attributes()
        shape = checked_shape(build(state['_shape'] if '_shape' in state else state['shape']))
        return _dense(build, shape, _vector(build, state['data'], 'biuf'), *self.places(state, build))

    def places(self, state: dict, build: Builder) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns (n,) of the values."""
        rows, columns = state['coords'] if 'coords' in state else (state['row'], state['col'])
        return _vector(build, rows, 'iu'), _vector(build, columns, 'iu')


class SparseRows(SparseCoordinates):
    """csr: row i has the values from `indptr[i]` up to `indptr[i + 1]`, in columns `indices`."""

    compressed_axis: ClassVar[int] = 0

    def places(self, state: dict, build: Builder) -> tuple[np.ndarray, np.ndarray]:
        indices, starts = (_vector(build, state[key], 'iu') for key in ('indices', 'indptr'))
        if starts[0] != 0 or starts[-1] > len(indices) or (starts[1:] < starts[:-1]).any():
            raise UnpicklingError('a sparse matrix whose indptr does not fit its indices')
        lines, indices = np.repeat(np.arange(len(starts) - 1), np.diff(starts)), indices[: starts[-1]]
        return (lines, indices) if self.compressed_axis == 0 else (indices, lines)


class SparseColumns(SparseRows):
    """csc: as csr, with rows and columns exchanged."""

    compressed_axis = 1


def checked_shape(shape: Any) -> tuple[int, ...]:
    """A shape from a pickle, as integers.

    Raises:
        UnpicklingError: It is not a shape.
    """
    sizes = shape if isinstance(shape, tuple) and len(shape) <= _MAX_DIMENSIONS else (None,)
    if not all(isinstance(size, int | np.integer) and 0 <= size < 2**63 for size in sizes):
        raise UnpicklingError(f'an array of shape {brief(shape)}')
    return tuple(int(size) for size in sizes)


def _plain_array(build: Builder, dtype: Any, shape: Any, data: Any, order: str) -> np.ndarray:
    """An array of numbers or text from its bytes (Python 2 wrote them as text), in the machine's byte order."""
    dtype, shape, data = build(dtype), checked_shape(shape), build(data)
    data = data.encode('latin1') if isinstance(data, str) else data
    if not isinstance(dtype, np.dtype) or dtype.hasobject or not isinstance(data, bytes | bytearray):
        raise UnpicklingError(f'an array of type {brief(dtype)} from a {type(data).__name__}')
    size = math.prod(shape) * dtype.itemsize
    if len(data) != size or (shape and not dtype.itemsize):
        raise UnpicklingError(f'an array of shape {shape} and type {dtype} takes {size} bytes, found {len(data)}')
    build.take(size, f'an array of shape {shape} and type {dtype}')
    array = np.ndarray(shape, dtype, data, order=order)
    if not is_text(array):
        raise UnpicklingError(NO_TEXT)
    return array.astype(dtype.newbyteorder('='), order='A')


def _numbers(value: Any) -> np.ndarray:
    if not isinstance(value, np.ndarray | np.number | int | float) or np.asarray(value).dtype.kind not in 'biuf':
        raise UnpicklingError(f'a chumpy array of {brief(value)}, expected numbers')
    return np.asarray(value)


def _vector(build: Builder, values: Any, kinds: str) -> np.ndarray:
    values = build(values)
    if not isinstance(values, np.ndarray) or values.ndim != 1 or values.dtype.kind not in kinds:
        raise UnpicklingError('a sparse matrix of something else than vectors of numbers')
    build.take(8 * values.size, 'a sparse matrix')
    return values.astype(np.int64) if kinds == 'iu' else values


def _dense(
    build: Builder, shape: tuple[int, ...], values: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    if len(shape) != 2:
        raise UnpicklingError(f'a sparse matrix of shape {shape}, expected two dimensions')
    build.take(math.prod(shape) * values.itemsize, f'a sparse matrix of shape {shape}')
    if not len(values) >= len(rows) == len(columns):  # scipy may leave unused space behind the values
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


# Module and name in the pickle, and its placeholder.
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
    ('collections', 'OrderedDict'): OrderedItems,
}
