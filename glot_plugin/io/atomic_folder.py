"""A folder that appears complete or not at all: written as a hidden folder beside its path, and renamed at the end."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from glot_plugin.errors import InputError
from glot_plugin.io.files import sync
from glot_plugin.io.locks import lock_folder, unlock


class AtomicFolder:
    """The hidden folder in which `path` is prepared.

    Call `open`, then `publish`, `discard`, or both; or `keep`. A hidden folder is locked as long as the process that
    writes it lives; if that process is killed, the next `open` for the same path takes the folder over or removes it.

    Args:
        path: The folder to make.
        index_file: Name of the file that identifies a folder as one of ours; no other folder is ever overwritten.
        overwrite: Replace an existing folder; it stays in place until `publish`.

    Raises:
        InputError: `path` exists and `overwrite` is False, or it has no `index_file`.
    """

    def __init__(self, path: Path, index_file: str, overwrite: bool = False) -> None:
        self.path = path.absolute()
        self.index_file = index_file
        self.overwrite = overwrite
        self._hidden: Path | None = None
        self._lock: int | None = None
        self._check_target()

    def open(self, can_go_on: Callable[[Path], bool] | None = None) -> Path:
        """Make the hidden folder and return its path.

        Args:
            can_go_on: Whether a hidden folder that was left behind can be taken over as it is. None: never.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._clear_left_behind(can_go_on)
        if self._hidden is not None:
            return self._hidden
        hidden = self.path.parent / f'{self._prefix}{uuid4().hex[:12]}'
        hidden.mkdir()
        self._hidden = hidden
        self._lock = lock_folder(hidden)
        return hidden

    def publish(self) -> None:
        """Sync the hidden folder's files to disk and move it to its path."""
        self._check_target()  # again: another process may have written it meanwhile
        for path in (*self._hidden.rglob('*'), self._hidden):
            sync(path)
        if (self.path / self.index_file).exists():
            replaced = self._hidden.with_name(f'{self._hidden.name}-replaced')
            os.replace(self.path, replaced)
            os.replace(self._hidden, self.path)
            shutil.rmtree(replaced)
        else:
            os.replace(self._hidden, self.path)
        sync(self.path.parent)

    def discard(self) -> None:
        """Remove the hidden folder unless it was published; can be called repeatedly."""
        if self._hidden is not None:
            shutil.rmtree(self._hidden, ignore_errors=True)
        self.keep()

    def keep(self) -> None:
        """Leave the hidden folder for a later `open` to take over."""
        if self._lock is not None:
            unlock(self._lock)
        self._hidden = self._lock = None

    @property
    def _prefix(self) -> str:
        return f'.{self.path.name}.writing-'

    def _check_target(self) -> None:
        if not self.path.exists() or (self.path.is_dir() and not any(self.path.iterdir())):
            return
        if not self.overwrite:
            raise InputError(f'{self.path}: already exists; remove it, choose another path or set overwrite=True')
        if not (self.path / self.index_file).is_file():
            raise InputError(f'{self.path}: exists but has no {self.index_file}, so it is not overwritten')

    def _clear_left_behind(self, can_go_on: Callable[[Path], bool] | None) -> None:
        """Take over one hidden folder that no process writes, if `can_go_on` accepts one; remove the others."""
        for folder in sorted(self.path.parent.iterdir()):
            if not folder.name.startswith(self._prefix):
                continue
            try:
                lock = lock_folder(folder)
            except BlockingIOError:
                continue
            if lock is None:  # no locks here, so another process may be writing it
                continue
            if self._hidden is None and can_go_on is not None and can_go_on(folder):
                self._hidden, self._lock = folder, lock
            else:
                shutil.rmtree(folder, ignore_errors=True)
                unlock(lock)
