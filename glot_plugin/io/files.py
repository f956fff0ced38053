"""Writing files so that nothing half-written is left, and what was written survives a power cut."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from glot_plugin.errors import InputError, WriteError

# What a full disk, a used-up quota and a limit on the size of files give.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def writable_folder(path: str | Path, option: str) -> Path:
    """Make the folder and see that it can be written to; `option` names where the path came from in errors."""
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f'.write-test-{os.getpid()}'
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(f'{option} {path}: cannot be written to ({error.strerror})') from error
    return path


def writable_file(path: str | Path, option: str) -> Path:
    """See that a file can be written there, and make its folder; `option` names where the path came from in errors."""
    path = Path(path)
    if path.is_dir():
        raise InputError(f'{option} {path}: a folder, expected the name of a file')
    writable_folder(path.parent, option)
    return path


@contextlib.contextmanager
def atomic_write(path: str | Path, mode: str = 'w', size: int | None = None) -> Iterator[IO]:
    """Open a file that appears under its name only when it was written to the end and is on the disk.

    Args:
        path: The file; its folder is made where it is missing.
        mode: `w` or `wb`.
        size: How many bytes it will have, where that is known: the error on a full disk says it.

    Raises:
        WriteError: It cannot be written.
    """
    path = Path(path)
    partial = path.with_name(f'.{path.name}.{os.getpid()}.partial')
    try:
        with write_errors(path, partial, size):
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(partial, mode, newline='' if 'b' not in mode else None) as file:
                yield file
            replace_durably(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_bytes(path: str | Path, content: bytes | memoryview) -> None:
    """Write a file whole, as `atomic_write` does."""
    with atomic_write(path, 'wb', size=len(content)) as file:
        file.write(content)


def write_npy(file: IO[bytes], array: np.ndarray) -> None:
    """Write an array in `.npy` format; unlike `np.save`, the error on a full disk gives the reason."""
    array = np.ascontiguousarray(array)
    np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
    file.write(array.data)


def replace_durably(source: Path, target: Path) -> None:
    """Rename a file over another one; after a power cut the old or the new one is there, and whole."""
    sync(source)
    os.replace(source, target)
    sync(target.parent)


def sync(path: Path) -> None:
    """Force a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems cannot, for folders
            raise
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def write_errors(
    path: Path, written_to: Path | None = None, size: int | None = None, only_no_room: bool = False
) -> Iterator[None]:
    """Turn errors of the file system into a `WriteError`.

    Args:
        path: The file or folder that is being written.
        written_to: Holds what is written so far, under another name; it is removed after an error.
        size: Bytes that are needed, where that is known.
        only_no_room: Turn only errors of a full disk, for code that also reads.
    """
    try:
        yield
    except OSError as error:
        if only_no_room and error.errno not in NO_ROOM:
            raise
        reason = error.strerror or str(error)
        if error.errno in NO_ROOM:
            reason += _room(path, written_to, size)
        raise WriteError(f'{path}: cannot be written ({reason})') from error


def _room(path: Path, written_to: Path | None, size: int | None) -> str:
    """How much room there is, and how much is needed, as far as that is known."""
    with contextlib.suppress(OSError):
        written = _bytes_in(written_to)
        folder = next(each for each in (path, *path.absolute().parents) if each.is_dir())
        free = _readable(shutil.disk_usage(folder).free + written)
        needed = f'{_readable(size)} needed' if size else f'more than {_readable(written)} needed' if written else ''
        return f'; {", ".join(filter(None, (needed, f"{free} free")))} in {folder}'
    return ''


def _bytes_in(path: Path | None) -> int:
    if path is None or not path.exists():
        return 0
    return sum(each.stat().st_size for each in (path.rglob('*') if path.is_dir() else (path,)) if each.is_file())


def _readable(size: int) -> str:
    return f'{size / 1e6:.1f} MB' if size >= 1e5 else f'{size / 1e3:.1f} kB'
