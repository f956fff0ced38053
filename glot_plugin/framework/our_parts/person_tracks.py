"""Which rows of a HumanData file are one person through one video."""

import re
from collections import Counter
from pathlib import Path

import numpy as np

from glot_plugin.errors import InputError

_LAST_NUMBER = re.compile(r'(\d+)\D*$')


def person_tracks(
    path: Path, image_paths: np.ndarray, only_vid_name: bool = False, people: list[np.ndarray] | None = None
) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Cut rows into tracks: runs of rows of one video, with rising frame numbers, of one person.

    mmhuman3d's files list one person after another, so that within a folder of pictures the frame numbers start again
    where the next person begins. (Its own video data set goes by the folder alone and joins them.)

    Args:
        path: The file, for errors.
        image_paths: (N,) text, `video/picture`; with `only_vid_name` the name of the video (and person) alone.
        only_vid_name: See `image_paths`.
        people: Arrays (N,) that stay the same within a track: person numbers, genders.

    Returns:
        First row of each track and the number of rows, (M + 1,); M unique names; frame numbers (N,).

    Raises:
        InputError: People alternate from row to row, and nothing tells them apart.
    """
    num_rows = len(image_paths)
    if only_vid_name:
        videos, frame_id = image_paths, None
        starts = videos[1:] != videos[:-1]
    else:
        videos = np.array([text.rpartition('/')[0] for text in image_paths.tolist()])
        frame_id = _frame_numbers(image_paths)
        same_video = videos[1:] == videos[:-1]
        starts = ~same_video | (frame_id[1:] <= frame_id[:-1])
        if not people:
            _check_order(path, image_paths, same_video & (frame_id[1:] == frame_id[:-1]))
    for values in people or []:
        starts = starts | (values[1:] != values[:-1])
    offsets = np.concatenate([[0], np.flatnonzero(starts) + 1, [num_rows]])
    if frame_id is None:
        frame_id = np.arange(num_rows) - np.repeat(offsets[:-1], np.diff(offsets))
    return offsets, _unique_names(videos[offsets[:-1]].tolist()), frame_id


def _frame_numbers(image_paths: np.ndarray) -> np.ndarray:
    """(N,) the last number in each picture's name; where one has none, the rank of its path."""
    found = [_LAST_NUMBER.search(text.rpartition('/')[2]) for text in image_paths.tolist()]
    if all(found):
        return np.array([int(match[1]) for match in found], np.int64)
    return np.unique(image_paths, return_inverse=True)[1].astype(np.int64)


def _check_order(path: Path, image_paths: np.ndarray, repeated: np.ndarray) -> None:
    rows = np.flatnonzero(repeated)
    close = np.flatnonzero(np.diff(rows) <= 2)
    if close.size:
        row = int(rows[close[0]])
        raise InputError(
            f'{path}: image_path has {str(image_paths[row])!r} in rows {row} and {row + 1}, and so on: people '
            "alternate from row to row. Expected one person after another; or add the array 'track_id' (one number a "
            'row), or write the video and person as image_path and set only_vid_name=True'
        )


def _unique_names(videos: list[str]) -> list[str]:
    """The videos' names; where one has several tracks, `name#0`, `name#1`, …"""
    total, seen, names = Counter(videos), Counter(), []
    for video in videos:
        names.append(f'{video}#{seen[video]}' if total[video] > 1 or not video else video)
        seen[video] += 1
    return names
