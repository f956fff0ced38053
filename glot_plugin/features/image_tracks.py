"""Input of feature extraction: pictures with the boxes of people, from any source."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from glot_plugin.datasets import TrackStore
from glot_plugin.errors import InputError
from glot_plugin.features.crops import check_box_size
from glot_plugin.features.frames import PictureFrames, VideoFrames


@dataclass(frozen=True)
class ImageTrack:
    """One person in one video.

    Attributes:
        name: Name, unique in its source.
        frames: The n pictures.
        frame_id: (n,) frame numbers.
        bbox: (n, 4) centre x, centre y, width, height in pixels; crops are 1.2 times as large.
    """

    name: str
    frames: PictureFrames | VideoFrames
    frame_id: np.ndarray
    bbox: np.ndarray

    def __post_init__(self) -> None:
        if not len(self.frames):
            raise InputError(f'track {self.name!r}: has no frames, expected at least one')
        for index, bbox in enumerate(self.bbox):
            check_box_size(bbox, f'track {self.name!r}, {self.frames.name(index)}')


class ImageSource(Protocol):
    """A source of tracks for feature extraction.

    Attributes:
        name: A description, recorded in the store.
        files: The files it consists of; changing one invalidates finished tracks.
    """

    name: str
    files: tuple[Path, ...]

    def prepare(self, folder: Path) -> None:
        """Write what `tracks` and `annotations` read; called by one process, with a folder kept between runs."""

    def tracks(self, folder: Path) -> list[ImageTrack]:
        """The tracks, always in the same order."""

    def annotations(self, folder: Path) -> TrackStore | None:
        """A store of the same tracks with columns other than features and boxes, or None."""
