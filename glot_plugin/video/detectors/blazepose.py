"""BlazePose's detector of people, whose weights come inside a package."""

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.features.blazepose import BlazePoseDetector, roi_between
from glot_plugin.video.detectors.interface import Detections

ROI_OVER_BODY = 1.25  # side of the landmark model's square over the circle that holds the body


class BlazePoseDetections:
    """BlazePose's detector; the box of a person is the square that holds the circle around the body.

    Args:
        threads: Of LiteRT.
        least_score: Of a detection.
    """

    def __init__(self, threads: int, least_score: float) -> None:
        self._detector = BlazePoseDetector(threads, least_score)

    def __call__(self, image: np.ndarray) -> Detections:
        found = self._detector(image)
        rois = tuple(roi_between(hips, tip) for hips, tip in found.points[:, :2])
        sides = np.array([roi.side / ROI_OVER_BODY for roi in rois])
        boxes = np.array([(*roi.center, side, side) for roi, side in zip(rois, sides, strict=True)]).reshape(-1, 4)
        return Detections(boxes, found.scores, rois)


def build(argument: str, weights: object, threads: int, least_score: float) -> BlazePoseDetections:
    """For `--detector blazepose`."""
    if argument or weights is not None:
        raise InputError('--detector blazepose takes no file: its weights are in the package mediapipe')
    return BlazePoseDetections(threads, least_score)
