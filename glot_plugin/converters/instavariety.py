"""Opening InstaVariety's database, an HDF5 file: two million frames that are read in blocks."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from glot_plugin.converters.columns import BlockColumn
from glot_plugin.errors import InputError
from glot_plugin.io.bounded_file import unfolded_limit
from glot_plugin.io.messages import reason


@contextmanager
def open_hdf5(path: Path) -> Iterator[dict[str, BlockColumn]]:
    """The data sets of an HDF5 file by name, open for reading; names in them are bytes.

    Raises:
        InputError: the file is missing, damaged or not HDF5, or h5py is not installed.
    """
    try:
        import h5py
    except ModuleNotFoundError:
        raise InputError(f'{path}: reading HDF5 needs h5py, which is not installed: pip install h5py') from None
    if not path.is_file():
        raise InputError(f'{path}: no such file')
    try:
        file = h5py.File(path, 'r')
    except OSError as error:
        raise InputError(f'{path}: not a valid HDF5 file ({reason(error)})') from error
    with file:
        yield _columns(file, path)


def _columns(file: Any, path: Path) -> dict[str, BlockColumn]:
    import h5py

    limit = unfolded_limit(path.stat().st_size)
    columns = {}
    try:
        for key in file:
            # Only what lies in this file is read: a link could lead anywhere.
            dataset = file[key] if isinstance(file.get(key, getlink=True), h5py.HardLink) else None
            inside = isinstance(dataset, h5py.Dataset) and not (dataset.external or dataset.is_virtual)
            if inside and dataset.shape:
                _check_size(dataset, f'{path}: {key}', limit)
                columns[key] = BlockColumn(dataset, f'{path}: {key}')
    except InputError:
        raise
    except Exception as error:  # a damaged file can raise anything
        raise InputError(f'{path}: a damaged HDF5 file ({reason(error)})') from error
    return columns


def _check_size(dataset: Any, where: str, limit: int) -> None:
    """Refuse a data set that claims too many rows: rows that were never written take no room in the file."""
    sizes = dataset.shape
    if dataset.chunks is not None:  # HDF5 reads complete chunks
        sizes = [-(-size // chunk) * chunk for size, chunk in zip(sizes, dataset.chunks, strict=True)]
    num_bytes = math.prod(sizes) * dataset.dtype.itemsize
    if num_bytes > limit:
        raise InputError(
            f'{where}: takes {num_bytes} bytes, more than the {limit} that a file of this length may unfold to'
        )
