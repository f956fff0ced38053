"""Opening InstaVariety's database, an HDF5 file: two million frames that pass through memory in blocks."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from glot_plugin.converters.columns import BlockColumn
from glot_plugin.errors import InputError


@contextmanager
def open_hdf5(path: Path) -> Iterator[dict[str, BlockColumn]]:
    """The data sets of an HDF5 file by name, open for reading; names in them are bytes.

    Raises:
        InputError: absent, damaged, not HDF5, or h5py is not installed.
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
        raise InputError(f'{path}: not a whole HDF5 file ({error})') from error
    with file:
        # Only what lies in this file is read: a link could lead anywhere.
        inside = [key for key in file if isinstance(file.get(key, getlink=True), h5py.HardLink)]
        yield {
            key: BlockColumn(file[key], f'{path}: {key}')
            for key in inside
            if isinstance(file[key], h5py.Dataset)
            and file[key].shape
            and not (file[key].external or file[key].is_virtual)
        }
