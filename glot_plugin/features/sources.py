"""Where pictures and boxes come from: folders of frames and videos here, HumanData in `glot_plugin.framework`."""

import re
from pathlib import Path

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.features.boxes import TrackBoxes, read_boxes
from glot_plugin.features.crops import BOX_SCALE
from glot_plugin.features.frames import PictureFrames, VideoFrames, video_extent
from glot_plugin.features.image_tracks import ImageSource, ImageTrack

_LAST_NUMBER = re.compile(r'(\d+)\D*$')


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
