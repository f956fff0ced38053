"""A window that shows the bodies while they come."""

import os
import sys
from collections import OrderedDict

import cv2
import numpy as np

from glot_plugin.body_model.joint_sets import LSP14, LSP14_BONES
from glot_plugin.errors import InputError
from glot_plugin.live.session import LiveBodies
from glot_plugin.live.source import LiveFrame
from glot_plugin.visualisation.palette import person_colour

HEIGHT = 720  # pixels, at most
KEPT_FRAMES = 32  # of which bodies can still be shown


class LiveWindow:
    """Shows each frame with the skeletons of its people, as soon as they are ready.

    Args:
        title: Of the window.

    Raises:
        InputError: There is no display, or this OpenCV has no windows.
    """

    def __init__(self, title: str) -> None:
        check_display()
        self._title = title
        self._images: OrderedDict[int, np.ndarray] = OrderedDict()
        try:
            cv2.namedWindow(title, cv2.WINDOW_AUTOSIZE)
        except cv2.error as error:
            raise InputError('--show: this OpenCV has no windows; expected opencv-python, not -headless') from error

    def __call__(self, live: LiveFrame, bodies: LiveBodies) -> None:
        """Take the newest frame, and show the one that bodies have become ready of."""
        scale = min(HEIGHT / live.frame.image.shape[0], 1.0)
        self._images[live.frame.number] = cv2.resize(live.frame.image, None, fx=scale, fy=scale)
        while len(self._images) > KEPT_FRAMES:
            self._images.popitem(last=False)
        image = self._images.get(int(bodies.frame.max())) if bodies.ids else None
        if image is not None:
            now = bodies.frame == bodies.frame.max()
            drawn = draw_skeletons(image, bodies.placed.joints2d[now] * scale, np.array(bodies.ids)[now])
            cv2.imshow(self._title, cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
        cv2.waitKey(1)

    def close(self) -> None:
        cv2.destroyWindow(self._title)


def draw_skeletons(image: np.ndarray, joints2d: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """A copy of a picture (H, W, 3) uint8 RGB with the 49 joints (P, 49, 2) in pixels of people as skeletons."""
    drawn = image.copy()
    for person, joints in zip(ids.tolist(), joints2d[:, list(LSP14)], strict=True):
        colour = tuple(int(255 * part) for part in person_colour(person))
        for start, end in LSP14_BONES:
            points = (tuple(np.clip(joints[end_], -1e4, 1e4).round().astype(int).tolist()) for end_ in (start, end))
            cv2.line(drawn, *points, colour, thickness=3, lineType=cv2.LINE_AA)
    return drawn


def check_display() -> None:
    """Raise an `InputError` where no window can be opened: Qt would end the process instead."""
    if sys.platform == 'linux' and not (os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY')):
        raise InputError(
            '--show: there is no display (DISPLAY is not set); without --show, results are written at the end'
        )
