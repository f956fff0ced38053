"""Writing files so that no partial file is left behind, and what was written survives a power cut."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from glot_plugin.errors import InputError, WriteError

# The errors of a full disk, an exhausted quota and a file-size limit.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def writable_folder(path: str | Path, option: str) -> Path:
    """Create the folder and check that it is writable; errors name `option` as the source of the path."""
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
    """Check that the file can be written, and create its folder; errors name `option` as the source of the path."""
    path = Path(path)
    if path.is_dir():
        raise InputError(f'{option} {path}: a folder, expected the name of a file')
    writable_folder(path.parent, option)
    return path


@contextlib.contextmanager
def atomic_write(path: str | Path, mode: str = 'w', size: int | None = None) -> Iterator[IO]:
    """Open a file that appears under its name only once it is written completely and is on disk.

    Args:
        path: The file; its folder is created if it does not exist.
        mode: `w` or `wb`.
        size: Its size in bytes, if known; the error on a full disk gives it.

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
    """Write a complete file, as with `atomic_write`."""
    with atomic_write(path, 'wb', size=len(content)) as file:
        file.write(content)


def write_npy(file: IO[bytes], array: np.ndarray) -> None:
    """Write an array in `.npy` format; unlike with `np.save`, the error on a full disk gives the reason."""
    array = np.ascontiguousarray(array)
    np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
    file.write(array.data)


def replace_durably(source: Path, target: Path) -> None:
    """Rename a file over another one; after a power cut either the old or the new one exists, complete."""
    sync(source)
    os.replace(source, target)
    sync(target.parent)


def sync(path: Path) -> None:
    """Sync a file, or the entries of a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems cannot sync folders
            raise
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def write_errors(
    path: Path, written_to: Path | None = None, size: int | None = None, only_no_room: bool = False
) -> Iterator[None]:
    """Turn file-system errors into a `WriteError`.

    Args:
        path: The file or folder that is being written.
        written_to: The temporary file with what has been written so far; it is removed after an error.
        size: Bytes needed, if known.
        only_no_room: Convert only full-disk errors, for code that also reads.
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
    """How much space is free, and how much is needed, as far as known."""
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
