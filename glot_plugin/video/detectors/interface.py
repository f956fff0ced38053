"""What a detector of people is."""

from typing import NamedTuple, Protocol

import numpy as np

from glot_plugin.features.blazepose import Roi


class Detections(NamedTuple):
    """People in a picture, best first.

    Attributes:
        boxes: (K, 4) centre x, centre y, width, height in pixels.
        scores: (K,) in [0, 1].
        rois: For each, where the landmark model looks for the person; None: the detector gives boxes alone.
    """

    boxes: np.ndarray
    scores: np.ndarray
    rois: tuple[Roi, ...] | None = None


class Detector(Protocol):
    """Finds the people in one picture (H, W, 3) uint8 RGB, without knowledge of others."""

    def __call__(self, image: np.ndarray) -> Detections: ...
