"""Reading mmhuman3d's HumanData files: column by column as streams, and without running code from them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from glot_plugin.converters.columns import as_array, as_numbers
from glot_plugin.datasets.column_checks import first_nonfinite_row
from glot_plugin.errors import InputError
from glot_plugin.io.npz_file import ColumnStream, NpzFile


class HumanDataFile(NpzFile):
    """A HumanData `.npz`, open for reading.

    Args:
        path: The file.

    Raises:
        InputError: See `NpzFile`.
    """

    def __init__(self, path: str | Path) -> None:
        if not Path(path).is_file():
            raise InputError(f'{path}: no such file; expected a HumanData .npz, or the folder of a track store')
        super().__init__(path)

    def value(self, key: str, default: Any = None) -> Any:
        """One entry, as HumanData stores it: an array, a dict, a number or a string; `default` if it is missing."""
        if key not in self:
            return default
        value = self.read(key)
        return value.item() if value.ndim == 0 else value

    def mapping(self, key: str) -> dict:
        """An entry that is a dict; empty if it is missing."""
        value = self.value(key)
        if not isinstance(value, dict | None):
            raise InputError(f'{self.path}: {key} is of type {type(value).__name__}, expected a dict')
        return value or {}

    def numbers(self, key: str, dtype: type = np.float32) -> np.ndarray | None:
        """A complete entry as an array of numbers (N, …); None if it is missing."""
        value = self.value(key)
        where = f'{self.path}: {key}'
        return None if value is None else as_numbers(np.atleast_1d(as_array(value, where)), dtype, where)

    def flag(self, key: str) -> bool:
        """A boolean entry; False if it is missing."""
        numbers = self.numbers(key)
        if numbers is not None and numbers.size != 1:
            raise InputError(f'{self.path}: {key} is {numbers.shape}, expected one value')
        return numbers is not None and bool(numbers.any())


def check_lengths(path: Path, arrays: dict[str, Sequence | ColumnStream | None], num_frames: int) -> None:
    """Raise an `InputError` for an array that does not have one row per frame."""
    for name, array in arrays.items():
        if array is None:
            continue
        length = (array.shape or (0,))[0] if hasattr(array, 'shape') else len(array)
        if length != num_frames:
            raise InputError(f'{path}: {name} has {length} rows, expected {num_frames}, as image_path')


def check_finite(where: str, values: np.ndarray, rows: np.ndarray) -> None:
    """Raise an `InputError` for a NaN or infinite value; `rows` are their row numbers in the file."""
    bad = first_nonfinite_row(values)
    if bad is not None:
        raise InputError(f'{where}, row {rows[bad]}: NaN or infinite, expected finite values')
