"""BlazePose's detector of people, whose weights come inside a package."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.features.blazepose import DETECTOR_SIZE, ROI_SCALE, BlazePoseDetector, Roi, roi_between
from glot_plugin.video.detectors.interface import Detections

LEAST_SCORE = 0.3  # unless asked for: the landmarks confirm a detection
ROI_OVER_BODY = 1.25  # side of the landmark model's square over the circle that holds the body
SAME_PERSON = 0.1  # squares whose middles are closer than this part of their side are one person's
LEAST_INSIDE = 0.9  # of a body's radius that a part of the picture must hold along the picture


class _Found(NamedTuple):
    score: float
    roi: Roi
    in_whole: bool  # found in the whole picture, not in a square of it


class BlazePoseDetections:
    """BlazePose's detector on the whole picture and on the squares along it.

    The model sees 224 x 224 pixels, in which people of a long picture are small, and it prefers one person; in squares
    of the picture's shorter side it finds those whom it leaves out in the whole. The box of a person is the square that
    holds the circle around the body.

    Args:
        threads: Of LiteRT.
        least_score: Of a detection.
    """

    def __init__(self, threads: int, least_score: float) -> None:
        self._detector = BlazePoseDetector(threads, least_score)

    def __call__(self, image: np.ndarray) -> Detections:
        scale = min(DETECTOR_SIZE / min(image.shape[:2]), 1.0)
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        found: list[_Found] = []
        for view, offset in views(small):
            people = self._detector(view)
            for score, (hips, tip) in zip(people.scores, people.points[:, :2], strict=True):
                roi = roi_between(hips + offset, tip + offset)
                if _is_whole(roi, view.shape, offset, small.shape):
                    roi = Roi(roi.center / scale, roi.side / scale, roi.angle)
                    found.append(_Found(score, roi, view.shape == small.shape))
        return _as_detections(_distinct(found))


def views(image: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The whole picture (H, W, 3), then overlapping squares along its longer side, with their offsets (x, y)."""
    height, width = image.shape[:2]
    side, length = min(height, width), max(height, width)
    yield image, np.zeros(2, int)
    count = int(np.ceil(2 * length / side)) - 1
    starts = np.linspace(0, length - side, count).round().astype(int).tolist() if count > 1 else []
    for start in starts:
        if height > width:
            yield image[start : start + side], np.array([0, start])
        else:
            yield np.ascontiguousarray(image[:, start : start + side]), np.array([start, 0])


def _is_whole(roi: Roi, view: tuple[int, ...], offset: np.ndarray, picture: tuple[int, ...]) -> bool:
    """Whether a body is not cut by an edge of its part of the picture that is no edge of the picture."""
    radius = LEAST_INSIDE * roi.side / ROI_OVER_BODY / 2
    size, whole = np.array(view[1::-1]), np.array(picture[1::-1])
    low = (roi.center - radius >= offset) | (offset <= 0)
    high = (roi.center + radius <= offset + size) | (offset + size >= whole)
    return bool((low & high).all())


def _distinct(found: list[_Found]) -> list[_Found]:
    """Each person once: those of the whole picture, then those of squares who are not within a body that is known.

    Where an edge cuts a person off, the legs alone can look like a small person.
    """
    kept: list[_Found] = []
    for one in sorted(found, key=lambda one: (not one.in_whole, -one.roi.side)):
        limit = SAME_PERSON if one.in_whole else 1 / ROI_SCALE
        if all(np.linalg.norm(one.roi.center - other.roi.center) >= limit * other.roi.side for other in kept):
            kept.append(one)
    return sorted(kept, key=lambda one: -one.score)


def _as_detections(found: list[_Found]) -> Detections:
    rois = tuple(one.roi for one in found)
    boxes = [(*roi.center, roi.side / ROI_OVER_BODY, roi.side / ROI_OVER_BODY) for roi in rois]
    return Detections(np.array(boxes).reshape(-1, 4), np.array([one.score for one in found]), rois)


def build(argument: str, weights: Path | None, threads: int, least_score: float | None) -> BlazePoseDetections:
    """For `--detector blazepose`."""
    if argument or weights is not None:
        raise InputError('--detector blazepose takes no file: its weights are in the package mediapipe')
    return BlazePoseDetections(threads, LEAST_SCORE if least_score is None else least_score)
