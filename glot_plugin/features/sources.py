"""Where pictures and boxes come from: folders of frames and videos here, HumanData in `glot_plugin.framework`."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from glot_plugin.datasets import TrackStore
from glot_plugin.errors import InputError
from glot_plugin.features.boxes import TrackBoxes, read_boxes
from glot_plugin.features.crops import BOX_SCALE, check_box_size
from glot_plugin.features.frames import PictureFrames, VideoFrames, video_extent

_LAST_NUMBER = re.compile(r'(\d+)\D*$')


@dataclass(frozen=True)
class ImageTrack:
    """One person through one video.

    Attributes:
        name: Unique in its source.
        frames: The pictures, n.
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
    """What features are extracted from.

    Attributes:
        name: In words, for the store.
        files: The files that it is made of; a change of one makes finished tracks worthless.
    """

    name: str
    files: tuple[Path, ...]

    def prepare(self, folder: Path) -> None:
        """Write what `tracks` and `annotations` read; called by one process, in a folder kept between runs."""

    def tracks(self, folder: Path) -> list[ImageTrack]:
        """The tracks, always in the same order."""

    def annotations(self, folder: Path) -> TrackStore | None:
        """A store of the same tracks with the columns other than features and boxes; None: there are none."""


def open_source(path: str | Path, boxes: str | Path | None = None, image_root: str | Path | None = None) -> ImageSource:
    """The source that a path stands for: a folder of frames, a HumanData `.npz`, or a video.

    Args:
        path: Folder, `.npz` or video.
        boxes: File of boxes; a folder needs it, for a video None means its whole frames.
        image_root: Folder of the pictures of a HumanData file; its own folder by default.

    Raises:
        InputError: nothing is there, or an argument does not go with it.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f'{path}: no such folder of frames, HumanData .npz or video')
    is_human_data = path.suffix == '.npz'
    if boxes is not None and not Path(boxes).is_file():
        raise InputError(f'--boxes {boxes}: no such file; expected a .csv or .json of boxes')
    if boxes is not None and is_human_data:
        raise InputError(f'--boxes {boxes}: a HumanData file has its boxes in it (bbox_xywh); leave --boxes out')
    if image_root is not None and not is_human_data:
        raise InputError(f'--image-root {image_root}: only for HumanData files, and {path} is none')
    if path.is_dir():
        if boxes is None:
            raise InputError(f'{path}: a folder of frames needs --boxes FILE, a .csv or .json of boxes')
        return FolderSource(path, Path(boxes))
    if is_human_data:
        try:
            from glot_plugin.framework.human_data_images import HumanDataSource
        except ImportError as error:
            raise InputError(f'{path}: {error}') from error
        return HumanDataSource(path, path.parent if image_root is None else Path(image_root))
    return VideoSource(path, None if boxes is None else Path(boxes))


class FolderSource:
    """A folder of frames with a file of boxes, whose `frame` is a path below the folder.

    Frames of a track go by the last number in their names; where one has none, rows stay in the order of the file.
    """

    def __init__(self, folder: Path, boxes: Path) -> None:
        self.folder, self.boxes = folder, boxes
        self.name = f'frames in {folder.name}'
        self.files = (boxes,)

    def prepare(self, folder: Path) -> None:
        """Nothing to do."""

    def annotations(self, folder: Path) -> None:
        """None."""

    def tracks(self, folder: Path) -> list[ImageTrack]:
        return [self._track(track) for track in read_boxes(self.boxes)]

    def _track(self, track: TrackBoxes) -> ImageTrack:
        found = [_LAST_NUMBER.search(Path(frame).name) for frame in track.frames]
        numbers = np.array([int(match[1]) for match in found]) if all(found) else np.arange(len(found))
        order = _rising(numbers, track, self.boxes)
        paths = tuple(self.folder / track.frames[index] for index in order)
        return ImageTrack(track.name, PictureFrames(paths), numbers[order], track.bbox[order])


class VideoSource:
    """A video, with a file of boxes whose `frame` is a frame number from 0, or with its whole frames as one track."""

    def __init__(self, video: Path, boxes: Path | None) -> None:
        self.video, self.boxes = video, boxes
        self.name = f'video {video.name}'
        self.files = (video,) if boxes is None else (video, boxes)

    def prepare(self, folder: Path) -> None:
        """Nothing to do."""

    def annotations(self, folder: Path) -> None:
        """None."""

    def tracks(self, folder: Path) -> list[ImageTrack]:
        if self.boxes is not None:
            return [self._track(track) for track in read_boxes(self.boxes)]
        count, width, height = video_extent(self.video)
        # The crop is the smallest square that holds the frame, so the box is that much smaller.
        box = np.array([width / 2, height / 2, width / BOX_SCALE, height / BOX_SCALE])
        frames = VideoFrames(self.video, tuple(range(count)))
        return [ImageTrack(self.video.stem, frames, np.arange(count), np.tile(box, (count, 1)))]

    def _track(self, track: TrackBoxes) -> ImageTrack:
        wrong = [frame for frame in track.frames if not frame.isdecimal()]
        if wrong:
            raise InputError(
                f'{self.boxes}: track {track.name!r} has frame {wrong[0]!r}, expected numbers of frames, from 0'
            )
        numbers = np.array([int(frame) for frame in track.frames])
        order = _rising(numbers, track, self.boxes)
        frames = VideoFrames(self.video, tuple(numbers[order].tolist()))
        return ImageTrack(track.name, frames, numbers[order], track.bbox[order])


def _rising(numbers: np.ndarray, track: TrackBoxes, boxes: Path) -> np.ndarray:
    """The order of frames by number; an error where one comes twice."""
    order = np.argsort(numbers, kind='stable')
    twice = np.flatnonzero(np.diff(numbers[order]) == 0)
    if twice.size:
        frame = track.frames[order[twice[0] + 1]]
        raise InputError(f'{boxes}: track {track.name!r} has frame {frame!r} twice; expected one box a frame')
    return order
