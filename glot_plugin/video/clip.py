"""Reading a clip frame by frame: a video file, a folder of pictures or a webcam."""

import re
import time
import warnings
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple, Protocol

import cv2
import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.features.frames import PictureFrames

PICTURE_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.webp')
PICTURES_FPS = 30.0  # of a folder of pictures, unless given
_WEBCAM = re.compile(r'(\d+)|/dev/video(\d+)')


class Frame(NamedTuple):
    """A frame of a clip.

    Attributes:
        number: From 0.
        time: Seconds since the first frame.
        image: (H, W, 3) uint8 RGB, upright.
    """

    number: int
    time: float
    image: np.ndarray


class Clip(Protocol):
    """Frames of one size, one after another.

    Attributes:
        name: Of the file, folder or camera.
        size: Width and height of the upright frames in pixels.
        fps: Frames per second, the mean where they vary.
        num_frames: As the file says; the true number may differ. None: not known.
        files: What the clip is made of; a change of one makes it another clip.
    """

    name: str
    size: tuple[int, int]
    fps: float
    num_frames: int | None
    files: tuple[Path, ...]

    def frames(self) -> Iterator[Frame]:
        """The frames from the first on.

        Raises:
            InputError: a frame cannot be read.
        """


def mean_fps(times: Sequence[float], otherwise: float) -> float:
    """Frames per second of frames at these seconds, the first at 0; `otherwise` where there are fewer than two."""
    return (len(times) - 1) / times[-1] if len(times) > 1 else otherwise


def webcam_number(source: str | Path) -> int | None:
    """The number of a webcam (`0`, `/dev/video0`); None for files, folders and anything else."""
    webcam, path = _WEBCAM.fullmatch(str(source)), Path(source)
    return None if webcam is None or path.is_file() or path.is_dir() else int(webcam[1] or webcam[2])


def open_clip(source: str | Path, fps: float = PICTURES_FPS) -> Clip:
    """Open a clip.

    Args:
        source: A video file, a folder of pictures, or a webcam (`0`, `/dev/video0`).
        fps: Frames per second of a folder of pictures.

    Raises:
        InputError: nothing is there, or it has no frame that can be decoded.
    """
    number, path = webcam_number(source), Path(source)
    if number is not None:
        return WebcamClip(number)
    if path.is_dir():
        return PictureClip(path, fps)
    if not path.is_file():
        raise InputError(f'{path}: no such video, folder of pictures or webcam')
    return VideoClip(path)


