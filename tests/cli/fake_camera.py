"""A webcam that is not there: takes the place of `cv2.VideoCapture`."""

import time
from collections.abc import Callable, Sequence

import cv2
import numpy as np


class FakeCamera:
    """Delivers pictures (H, W, 3) RGB as OpenCV does, then nothing, or all of them over and over.

    Args:
        images: The pictures.
        fps: What it says its rate is; 0: it does not know.
        endless: Begin again after the last.
        calls: Functions to call before a picture is given, by its number from 0.
        pause: Seconds before each picture.
    """

    def __init__(
        self,
        images: Sequence[np.ndarray],
        fps: float = 0.0,
        endless: bool = False,
        calls: dict[int, Callable[[], None]] | None = None,
        pause: float = 0.0,
    ) -> None:
        self.images, self.fps, self.endless = images, fps, endless
        self.calls, self.pause = calls or {}, pause
        self.opened, self.given, self.released = [], 0, False

    def __call__(self, index: int) -> 'FakeCamera':
        self.opened.append(index)
        self.given, self.released = 0, False
        return self

    def read(self) -> tuple[bool, np.ndarray | None]:
        if self.given in self.calls:
            self.calls[self.given]()
        time.sleep(self.pause)
        if self.released or (self.given >= len(self.images) and not self.endless):
            return False, None
        image = self.images[self.given % len(self.images)]
        self.given += 1
        return True, cv2.cvtColor(image, cv2.COLOR_RGB2BGR)

    def get(self, name: int) -> float:
        return self.fps if name == cv2.CAP_PROP_FPS else 0.0

    def release(self) -> None:
        self.released = True
