"""Reading pickled arrays without running code: SMPL files, joblib databases and pickled HumanData members.

A pickle names the callables that rebuild its objects. `ArrayUnpickler` admits those of numpy arrays, scipy.sparse
matrices and chumpy's array classes, and refuses every other by name, so that no data file can run code. chumpy itself
is not needed (it does not import on current Python): two classes below hold what its pickles carry.
"""

import io
import pickle
from collections import OrderedDict
from pathlib import Path
from types import FunctionType
from typing import Any, BinaryIO

import numpy as np
from scipy import sparse

from glot_plugin.errors import InputError

_WRITABLE_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class whose attributes can be set


class ChumpyArray:
    """What a pickled `chumpy.ch.Ch` holds: its array `x`."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.x, dtype=dtype)


class ChumpySelection:
    """What a pickled `chumpy.reordering.Select` holds: elements `idxs` of the array `a`, in `preferred_shape`."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        selected = np.asarray(self.a).ravel()[np.asarray(self.idxs)]
        return selected.reshape(getattr(self, 'preferred_shape', selected.shape)).astype(dtype or selected.dtype)


def _encode(text: str, encoding: str = 'latin1', errors: str = 'strict') -> bytes:
    """Stand-in for `_codecs.encode`, with which protocol 2 writes bytes; text codecs only."""
    if encoding.lower().replace('-', '').replace('_', '') not in ('latin1', 'utf8', 'ascii'):
        raise InputError(f'a pickle asks for the codec {encoding!r}; only latin1, utf8 and ascii are text')
    return text.encode(encoding, errors)


def _reconstructor(cls: type, base: type, state: Any) -> Any:
    """Stand-in for `copy_reg._reconstructor` (protocols 0 and 1), for plain objects of the admitted classes."""
    if base is not object:
        raise InputError(f'a pickle rebuilds {cls.__name__} from {base.__name__}; only plain objects may be rebuilt so')
    return object.__new__(cls)


def _numpy_callables() -> dict[tuple[str, str], Any]:
    """numpy's rebuilding functions, under the module names of numpy 1 and 2."""
    reconstruct = np.empty(0).__reduce__()[0]
    scalar = np.float64(0).__reduce__()[0]
    from_buffer = np.zeros(1).__reduce_ex__(5)[0]
    allowed: dict[tuple[str, str], Any] = {('numpy', 'ndarray'): np.ndarray, ('numpy', 'dtype'): np.dtype}
    for core in ('numpy.core', 'numpy._core'):
        allowed[f'{core}.multiarray', '_reconstruct'] = reconstruct
        allowed[f'{core}.multiarray', 'scalar'] = scalar
        allowed[f'{core}.numeric', '_frombuffer'] = from_buffer
    return allowed


def _sparse_callables() -> dict[tuple[str, str], Any]:
    """scipy.sparse's matrix classes, under the module names of old and new scipy."""
    allowed = {}
    for kind in ('csc', 'csr', 'coo'):
        for module in (f'scipy.sparse.{kind}', f'scipy.sparse._{kind}'):
            for name in (f'{kind}_matrix', f'{kind}_array'):
                allowed[module, name] = getattr(sparse, name)
    return allowed


ALLOWED: dict[tuple[str, str], Any] = {
    **_numpy_callables(),
    **_sparse_callables(),
    ('chumpy.ch', 'Ch'): ChumpyArray,
    ('chumpy.reordering', 'Select'): ChumpySelection,
    ('_codecs', 'encode'): _encode,
    ('copy_reg', '_reconstructor'): _reconstructor,
    ('copyreg', '_reconstructor'): _reconstructor,
    ('__builtin__', 'object'): object,
    ('builtins', 'object'): object,
    ('collections', 'OrderedDict'): OrderedDict,
}


def _throwaway(admitted: Any) -> Any:
    """What stands for an admitted class or function in one pickle: pickles may set attributes of what they name."""
    if isinstance(admitted, FunctionType):
        return lambda *args, **kwargs: admitted(*args, **kwargs)
    if isinstance(admitted, type) and admitted.__flags__ & _WRITABLE_TYPE:
        return type(admitted.__name__, (admitted,), {})
    return admitted


class ArrayUnpickler(pickle.Unpickler):
    """An unpickler that admits arrays and plain containers, and refuses everything else by name."""

    def __init__(self, file: BinaryIO, name: str, encoding: str = 'latin1') -> None:
        super().__init__(file, encoding=encoding)
        self._name = name

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _throwaway(ALLOWED[module, name])
        except KeyError:
            raise InputError(
                f'{self._name}: refused to load {module}.{name} from this pickle: only numpy, scipy.sparse and chumpy '
                'arrays are admitted, so that no data file can run code'
            ) from None


def load_pickled_arrays(path: str | Path) -> Any:
    """Load a pickle of arrays and plain containers; chumpy objects become numpy arrays.

    Raises:
        InputError: The file is absent, truncated, not a pickle, or names anything but arrays.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f'{path}: no such file')
    return loads_pickled_arrays(path.read_bytes(), str(path))


def loads_pickled_arrays(data: bytes, name: str) -> Any:
    """`load_pickled_arrays` of bytes in memory; `name` stands for the file in errors."""
    try:
        return _without_chumpy(ArrayUnpickler(io.BytesIO(data), name).load())
    except InputError:
        raise
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise InputError(f'{name}: not a whole pickle ({type(error).__name__}: {error})') from error


def _without_chumpy(value: Any) -> Any:
    if isinstance(value, ChumpyArray | ChumpySelection):
        return np.asarray(value)
    if isinstance(value, dict):
        return {key: _without_chumpy(item) for key, item in value.items()}
    return value
