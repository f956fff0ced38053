"""Grouping the rows of a HumanData file into tracks: one person in one video."""

from collections import Counter
from pathlib import Path

import numpy as np

from glot_plugin.converters.tracks import TrackRows, last_number
from glot_plugin.errors import InputError


def person_tracks(
    path: Path,
    image_paths: np.ndarray,
    only_vid_name: bool = False,
    people: dict[str, np.ndarray] | None = None,
    genders: np.ndarray | None = None,
) -> list[TrackRows]:
    """Tracks, sorted by their first rows.

    With person numbers, a track is the rows of one video and person in frame order, wherever they are in the file.
    Without them, it is a run of rows of one video with increasing frame numbers: mmhuman3d's files list one person
    after another, so within a folder of images the frame numbers start again where the next person begins. (Its own
    video data set groups rows by folder alone and joins them.)

    Args:
        path: The file, for errors.
        image_paths: (N,) strings, `video/picture`; with `only_vid_name` the name of the video (and person) alone.
        only_vid_name: See `image_paths`; rows are in frame order.
        people: Arrays (N,) by key, which tell the people of a video apart.
        genders: (N,); a change of gender starts another track.

    Raises:
        InputError: People alternate from row to row and nothing tells them apart, or one appears twice in a frame.
    """
    videos, frames = image_paths, np.arange(len(image_paths))
    if not only_vid_name:
        videos = np.array([text.rpartition('/')[0] for text in image_paths.tolist()])
        frames = _frame_numbers(image_paths)
    if people:
        person = _groups([videos, *people.values()])
        order = np.lexsort((frames, person))
        starts = _changes(person[order])
        _check_repeats(path, image_paths, order, ~starts & (np.diff(frames[order]) == 0), tuple(people))
    else:
        order = np.arange(len(image_paths))
        starts = _changes(videos) | (np.diff(frames) <= 0)
        _check_order(path, image_paths, ~_changes(videos) & (np.diff(frames) == 0))
    if genders is not None:
        starts |= _changes(genders[order])
    tracks = sorted(np.split(order, np.flatnonzero(starts) + 1), key=np.min)
    names = _unique_names([str(videos[rows[0]]) for rows in tracks])
    return [
        TrackRows(name, rows, np.arange(len(rows)) if only_vid_name else frames[rows])
        for name, rows in zip(names, tracks, strict=True)
    ]


def _frame_numbers(image_paths: np.ndarray) -> np.ndarray:
    """(N,) the last number in each picture's name; where one has none, the rank of its path."""
    found = [last_number(text.rpartition('/')[2]) for text in image_paths.tolist()]
    if None not in found:
        return np.array([number % 10**18 for number in found], np.int64)  # as many digits as 64 bits hold
    return np.unique(image_paths, return_inverse=True)[1].astype(np.int64)


def _groups(keys: list[np.ndarray]) -> np.ndarray:
    """Group numbers (N,), the same where all keys (N,) are the same."""
    group = np.zeros(len(keys[0]), np.int64)
    for key in keys:
        number = np.unique(key, return_inverse=True)[1]
        group = np.unique(group * (number.max() + 1) + number, return_inverse=True)[1]
    return group


def _changes(values: np.ndarray) -> np.ndarray:
    """(N - 1,) bool: whether the value differs from the row before."""
    return values[1:] != values[:-1]


def _check_repeats(
    path: Path, image_paths: np.ndarray, order: np.ndarray, repeated: np.ndarray, keys: tuple[str, ...]
) -> None:
    if repeated.any():
        place = int(repeated.argmax())
        rows = [int(row) for row in order[place : place + 2]]
        raise InputError(
            f'{path}: rows {rows[0]} and {rows[1]} ({image_paths[rows[0]]}, {image_paths[rows[1]]}) are one frame of '
            f'one person by {" and ".join(keys)}, expected one row per person and frame'
        )


def _check_order(path: Path, image_paths: np.ndarray, repeated: np.ndarray) -> None:
    rows = np.flatnonzero(repeated)
    close = np.flatnonzero(np.diff(rows) <= 2)
    if close.size:
        row = int(rows[close[0]])
        raise InputError(
            f'{path}: image_path has {str(image_paths[row])!r} in rows {row} and {row + 1}, and so on: people '
            "alternate from row to row. Expected one person after another; or add the array 'track_id' (one number "
            'per row), or write the video and person as image_path and set only_vid_name=True'
        )


def _unique_names(videos: list[str]) -> list[str]:
    """The videos' names; where one has several tracks, `name#0`, `name#1`, …"""
    total, seen, names = Counter(videos), Counter(), []
    for video in videos:
        names.append(f'{video}#{seen[video]}' if total[video] > 1 or not video else video)
        seen[video] += 1
    return names
