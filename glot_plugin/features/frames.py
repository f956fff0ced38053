"""The frames of a track as RGB arrays: picture files, or frames of a video."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from glot_plugin.errors import InputError


@dataclass(frozen=True)
class PictureFrames:
    """Picture files, one per frame."""

    paths: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, index: int) -> str:
        """What frame `index` is called in errors."""
        return str(self.paths[index])

    def read(self, start: int, stop: int) -> Iterator[np.ndarray]:
        """Frames `start` to `stop - 1`, (H, W, 3) uint8 RGB each.

        Raises:
            InputError: A file is missing or not a picture.
        """
        for path in self.paths[start:stop]:
            if not path.is_file():
                raise InputError(f'{path}: no such picture')
            image = cv2.imread(str(path), cv2.IMREAD_COLOR)
            if image is None:
                raise InputError(f'{path}: not a readable picture; it is damaged, or OpenCV cannot read its format')
            yield cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


@dataclass(frozen=True)
class VideoFrames:
    """Frames of a video file by their numbers (increasing, from 0).

    Frames are counted from the beginning, since seeking is not exact in every format. Each process continues from its
    current frame, so reading in order decodes the video once.
    """

    path: Path
    numbers: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.numbers)

    def name(self, index: int) -> str:
        """What frame `index` is called in errors."""
        return f'{self.path}, frame {self.numbers[index]}'

    def read(self, start: int, stop: int) -> Iterator[np.ndarray]:
        """Frames `start` to `stop - 1` of the track, (H, W, 3) uint8 RGB each.

        Raises:
            InputError: The video does not open, or ends before one of the frames.
        """
        for index in range(start, stop):
            yield _reader(self.path).frame(self.numbers[index])


class _VideoReader:
    """An open video and its current frame."""

    def __init__(self, path: Path) -> None:
        self.path, self.next = path, 0
        self.capture = open_video(path)

    def frame(self, number: int) -> np.ndarray:
        if number < self.next:
            self.capture.release()
            self.next, self.capture = 0, open_video(self.path)
        while self.next <= number:
            if not self.capture.grab():
                raise InputError(
                    f'{self.path}: frame {number} cannot be decoded: the video ends after {self.next} frames'
                )
            self.next += 1
        found, image = self.capture.retrieve()
        if not found:
            raise InputError(f'{self.path}: frame {number} cannot be decoded')
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


_open_reader: list[_VideoReader] = []  # the one video that this process is reading


def _reader(path: Path) -> _VideoReader:
    if not _open_reader or _open_reader[0].path != path:
        _open_reader[:] = [_VideoReader(path)]
    return _open_reader[0]


def open_video(path: Path) -> cv2.VideoCapture:
    """A video file, open at its first frame.

    Raises:
        InputError: The file is missing, or not a video that OpenCV can decode.
    """
    if not path.is_file():
        raise InputError(f'{path}: no such video')
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        raise InputError(f'{path}: not a video that OpenCV can decode')
    return capture


def video_extent(path: Path) -> tuple[int, int, int]:
    """Number of frames, width and height of a video, as decoded (what its header says is often wrong).

    Raises:
        InputError: The file is not a video, or has no frames.
    """
    capture = open_video(path)
    found, image = capture.read()
    if not found:
        raise InputError(f'{path}: has no frame that can be decoded')
    count = 1
    while capture.grab():
        count += 1
    capture.release()
    return count, image.shape[1], image.shape[0]
