"""Identities: which person of a frame is which of the frames before. norfair joins them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.features.blazepose import PoseLandmarks

ANCHORS_OF_LANDMARKS = ((11, 12), (23, 24))  # shoulders, hips: their middles stay where limbs and sides are confused


@dataclass(frozen=True)
class TrackingRules:
    """When people of different frames are one, and what is no person. The help text of tools/video.py names them.

    Attributes:
        gap_seconds: A person who is not seen for longer than this comes back as a new one.
        least_seconds: Tracks seen for less than this, or for less than half of a shorter clip, are dropped.
        least_score: Of a detection.
        least_presence: Of a person in the landmark model's crop; below it, the person is not seen in the frame.
        least_inside: Share of the landmarks that must lie in the picture for the person to count as seen.
        least_visibility: Tracks whose landmarks have a lower visibility (median over frames of the mean) are dropped.
        detections_per_second: How often the detector looks for new people while no one is lost.
        largest_step: How far shoulders and hips may lie from where they are expected, over the box's larger side.
        same_person: Landmarks that are closer than this on average, over the box's larger side, are one person's.
    """

    gap_seconds: float = 1.0
    least_seconds: float = 1.0
    least_score: float = 0.5
    least_presence: float = 0.5
    least_inside: float = 0.25
    least_visibility: float = 0.3
    detections_per_second: float = 4.0
    largest_step: float = 0.25
    same_person: float = 0.1

    def gap_frames(self, fps: float) -> int:
        """The longest gap in frames."""
        return max(round(self.gap_seconds * fps), 1)


class Observation(NamedTuple):
    """A person in one frame.

    Attributes:
        box: (4,) centre x, centre y, width, height in pixels.
        anchors: (2, 2) pixels, two points by which persons are compared: the middles of shoulders and hips, or two
            corners of the box.
        landmarks: None where there is only a box.
    """

    box: np.ndarray
    anchors: np.ndarray
    landmarks: PoseLandmarks | None = None


def observe_box(box: np.ndarray) -> Observation:
    """A person of whom only the box (4,) is known."""
    return Observation(box, np.stack([box[:2] - box[2:] / 2, box[:2] + box[2:] / 2]))


class IdentityTracker:
    """Gives the people of each frame their identities.

    A person is expected where a Kalman filter on the two anchors says, and, after a gap, also where the person was last.

    Args:
        rules: See there.
        fps: Frames per second.

    Raises:
        InputError: norfair is not installed.
    """

    def __init__(self, rules: TrackingRules, fps: float) -> None:
        try:
            import norfair
        except ImportError as error:
            raise InputError('tracking needs norfair, which is not installed: pip install "glot_plugin[video]"') from error
        self._detection = norfair.Detection
        self._tracker = norfair.Tracker(
            distance_function=_distance,
            distance_threshold=rules.largest_step,
            hit_counter_max=rules.gap_frames(fps) + 1,
            initialization_delay=0,
        )

    def __call__(self, observations: Sequence[Observation]) -> list[int]:
        """The identity of each observation of the next frame."""
        detections = [self._detection(one.anchors, data=(number, one)) for number, one in enumerate(observations)]
        self._tracker.update(detections)
        identities = {}
        for person in self._tracker.tracked_objects:
            if any(person.last_detection is detection for detection in detections):
                identities[person.last_detection.data[0]] = person.global_id
        return [identities[number] for number in range(len(observations))]


def _distance(detection, person) -> float:
    """How far the anchors lie from where a person is expected, over the larger side of the box."""
    expected = np.stack([person.estimate, person.last_detection.points])
    steps = np.linalg.norm(detection.points - expected, axis=-1).mean(axis=-1)  # (2,)
    return float(steps.min() / max(detection.data[1].box[2:]))
