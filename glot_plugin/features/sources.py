"""Sources of pictures and boxes: folders of frames, and videos. (For HumanData see `glot_plugin.framework`.)"""

from pathlib import Path

import numpy as np

from glot_plugin.converters.tracks import last_number
from glot_plugin.errors import InputError
from glot_plugin.features.boxes import TrackBoxes, read_boxes
from glot_plugin.features.crops import BOX_SCALE
from glot_plugin.features.frames import PictureFrames, VideoFrames, video_extent
from glot_plugin.features.image_tracks import ImageTrack


class FolderSource:
    """A folder of frames with a file of boxes, whose `frame` is a path below the folder.

    Frames of a track are ordered by the last number in their names; if one has none, by the rows of the file.
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
        found = [last_number(Path(frame).name) for frame in track.frames]
        numbers = np.arange(len(found)) if None in found else np.array(found)
        order = _rising(numbers, track, self.boxes)
        paths = tuple(self.folder / track.frames[index] for index in order)
        return ImageTrack(track.name, PictureFrames(paths), numbers[order], track.bbox[order])


class VideoSource:
    """A video with a file of boxes, whose `frame` is a frame number from 0; or with its full frames as one track."""

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
                f'{self.boxes}: track {track.name!r} has frame {wrong[0]!r}, expected frame numbers from 0'
            )
        numbers = np.array([int(frame) for frame in track.frames])
        order = _rising(numbers, track, self.boxes)
        frames = VideoFrames(self.video, tuple(numbers[order].tolist()))
        return ImageTrack(track.name, frames, numbers[order], track.bbox[order])


def _rising(numbers: np.ndarray, track: TrackBoxes, boxes: Path) -> np.ndarray:
    """The order of frames by number; a number that occurs twice is an error."""
    order = np.argsort(numbers, kind='stable')
    twice = np.flatnonzero(np.diff(numbers[order]) == 0)
    if twice.size:
        frame = track.frames[order[twice[0] + 1]]
        raise InputError(f'{boxes}: track {track.name!r} has frame {frame!r} twice; expected one box a frame')
    return order
