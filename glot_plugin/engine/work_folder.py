"""The checkpoints in a run's work folder."""

import re
from pathlib import Path

from glot_plugin.errors import InputError

POINTER = 'last_checkpoint'  # mmengine writes the path of the last checkpoint into it


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
