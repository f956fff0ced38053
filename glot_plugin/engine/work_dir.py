"""A run's work folder: its checkpoints, and the lock that admits one training at a time."""

import logging
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mmengine.dist import is_main_process

from glot_plugin.errors import InputError, WriteError
from glot_plugin.io.files import write_errors
from glot_plugin.io.locks import lock_file, unlock

POINTER = 'last_checkpoint'  # mmengine writes the path of the last checkpoint into it
LOCK = '.training.lock'


@contextmanager
def training_in(work_dir: str | Path) -> Iterator[None]:
    """Lock a work folder for a training, and turn a full disk into one clear error.

    In a multi-process run, which has joined its process group before, the main process holds the lock.

    Raises:
        InputError: Another process trains there.
        WriteError: A file cannot be written; the message names the last good checkpoint.
    """
    folder, lock = Path(work_dir), None
    try:
        if is_main_process():
            with write_errors(folder / LOCK):
                lock = _lock(folder)
        with write_errors(folder, only_no_room=True):
            yield
    except WriteError as error:
        raise WriteError(f'{error}. {stopped_note(folder)}') from error
    finally:
        if lock is not None:
            (folder / LOCK).unlink(missing_ok=True)
            unlock(lock)


def _lock(folder: Path) -> int | None:
    """Lock the folder, and remove partial files left by a training that was killed."""
    file = folder / LOCK
    try:
        lock = lock_file(file)
    except BlockingIOError:
        holder = ''
        with suppress(OSError):  # it has just ended
            holder = file.read_text()
        raise InputError(
            f'{folder}: another training runs in this folder ({holder or "its process is not known"}); '
            'wait until it ends, stop it, or name another folder (--work-dir DIR)'
        ) from None
    if lock is None:  # a file system without locks
        file.unlink(missing_ok=True)
        return None
    for partial in folder.glob('.*.partial'):
        partial.unlink(missing_ok=True)
    with suppress(OSError):  # a full disk: the training reports that itself
        os.truncate(lock, 0)
        os.write(lock, f'process {os.getpid()} on {socket.gethostname()}'.encode())
    return lock


def stopped_note(work_dir: str | Path) -> str:
    """A sentence that says the run was stopped, and which checkpoint it can resume from."""
    # Looked up in the folder, since mmengine records a checkpoint's name before the file is written.
    kept = last_checkpoint(work_dir) or 'none was written yet'
    return f'The run was stopped; the last good checkpoint: {kept}'


def raise_write_errors(logger: logging.Logger) -> None:
    """Make a logger's file handlers raise write errors; by default logging prints a traceback for every line."""

    def reraise(record: logging.LogRecord) -> None:
        raise  # `logging` calls this while it handles the error

    for handler in logger.handlers:
        if isinstance(handler, logging.FileHandler):
            handler.handleError = reraise


def last_checkpoint(work_dir: str | Path) -> Path | None:
    """The checkpoint to resume from, or None.

    It is the one that the pointer file names, in `work_dir` or wherever else the config saves checkpoints. If the
    pointer is empty (the run was killed while writing it) or out of date (the folder was moved, the checkpoint
    removed), it is the checkpoint with the highest number.
    """
    folder = Path(work_dir)
    pointer = folder / POINTER
    named = Path(pointer.read_text().strip()) if pointer.is_file() else Path()
    for path in (folder / named.name, named):
        if path.is_file():
            return path
    matches = {path: re.fullmatch(r'(?:iter|epoch)_(\d+)', path.stem) for path in folder.glob('*.pth')}
    numbered = {int(match[1]): path for path, match in matches.items() if match}
    return numbered[max(numbered)] if numbered else None


def check_unused(work_dir: str | Path) -> None:
    """Raise an `InputError` if the folder has a run's checkpoints, which another run's would be mixed with."""
    last = last_checkpoint(work_dir)
    if last is not None:
        raise InputError(
            f'{work_dir}: a run has its checkpoints there ({last.name}); go on with it (--resume), or name another '
            'folder (--work-dir DIR)'
        )


def best_checkpoint(work_dir: str | Path) -> Path:
    """The best checkpoint by validation or, without validations, the last one.

    Raises:
        InputError: The folder has no checkpoint.
    """
    best = sorted(Path(work_dir).glob('best_*.pth'), key=lambda path: path.stat().st_mtime)
    checkpoint = best[-1] if best else last_checkpoint(work_dir)
    if checkpoint is None:
        raise InputError(f'{work_dir}: no checkpoint there')
    return checkpoint
