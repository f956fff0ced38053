"""Writing files so that nothing half-written is left."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from glot_plugin.errors import InputError


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
def atomic_write(path: str | Path, mode: str = 'w') -> Iterator[IO]:
    """Open a file that appears under its name only when it was written to the end."""
    path = Path(path)
    partial = path.with_name(f'.{path.name}.{os.getpid()}.partial')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(partial, mode, newline='' if 'b' not in mode else None) as file:
            yield file
        os.replace(partial, path)
    except OSError as error:
        raise InputError(f'{path}: cannot be written ({error.strerror})') from error
    finally:
        partial.unlink(missing_ok=True)
