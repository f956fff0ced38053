"""A run's work folder: its checkpoints, and the one training at a time that writes them."""

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
    """Train in a work folder: no other process does meanwhile, and a full disk ends it with one clear error.

    With several processes, the main one keeps the others out; they have joined their group before.

    Raises:
        InputError: Another process trains there.
        WriteError: A file cannot be written; says what the last good checkpoint is.
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
    """Lock the folder, and remove what a training that was killed left half-written."""
    file = folder / LOCK
    try:
        lock = lock_file(file)
    except BlockingIOError:
        holder = ''
        with suppress(OSError):  # it has just ended
            holder = file.read_text()
        raise InputError(
            f'{folder}: another training runs in this folder ({holder or "its process is not known"}); '
            'wait for its end, stop it, or name another folder (--work-dir DIR)'
        ) from None
    if lock is None:  # a file system without locks
        file.unlink(missing_ok=True)
        return None
    for partial in folder.glob('.*.partial'):
        partial.unlink(missing_ok=True)
    with suppress(OSError):  # a full disk: the training says so itself
        os.truncate(lock, 0)
        os.write(lock, f'process {os.getpid()} on {socket.gethostname()}'.encode())
    return lock


def stopped_note(work_dir: str | Path) -> str:
    """That a run was stopped, and what it can go on from."""
    # From the folder: mmengine notes a checkpoint's name before it is written.
    kept = last_checkpoint(work_dir) or 'none was written yet'
    return f'The run was stopped; the last good checkpoint: {kept}'


def raise_write_errors(logger: logging.Logger) -> None:
    """Let a logger's files raise what keeps them from being written; logging itself prints a traceback a line."""

    def reraise(record: logging.LogRecord) -> None:
        raise  # `logging` calls this where it has caught the error

    for handler in logger.handlers:
        if isinstance(handler, logging.FileHandler):
            handler.handleError = reraise


def last_checkpoint(work_dir: str | Path) -> Path | None:
    """The checkpoint to go on from, or None.

    It is the one that the pointer names, in `work_dir` or, where the config saves checkpoints elsewhere, there. The
    pointer can be empty (the run was killed while it was written) or out of date (the folder was moved, the file
    removed); then it is the one with the highest number.
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
    """Raise an `InputError` where a run has its checkpoints: they would be mixed with another's."""
    last = last_checkpoint(work_dir)
    if last is not None:
        raise InputError(
            f'{work_dir}: a run has its checkpoints there ({last.name}); go on with it (--resume), or name another '
            'folder (--work-dir DIR)'
        )


def best_checkpoint(work_dir: str | Path) -> Path:
    """The best checkpoint by validation, or, without validations, the last one.

    Raises:
        InputError: There is none.
    """
    best = sorted(Path(work_dir).glob('best_*.pth'), key=lambda path: path.stat().st_mtime)
    checkpoint = best[-1] if best else last_checkpoint(work_dir)
    if checkpoint is None:
        raise InputError(f'{work_dir}: no checkpoint there')
    return checkpoint
