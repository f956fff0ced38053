"""Locks on files and folders that are released when the process that holds them ends, however it ends."""

import fcntl
import os
from pathlib import Path

_held: set[int] = set()


def lock_folder(path: Path) -> int | None:
    """Lock a folder for this process.

    Returns:
        The descriptor to pass to `unlock`; None if the file system has no locks.

    Raises:
        BlockingIOError: It is locked already.
    """
    descriptor = os.open(path, os.O_RDONLY)
    return descriptor if _lock(descriptor) else None


def lock_file(path: Path) -> int | None:
    """Lock a file for this process, creating it if it does not exist; otherwise like `lock_folder`.

    Whoever holds the lock may remove the file.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        if not _lock(descriptor):
            return None
        if os.fstat(descriptor).st_nlink:
            return descriptor
        unlock(descriptor)  # the last holder removed it after we opened it; the next process would create another file


def unlock(descriptor: int) -> None:
    """Release a lock."""
    _held.discard(descriptor)
    os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    except OSError:
        os.close(descriptor)
        return False
    _held.add(descriptor)
    return True


def _close_in_child() -> None:
    """A forked process, such as a data loader's worker, can outlive its parent and must not keep the parent's locks."""
    for descriptor in list(_held):
        unlock(descriptor)


os.register_at_fork(after_in_child=_close_in_child)