class VideoClip:
    """A video file that FFmpeg reads.

    Times are those of the file, so that variable frame rates are kept; frames are turned as the rotation flag of phones
    says. Where decoding fails after some frames, the clip ends there, with a warning.

    Raises:
        InputError: no video, a damaged one, or one without a frame that can be decoded.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.name, self.files = path, path.name, (path,)
        with _open_container(path) as container:
            stream = container.streams.video[0]
            first = self._first_frame(container)
            self._stored_size = first.width, first.height
            self._pixel_aspect = Fraction(stream.sample_aspect_ratio or 1)
            height, width = self._image(first).shape[:2]
            self.size = width, height
            self.fps = float(stream.average_rate or stream.guessed_rate or PICTURES_FPS)
            self.num_frames = stream.frames or _estimated_frames(container, self.fps)

    def frames(self) -> Iterator[Frame]:
        av = _import_av()
        number = 0
        with _open_container(self.path) as container:
            clock = _Clock(self.fps)
            try:
                for frame in container.decode(video=0):
                    yield Frame(number, clock.seconds(frame.time), self._image(frame))
                    number += 1
            except av.error.FFmpegError as error:
                self._warn(f'cannot be decoded after frame {number - 1} ({error.strerror}); the clip ends there')
                return
            promised = container.streams.video[0].frames
            if number < promised:
                self._warn(f'ends after {number} of {promised} frames')

    def first_image(self) -> np.ndarray:
        """The image of the first frame."""
        return next(self.frames()).image

    def _warn(self, problem: str) -> None:
        warnings.warn(f'{self.path}: {problem}', stacklevel=3)

    def _first_frame(self, container):
        av = _import_av()
        try:
            for frame in container.decode(video=0):
                return frame
        except av.error.FFmpegError as error:
            raise InputError(
                f'{self.path}: has no frame that can be decoded ({error.strerror}): the file is truncated or damaged'
            ) from error
        raise InputError(f'{self.path}: has no frame that can be decoded: the video is empty, truncated or damaged')

    def _image(self, frame) -> np.ndarray:
        """The frame (H, W, 3) RGB upright, with square pixels, in the size of the first frame."""
        width, height = self._stored_size
        image = frame.to_ndarray(format='rgb24', width=max(round(width * self._pixel_aspect), 1), height=height)
        turns = round(frame.rotation / 90) % 4
        return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


class PictureClip:
    """A folder of pictures of one size, in natural order (2 before 10).

    Raises:
        InputError: no picture in the folder, or the first is damaged.
    """

    def __init__(self, folder: Path, fps: float = PICTURES_FPS) -> None:
        if not fps > 0:
            raise InputError(f'frames per second are {fps}, expected a positive number')
        self.folder, self.name, self.fps = folder, folder.name, float(fps)
        pictures = (path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES)
        self.files = tuple(sorted(pictures, key=_natural_key))
        if not self.files:
            raise InputError(f'{folder}: has no picture, expected files {", ".join(PICTURE_SUFFIXES)}')
        self._pictures = PictureFrames(self.files)
        height, width = next(self._pictures.read(0, 1)).shape[:2]
        self.size, self.num_frames = (width, height), len(self.files)

    def frames(self) -> Iterator[Frame]:
        for number, image in enumerate(self._pictures.read(0, len(self.files))):
            if image.shape[1::-1] != self.size:
                found, first = (' x '.join(map(str, size)) for size in (image.shape[1::-1], self.size))
                raise InputError(f'{self.files[number]}: is {found} pixels, expected {first} like {self.files[0].name}')
            yield Frame(number, number / self.fps, image)


class WebcamClip:
    """A webcam; its clip ends when the camera gives no more frames, or when nobody reads any more.

    Raises:
        InputError: no such camera, or it gives no frame.
    """

    def __init__(self, index: int) -> None:
        self.name, self.files, self.num_frames = f'webcam {index}', (), None
        self._capture = cv2.VideoCapture(index)
        found, image = self._capture.read()
        if not found:
            self._capture.release()
            raise InputError(f'webcam {index}: cannot be opened, or gives no frame')
        self.size = image.shape[1], image.shape[0]
        self.fps = self._capture.get(cv2.CAP_PROP_FPS) or PICTURES_FPS
        self._first = image

    def first_image(self) -> np.ndarray:
        """What the camera saw when it was opened, before its first frame."""
        return cv2.cvtColor(self._first, cv2.COLOR_BGR2RGB)

    def frames(self) -> Iterator[Frame]:
        number, start = 0, None
        try:
            while True:
                found, image = self._capture.read()
                if not found:
                    return
                now = time.monotonic()
                start = now if start is None else start
                yield Frame(number, now - start, cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
                number += 1
        finally:
            self._capture.release()


class _Clock:
    """Times of frames since the first one, rising even where a file leaves them out or sets them back."""

    def __init__(self, fps: float) -> None:
        self.step, self.first, self.last = 1 / fps, None, None

    def seconds(self, stamp: float | None) -> float:
        if self.last is None:
            self.first, self.last = stamp or 0.0, 0.0
            return 0.0
        found = self.last + self.step if stamp is None else stamp - self.first
        self.last = found if found > self.last else self.last + self.step
        return self.last


def _import_av():
    try:
        import av
        import av.error
    except ImportError as error:
        raise InputError('videos need av, which is not installed: pip install "glot_plugin[video]"') from error
    return av


def _open_container(path: Path):
    """A file that FFmpeg reads and that has a video stream, decoded by several threads."""
    av = _import_av()
    try:
        container = av.open(str(path))
    except (av.error.FFmpegError, OSError) as error:
        raise InputError(
            f'{path}: not a video that can be read ({error.strerror}): another kind of file, or a truncated one'
        ) from error
    if not container.streams.video:
        kinds = ', '.join(sorted({stream.type for stream in container.streams})) or 'none'
        container.close()
        raise InputError(f'{path}: has no video stream; its streams: {kinds}')
    container.streams.video[0].thread_type = 'AUTO'
    return container


def _estimated_frames(container, fps: float) -> int | None:
    """The number of frames by the duration (microseconds) that a file states."""
    return round(container.duration / 1e6 * fps) if container.duration else None


def _natural_key(path: Path) -> list:
    return [int(part) if part.isdecimal() else part.lower() for part in re.split(r'(\d+)', path.name)]
