"""Grouping the rows of a database into tracks: one person in one video, in frame order."""

import re
from dataclasses import dataclass

import numpy as np

from glot_plugin.converters.columns import Column, as_numbers, as_text
from glot_plugin.errors import InputError

CHUNK_ROWS = 2**16
MAX_FRAME_NUMBER = 2**53  # float64 holds every integer up to here
_LAST_NUMBER = re.compile(r'(\d{1,300})\D*$')  # as many digits as float64 holds


@dataclass(frozen=True)
class TrackRows:
    """One track: its name, its rows of the database in frame order (n,), and their frame numbers (n,)."""

    name: str
    rows: np.ndarray
    frame_id: np.ndarray


def find_tracks(vid_name: Column, frame_id: Column | None, where: str) -> list[TrackRows]:
    """Tracks of a database, sorted by their first rows.

    All rows of one `vid_name` form one track in the order of their frame numbers: the name identifies the person. Gaps
    in the numbers do not split a track: the paper's windows span them. A repeated number means that several people
    share the name and cannot be told apart by the numbers, which is an error.

    Args:
        vid_name: (N,) strings or bytes.
        frame_id: (N,) numbers, or strings that contain one; None: rows are in frame order.
        where: The file, for errors.

    Raises:
        InputError: an invalid name or frame number, or people who share a name.
    """
    frames = np.arange(vid_name.shape[0]) if frame_id is None else frame_numbers(frame_id, f'{where}: frame_id')
    runs: dict[str, list[np.ndarray]] = {}
    for name, start, stop in _runs(vid_name, f'{where}: vid_name'):
        if not name:
            raise InputError(f'{where}: vid_name, row {start}: an empty name, expected one for each video and person')
        runs.setdefault(name, []).append(np.arange(start, stop))
    tracks = [_track(name, np.concatenate(pieces), frames, where) for name, pieces in runs.items()]
    return sorted(tracks, key=lambda track: track.rows.min())


def read_rows(column: Column, rows: np.ndarray) -> np.ndarray:
    """Rows of a column in any order, read in as few slices as possible."""
    ascending = np.sort(rows)
    slices = np.split(ascending, np.flatnonzero(np.diff(ascending) != 1) + 1)
    parts = [column[int(part[0]) : int(part[-1]) + 1] for part in slices]
    values = np.concatenate(parts) if len(parts) > 1 else np.asarray(parts[0])
    return values if (ascending == rows).all() else values[np.searchsorted(ascending, rows)]


def frame_numbers(column: Column, where: str) -> np.ndarray:
    """Frame numbers (N,) int64 from numbers, or from the last number in each string.

    Raises:
        InputError: a string without a number, a fraction, or more than one value per row.
    """
    numbers = np.empty(column.shape[0], np.int64)
    for start in range(0, len(numbers), CHUNK_ROWS):
        values = np.asarray(column[start : start + CHUNK_ROWS])
        if values.size != len(values):
            raise InputError(f'{where}: found shape {column.shape}, expected one number per row')
        numbers[start : start + CHUNK_ROWS] = _as_frame_numbers(values.reshape(-1), where)
    return numbers


def last_number(text: str) -> int | None:
    """The last number in a string, such as the frame number in an image's name; None if there is none."""
    match = _LAST_NUMBER.search(text)
    return int(match[1]) if match else None


def _as_frame_numbers(values: np.ndarray, where: str) -> np.ndarray:
    if values.dtype.kind in 'OSU' and isinstance(values[0], str | bytes):
        texts = as_text(values, where)
        found = [last_number(text) for text in texts]
        if None in found:
            raise InputError(f'{where}: found {texts[found.index(None)]!r}, expected a frame number')
        numbers = np.array(found, np.float64)
    else:
        numbers = as_numbers(values, np.float64, where)
    good = (np.abs(numbers) < MAX_FRAME_NUMBER) & (numbers == np.floor(numbers))
    if not good.all():
        raise InputError(f'{where}: found {numbers[~good][0]:g}, expected whole frame numbers below 2^53')
    return numbers.astype(np.int64)


def _runs(vid_name: Column, where: str) -> list[tuple[str, int, int]]:
    """Runs of consecutive rows of one name: name, first row, row after the last."""
    starts, names, last = [], [], None
    for start in range(0, vid_name.shape[0], CHUNK_ROWS):
        chunk = np.asarray(vid_name[start : start + CHUNK_ROWS])
        if chunk.size != len(chunk):
            raise InputError(f'{where}: found shape {vid_name.shape}, expected one name per row')
        chunk = chunk.reshape(-1)
        changes = np.flatnonzero(chunk[1:] != chunk[:-1]) + 1
        if start == 0 or chunk[0] != last:
            changes = np.concatenate([[0], changes])
        changes = changes.astype(np.int64)
        starts += (changes + start).tolist()
        names += as_text(chunk[changes], where)
        last = chunk[-1]
    return list(zip(names, starts, [*starts[1:], vid_name.shape[0]], strict=True))


def _track(name: str, rows: np.ndarray, frames: np.ndarray, where: str) -> TrackRows:
    """The rows of one name in frame order."""
    rows = rows[np.argsort(frames[rows], kind='stable')]
    numbers = frames[rows]
    repeated = np.flatnonzero(numbers[1:] == numbers[:-1])
    if repeated.size:
        first, second = rows[repeated[0]], rows[repeated[0] + 1]
        raise InputError(
            f'{where}: vid_name {name!r} has frame_id {numbers[repeated[0]]} twice, in rows {first} and {second}: '
            'several people share the name, and nothing tells them apart; expected a vid_name for each video and person'
        )
    return TrackRows(name, rows, numbers)
