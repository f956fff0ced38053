"""Reading pickled arrays without running code: SMPL files, joblib databases and pickled HumanData members.

A pickle names the callables that rebuild its objects. `ArrayUnpickler` admits those of numpy arrays, scipy.sparse
matrices and chumpy's array classes, replaces them with placeholders (`glot_plugin.io.pickled_arrays`), and refuses all
others by name, so that no data file can run code. chumpy, which current Python versions cannot import, is not required.
"""

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from glot_plugin.errors import InputError
from glot_plugin.io.bounded_file import BoundedFile
from glot_plugin.io.messages import brief, reason
from glot_plugin.io.pickled_arrays import PLACEHOLDERS, Builder, Placeholder, check_key


class ArrayUnpickler(pickle._Unpickler):
    """An unpickler that admits arrays and plain containers, and refuses everything else by name.

    It extends Python's pure-Python unpickler. The C version allocates memory for any length or object number that a
    pickle claims, and hashes any key. The loaded value contains placeholders, for a `Builder`.

    Args:
        file: The file, at the pickle's first byte.
        name: Its name in errors.
    """

    dispatch = pickle._Unpickler.dispatch.copy()
    placeholders: Mapping[tuple[str, str], Any] = PLACEHOLDERS
    admitted = 'numpy, scipy.sparse and chumpy arrays'

    def __init__(self, file: BoundedFile, name: str) -> None:
        super().__init__(file, encoding='latin1')
        self._name = name

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self.placeholders[module, name]
        except KeyError:
            raise InputError(
                f'{self._name}: refused to load {module[:80]}.{name[:80]} from this pickle: only {self.admitted} are '
                'admitted, so that no data file can run code'
            ) from None

    def load_frame(self) -> None:
        """Ignore frames, which only hint at what could be read ahead."""
        self.read(8)

    dispatch[pickle.FRAME[0]] = load_frame

    def load_bytearray8(self) -> None:
        self.append(bytearray(self.read(int.from_bytes(self.read(8), 'little'))))

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8

    def load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set_items([key, value])

    dispatch[pickle.SETITEM[0]] = load_setitem

    def load_setitems(self) -> None:
        self._set_items(self.pop_mark())

    dispatch[pickle.SETITEMS[0]] = load_setitems

    def load_dict(self) -> None:
        items = self.pop_mark()
        self.append({})
        self._set_items(items)

    dispatch[pickle.DICT[0]] = load_dict

    def _set_items(self, items: list) -> None:
        if type(self.stack[-1]) is not dict:
            raise pickle.UnpicklingError(f'items are set of {brief(self.stack[-1])}')
        for key in items[::2]:
            check_key(key)
        self.stack[-1].update(zip(items[::2], items[1::2], strict=True))

    def refuse_set(self) -> None:
        raise pickle.UnpicklingError('a set; expected arrays, lists, tuples and dicts')

    dispatch[pickle.EMPTY_SET[0]] = dispatch[pickle.FROZENSET[0]] = dispatch[pickle.ADDITEMS[0]] = refuse_set

    def load_reduce(self) -> None:
        if not isinstance(self.stack[-1], tuple):
            raise pickle.UnpicklingError(f'a call with {brief(self.stack[-1])} for its arguments')
        super().load_reduce()

    dispatch[pickle.REDUCE[0]] = load_reduce

    def load_build(self) -> None:
        """Set an object's state."""
        if not isinstance(self.stack[-2], Placeholder):
            raise InputError(f'{self._name}: refused to change {brief(self.stack[-2])}: no data file may change code')
        super().load_build()

    dispatch[pickle.BUILD[0]] = load_build


def load_pickled_arrays(path: str | Path) -> Any:
    """Load a pickle of arrays and plain containers; chumpy's arrays and sparse matrices become numpy arrays.

    Raises:
        InputError: The file is missing, truncated, not a pickle or forged, or names anything but arrays.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f'{path}: no such file')
    with path.open('rb') as file:
        return _load(BoundedFile(file, path.stat().st_size), str(path))


def loads_pickled_arrays(data: bytes, name: str) -> Any:
    """`load_pickled_arrays` for bytes in memory; errors call the file `name`."""
    return _load(BoundedFile(io.BytesIO(data), len(data)), name)


def load_open_pickle(file: BinaryIO, **_: Any) -> Any:
    """`load_pickled_arrays` for an open file, as a replacement for `pickle.load`, whose options are ignored."""
    return loads_pickled_arrays(file.read(), str(getattr(file, 'name', 'a pickle')))


def _load(file: BoundedFile, name: str) -> Any:
    try:
        return Builder(file.num_bytes)(ArrayUnpickler(file, name).load())
    except InputError:
        raise
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise InputError(f'{name}: not a valid pickle ({reason(error)})') from error
