"""Boxes that the user gives (`--boxes FILE`) in place of detection and tracking."""

from collections import defaultdict
from pathlib import Path

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.features.boxes import read_boxes
from glot_plugin.features.crops import check_box_size
from glot_plugin.video.clip import Clip
from glot_plugin.video.observers import GivenBoxObserver
from glot_plugin.video.tracking import Observation, observe_box


class GivenBoxTracker:
    """The people of each frame as a file of boxes says; identities are its tracks.

    Args:
        clip: The clip; in a folder of pictures frames are named by their files, in a video by numbers from 0.
        path: `.csv` or `.json`, see `read_boxes`.
        observer: Finds the landmarks of the people in the boxes; None: boxes alone.

    Raises:
        InputError: the file is not readable, or names a frame that the clip does not have.
    """

    def __init__(self, clip: Clip, path: Path, observer: GivenBoxObserver | None) -> None:
        self.path, self.observer, self._next = path, observer, 0
        self._boxes: dict[int, dict[int, np.ndarray]] = defaultdict(dict)  # by frame, then by track
        names = {file.name: number for number, file in enumerate(clip.files)}
        for identity, track in enumerate(read_boxes(path)):
            for frame, box in zip(track.frames, track.bbox, strict=True):
                check_box_size(box, f'{path}: track {track.name!r}, frame {frame!r}')
                number = int(frame) if frame.isdecimal() else names.get(Path(frame).name)
                if number is None:
                    raise InputError(
                        f'{path}: track {track.name!r} has frame {frame!r}, which {clip.name} does not have'
                    )
                self._boxes[number][identity] = box

    def __call__(self, image: np.ndarray) -> dict[int, Observation]:
        """The people in the next frame (H, W, 3) uint8 RGB by identity."""
        boxes = self._boxes.pop(self._next, {})
        self._next += 1
        if self.observer is not None:
            return self.observer(image, boxes)
        return {identity: observe_box(box) for identity, box in boxes.items()}

    def check_end(self) -> None:
        """Raise `InputError` where there are boxes of frames behind the end of the clip, which was read to its end."""
        if self._boxes:
            raise InputError(
                f'{self.path}: has a box in frame {min(self._boxes)}, and the clip ends after {self._next} frames'
            )
