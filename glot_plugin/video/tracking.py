"""Identities: which person of a frame is which of the frames before. norfair joins them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.features.blazepose import PoseLandmarks, box_overlaps
from glot_plugin.video.appearance import color_difference

ANCHORS_OF_LANDMARKS = ((11, 12), (23, 24))  # shoulders, hips: their middles stay where limbs and sides are confused

GAP_SLACK = 6.0  # by how much the step that is allowed grows in each second in which a person is not seen
STEP_WEIGHT = 0.2  # of the step against the colours, among those whom a person can be
COLOR_RATE = 0.1  # of the running mean of a person's colours


@dataclass(frozen=True)
class TrackingRules:
    """When people of different frames are one, and what is no person. The help text of tools/video.py names them.

    Attributes:
        gap_seconds: A person who is not seen for longer than this comes back as a new one.
        least_seconds: Tracks seen for less than this, or for less than half of a shorter clip, are dropped.
        least_score: Of a detection; None: 0.3 for BlazePose, whose landmarks then confirm it, 0.5 for others.
        least_presence: Of a person in the landmark model's crop; below it, the person is not seen in the frame.
        least_inside: Share of the landmarks that must lie in the picture for the person to count as seen.
        least_visibility: Tracks whose landmarks have a lower visibility (median over frames of the mean) are dropped.
        detections_per_second: How often the detector looks for new people while no one is lost.
        largest_step: How far a person may be from where they are expected, over the box's larger side.
        same_person: People whose shoulders and hips are closer than this, over the box's larger side, are one.
    """

    gap_seconds: float = 1.0
    least_seconds: float = 1.0
    least_score: float | None = None
    least_presence: float = 0.5
    least_inside: float = 0.25
    least_visibility: float = 0.45
    detections_per_second: float = 3.0
    largest_step: float = 0.3
    same_person: float = 0.1

    def gap_frames(self, fps: float) -> int:
        """The longest gap in frames."""
        return max(round(self.gap_seconds * fps), 1)

    def least_frames(self, fps: float, num_frames: int) -> float:
        """The frames that a track must span in a clip of `num_frames`."""
        return min(self.least_seconds * fps, num_frames / 2)


class Observation(NamedTuple):
    """A person in one frame.

    Attributes:
        box: (4,) centre x, centre y, width, height in pixels.
        anchors: (2, 2) pixels, two points by which persons are compared: the middles of shoulders and hips, or two
            corners of the box.
        landmarks: None where there is only a box.
        colors: (2, 3) of the clothes; None: not known.
    """

    box: np.ndarray
    anchors: np.ndarray
    landmarks: PoseLandmarks | None = None
    colors: np.ndarray | None = None


def observe_box(box: np.ndarray) -> Observation:
    """A person of whom only the box (4,) is known."""
    return Observation(box, np.stack([box[:2] - box[2:] / 2, box[:2] + box[2:] / 2]))


class _Apart(NamedTuple):
    """A person when they last stood apart from others: mean colours (2, 3), anchors (2, 2) and the frame."""

    colors: np.ndarray
    anchors: np.ndarray
    frame: int


class IdentityTracker:
    """Gives the people of each frame their identities.

    A person is expected where a Kalman filter on the two anchors says, where they were last, or where they last stood
    apart from others, the less surely the longer ago; among people who come into question, colours of clothes decide.

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
            raise InputError(
                'tracking needs norfair, which is not installed: pip install "glot_plugin[video]"'
            ) from error
        self._detection, self._rules, self._fps = norfair.Detection, rules, fps
        self._frame, self._last_seen = 0, {}  # by identity, the frame
        self._apart: dict[int, _Apart] = {}  # by identity
        self._tracker = norfair.Tracker(
            distance_function='euclidean',
            distance_threshold=1.0,
            hit_counter_max=rules.gap_frames(fps) + 1,
            initialization_delay=0,
        )
        # Set here: given above, a function makes norfair advise on speed for a whole paragraph.
        self._tracker.distance_function = norfair.distances.ScalarDistance(self._distance)

    def __call__(self, observations: Sequence[Observation]) -> list[int]:
        """The identity of each observation of the next frame."""
        detections = [self._detection(one.anchors, data=(number, one)) for number, one in enumerate(observations)]
        self._frame += 1
        self._tracker.update(detections)
        identities = {}
        for person in self._tracker.tracked_objects:
            if any(person.last_detection is detection for detection in detections):
                identities[person.last_detection.data[0]] = person.global_id
        found = [identities[number] for number in range(len(observations))]
        self._last_seen.update(dict.fromkeys(found, self._frame))
        self._remember_apart(observations, found)
        return found

    def _distance(self, detection, person) -> float:
        """0 for the same place and colours; 1 and more for somebody else."""
        one: Observation = detection.data[1]
        apart = self._apart.get(person.global_id)
        seen = self._last_seen[person.global_id]
        places = [(person.estimate, seen), (person.last_detection.points, seen)]
        places += [] if apart is None else [(apart.anchors, apart.frame)]
        step = min(self._step(one, anchors, frame) for anchors, frame in places)
        unlike = 0.0 if apart is None or one.colors is None else color_difference(apart.colors, one.colors)
        return step if step >= 1 else STEP_WEIGHT * step + (1 - STEP_WEIGHT) * unlike

    def _step(self, one: Observation, anchors: np.ndarray, frame: int) -> float:
        """How far a person is from where they were expected in a frame; 1: as far as they can have come since."""
        gap_seconds = (self._frame - frame - 1) / self._fps
        farthest = self._rules.largest_step * (1 + GAP_SLACK * gap_seconds) * max(one.box[2:])
        return float(np.linalg.norm(one.anchors - anchors, axis=1).mean()) / farthest

    def _remember_apart(self, observations: Sequence[Observation], identities: Sequence[int]) -> None:
        """Remember the colours and places of people who stand apart from others."""
        boxes = np.array([one.box for one in observations]).reshape(-1, 4)
        for identity, one in zip(identities, observations, strict=True):
            if one.colors is not None and (box_overlaps(one.box, boxes) > 0).sum() == 1:
                known = self._apart[identity].colors if identity in self._apart else one.colors
                colors = known + COLOR_RATE * (one.colors - known)
                self._apart[identity] = _Apart(colors, one.anchors, self._frame)
