"""Which rows of a database are one person through one video, in which order."""

import re
from dataclasses import dataclass

import numpy as np

from glot_plugin.converters.columns import Column, as_numbers, as_text
from glot_plugin.errors import InputError

CHUNK_ROWS = 2**16
_LAST_NUMBER = re.compile(r'(\d+)\D*$')


@dataclass(frozen=True)
class TrackRows:
    """One track: its name, its rows of the database in frame order (n,), and their frame numbers (n,)."""

    name: str
    rows: np.ndarray
    frame_id: np.ndarray


def find_tracks(vid_name: Column, frame_id: Column | None, where: str) -> list[TrackRows]:
    """Tracks of a database, by their first rows.

    All rows of one `vid_name` (which carries the person) are one track in the order of their frame numbers. Gaps in the
    numbers do not cut a track: the paper's windows run over them. Where numbers repeat and start again within one
    `vid_name`, several people share it; each then is a track of its own, `name#0`, `name#1`, …

    Args:
        vid_name: (N,) text or bytes.
        frame_id: (N,) numbers, or texts that hold one; None: rows are in frame order.
        where: The file, for errors.

    Raises:
        InputError: an empty name, or a frame number that is none.
    """
    frames = np.arange(vid_name.shape[0]) if frame_id is None else frame_numbers(frame_id, f'{where}: frame_id')
    runs: dict[str, list[np.ndarray]] = {}
    for name, start, stop in _runs(vid_name):
        if not name:
            raise InputError(f'{where}: vid_name, row {start}: an empty name, expected that of a video and person')
        runs.setdefault(name, []).append(np.arange(start, stop))
    tracks = []
    for name, pieces in runs.items():
        people = _people(np.concatenate(pieces), frames)
        for number, rows in enumerate(people):
            tracks.append(TrackRows(name if len(people) == 1 else f'{name}#{number}', rows, frames[rows]))
    return sorted(tracks, key=lambda track: track.rows.min())


def read_rows(column: Column, rows: np.ndarray) -> np.ndarray:
    """Rows of a column in any order, read as few slices."""
    ascending = np.sort(rows)
    slices = np.split(ascending, np.flatnonzero(np.diff(ascending) != 1) + 1)
    parts = [column[int(part[0]) : int(part[-1]) + 1] for part in slices]
    values = np.concatenate(parts) if len(parts) > 1 else np.asarray(parts[0])
    return values if (ascending == rows).all() else values[np.searchsorted(ascending, rows)]


def frame_numbers(column: Column, where: str) -> np.ndarray:
    """Frame numbers (N,) int64 from numbers, or from the last number of each text.

    Raises:
        InputError: a text without a number, a fraction, or more than one value a row.
    """
    numbers = np.empty(column.shape[0], np.int64)
    for start in range(0, len(numbers), CHUNK_ROWS):
        values = np.asarray(column[start : start + CHUNK_ROWS])
        if values.size != len(values):
            raise InputError(f'{where}: found shape {column.shape}, expected one number a row')
        numbers[start : start + CHUNK_ROWS] = _as_frame_numbers(values.reshape(-1), where)
    return numbers


def _as_frame_numbers(values: np.ndarray, where: str) -> np.ndarray:
    if values.dtype.kind in 'iu':
        return values
    if values.dtype.kind in 'OSU' and isinstance(values[0], str | bytes):
        found = [_LAST_NUMBER.search(text) for text in as_text(values)]
        if not all(found):
            raise InputError(f'{where}: found {as_text(values)[found.index(None)]!r}, expected a frame number')
        return np.array([int(match[1]) for match in found])
    numbers = as_numbers(values, np.float64, where)
    if not (np.isfinite(numbers) & (numbers == np.floor(numbers))).all():
        raise InputError(f'{where}: found a value that is no whole number, expected frame numbers')
    return numbers.astype(np.int64)


def _runs(vid_name: Column) -> list[tuple[str, int, int]]:
    """Rows of one name that follow one another: name, first row, row after the last."""
    starts, names, last = [], [], None
    for start in range(0, vid_name.shape[0], CHUNK_ROWS):
        chunk = np.asarray(vid_name[start : start + CHUNK_ROWS]).reshape(-1)
        changes = np.flatnonzero(chunk[1:] != chunk[:-1]) + 1
        if start == 0 or chunk[0] != last:
            changes = np.concatenate([[0], changes])
        changes = changes.astype(np.int64)
        starts += (changes + start).tolist()
        names += as_text(chunk[changes])
        last = chunk[-1]
    return list(zip(names, starts, [*starts[1:], vid_name.shape[0]], strict=True))


def _people(rows: np.ndarray, frames: np.ndarray) -> list[np.ndarray]:
    """The rows of one name, cut into people where frame numbers repeat and start again; each in frame order."""
    numbers = frames[rows]
    restarts = np.flatnonzero(np.diff(numbers) < 0) + 1
    if not restarts.size:
        return [rows]
    if len(np.unique(numbers)) == len(numbers):
        return [rows[np.argsort(numbers, kind='stable')]]
    return np.split(rows, restarts)
