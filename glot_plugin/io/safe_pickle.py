"""Reading pickled arrays without running code: SMPL files, joblib databases and pickled HumanData members.

A pickle names the callables that rebuild its objects. `ArrayUnpickler` admits those of numpy arrays, scipy.sparse
matrices and chumpy's array classes, puts placeholders in their place (`glot_plugin.io.pickled_arrays`), and refuses
every other by name, so that no data file can run code. chumpy itself is not needed; it does not import on current
Python.
"""

import io
import pickle
from pathlib import Path
from typing import Any, BinaryIO

from glot_plugin.errors import InputError
from glot_plugin.io.pickled_arrays import PLACEHOLDERS, Builder


class ArrayUnpickler(pickle.Unpickler):
    """An unpickler that admits arrays and plain containers, and refuses everything else by name.

    What it loads holds placeholders, for a `Builder`.
    """

    def __init__(self, file: BinaryIO, name: str, encoding: str = 'latin1') -> None:
        super().__init__(file, encoding=encoding)
        self._name = name

    def find_class(self, module: str, name: str) -> Any:
        try:
            return PLACEHOLDERS[module, name]
        except KeyError:
            raise InputError(
                f'{self._name}: refused to load {module}.{name} from this pickle: only numpy, scipy.sparse and chumpy '
                'arrays are admitted, so that no data file can run code'
            ) from None


def load_pickled_arrays(path: str | Path) -> Any:
    """Load a pickle of arrays and plain containers; chumpy's arrays and sparse matrices become numpy arrays.

    Raises:
        InputError: The file is absent, truncated, not a pickle, forged, or names anything but arrays.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f'{path}: no such file')
    return loads_pickled_arrays(path.read_bytes(), str(path))


def loads_pickled_arrays(data: bytes, name: str) -> Any:
    """`load_pickled_arrays` of bytes in memory; `name` stands for the file in errors."""
    try:
        return Builder()(ArrayUnpickler(io.BytesIO(data), name).load())
    except InputError:
        raise
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise InputError(f'{name}: not a whole pickle ({type(error).__name__}: {error})') from error


def load_open_pickle(file: BinaryIO, **_: Any) -> Any:
    """`load_pickled_arrays` of an open file, in the place of `pickle.load`; its options do not matter."""
    return loads_pickled_arrays(file.read(), str(getattr(file, 'name', 'a pickle')))
