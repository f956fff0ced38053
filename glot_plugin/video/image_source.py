"""The frames of a clip's people as a source of pictures for backbones that take crops (`glot_plugin.features`)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.features.image_tracks import ImageTrack
from glot_plugin.video.clip import Clip
from glot_plugin.video.people import People


@dataclass(frozen=True)
class ClipFrames:
    """Frames of a clip by their numbers (rising, from 0), read as for tracking: turned, with square pixels.

    A process goes on where it is, so reading in order decodes the clip once.
    """

    clip: Clip
    numbers: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.numbers)

    def name(self, index: int) -> str:
        """What frame `index` is called in errors."""
        return f'{self.clip.name}, frame {self.numbers[index]}'

    def read(self, start: int, stop: int) -> Iterator[np.ndarray]:
        """Frames `start` to `stop - 1` of the track, (H, W, 3) uint8 RGB each.

        Raises:
            InputError: the clip ends before a frame.
        """
        for index in range(start, stop):
            yield _reader(self.clip).frame(self.numbers[index])


class _ClipReader:
    """A clip that is open at a frame."""

    def __init__(self, clip: Clip) -> None:
        self.clip, self.next, self.frames = clip, 0, clip.frames()

    def frame(self, number: int) -> np.ndarray:
        if number < self.next:
            self.next, self.frames = 0, self.clip.frames()
        for frame in self.frames:
            self.next = frame.number + 1
            if frame.number == number:
                return frame.image
        raise InputError(f'{self.clip.name}: ends before frame {number}')


_open_reader: list[_ClipReader] = []  # the one clip that this process is reading


def _reader(clip: Clip) -> _ClipReader:
    if not _open_reader or _open_reader[0].clip.files != clip.files:
        _open_reader[:] = [_ClipReader(clip)]
    return _open_reader[0]


class PeopleSource:
    """The people of a clip, a track each; `files` are the clip's and the one that says who is where."""

    def __init__(self, clip: Clip, people: People, people_file: Path) -> None:
        self.clip, self.people = clip, people.people
        self.name, self.files = f'people of {clip.name}', (*clip.files, people_file)

    def prepare(self, folder: Path) -> None:
        """Nothing to do."""

    def annotations(self, folder: Path) -> None:
        """None."""

    def tracks(self, folder: Path) -> list[ImageTrack]:
        return [
            ImageTrack(str(one.person), ClipFrames(self.clip, tuple(one.frame.tolist())), one.frame, one.box)
            for one in self.people
        ]
