"""Who is in a frame: by a detector alone, by landmarks that follow each person, or by boxes that are given."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from glot_plugin.features.blazepose import BlazePoseLandmarker, PoseLandmarks, Roi
from glot_plugin.features.landmarks import BLAZEPOSE21, landmark_box
from glot_plugin.video.detectors.interface import Detections, Detector
from glot_plugin.video.tracking import ANCHORS_OF_LANDMARKS, Observation, TrackingRules, observe_box

ROI_OVER_BOX = 1.25  # a first square for the landmark model, over the larger side of a box
COVERED = 0.1  # a detection whose centre is this close to a person's, over the side of the square, is that person


class BoxObserver:
    """People as a detector finds them in each frame."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector

    def __call__(self, image: np.ndarray) -> list[Observation]:
        """The people in the next frame (H, W, 3) uint8 RGB."""
        return [observe_box(box) for box in self.detector(image).boxes]


@dataclass(frozen=True)
class _Followed:
    """Where the landmark model looks for a person, and for how many frames it has not found the person there."""

    roi: Roi
    misses: int = 0


class PoseObserver:
    """People with landmarks: each person's landmarks say where the person is looked for in the next frame.

    The detector looks for new people several times a second, and in each frame while someone is lost.

    Args:
        detector: Of any kind.
        landmarker: The landmark model.
        rules: See there.
        fps: Frames per second.
    """

    def __init__(
        self, detector: Detector, landmarker: BlazePoseLandmarker, rules: TrackingRules, fps: float
    ) -> None:
        self.detector, self.landmarker, self.rules = detector, landmarker, rules
        self.period = max(round(fps / rules.detections_per_second), 1)
        self.patience = rules.gap_frames(fps)
        self._followed: list[_Followed] = []
        self._frames_since_detection = self.period

    def __call__(self, image: np.ndarray) -> list[Observation]:
        """The people in the next frame (H, W, 3) uint8 RGB."""
        found, lost = self._follow(image)
        self._frames_since_detection += 1
        if lost or not found or self._frames_since_detection >= self.period:
            self._frames_since_detection = 0
            new = self._new_people(image, found)
            lost = [person for person in lost if not any(_covers(person.roi, other.roi) for other, _ in new)]
            found = self._distinct([*found, *new])
        self._followed = [person for person, _ in found] + lost
        return [one for _, one in found]

    def _follow(self, image: np.ndarray) -> tuple[list[tuple[_Followed, Observation]], list[_Followed]]:
        """Those of the last frame who are found again, and those who are not, or only as somebody else."""
        found, before = [], {}
        for person in self._followed:
            one = self._observe(image, person.roi)
            if one is not None:
                found.append((_Followed(one.landmarks.roi), one))
                before[id(one)] = person
        kept = self._distinct(found)
        seen = {id(before[id(one)]) for _, one in kept}
        missed = [replace(person, misses=person.misses + 1) for person in self._followed if id(person) not in seen]
        return kept, [person for person in missed if person.misses <= self.patience]

    def _observe(self, image: np.ndarray, roi: Roi) -> Observation | None:
        """The person in a square, if there is one."""
        return observe_landmarks(self.landmarker(image, roi), image, self.rules)

    def _new_people(
        self, image: np.ndarray, known: Sequence[tuple[_Followed, Observation]]
    ) -> list[tuple[_Followed, Observation]]:
        """Those whom the detector finds and who are not followed yet."""
        detections = self.detector(image)
        new = []
        for roi in detection_rois(detections):
            if any(_covers(person.roi, roi) for person, _ in known):
                continue
            one = self._observe(image, roi)
            if one is not None and detections.rois is None:  # the square around a box is a guess: look again
                one = self._observe(image, one.landmarks.roi)
            if one is not None:
                new.append((_Followed(one.landmarks.roi), one))
        return new

    def _distinct(self, people: list[tuple[_Followed, Observation]]) -> list[tuple[_Followed, Observation]]:
        """Without those whose landmarks have come to lie on another person's; the clearer of two stays."""
        clearest = sorted(range(len(people)), key=lambda index: -people[index][1].landmarks.visibility.mean())
        kept: list[int] = []
        for index in clearest:
            others = (people[other][1] for other in kept)
            if not any(_is_same(people[index][1], other, self.rules.same_person) for other in others):
                kept.append(index)
        return [people[index] for index in sorted(kept)]


class GivenBoxObserver:
    """Landmarks of people whose boxes are given.

    The model looks where the landmarks of the frame before say, if that is inside the given box, else around the box.
    """

    def __init__(self, landmarker: BlazePoseLandmarker, rules: TrackingRules) -> None:
        self.landmarker, self.rules = landmarker, rules
        self._rois: dict[int, Roi] = {}

    def __call__(self, image: np.ndarray, boxes: dict[int, np.ndarray]) -> dict[int, Observation]:
        """By identity: boxes (4,) of a frame in, the people with landmarks out."""
        found = {}
        for identity, box in boxes.items():
            roi = self._rois.get(identity)
            if roi is None or (np.abs(roi.center - box[:2]) > box[2:] / 2).any():
                roi = self.landmarker(image, roi_of_box(box)).roi
            one = observe_landmarks(self.landmarker(image, roi), image, self.rules)
            if one is not None:
                found[identity] = one
        self._rois = {identity: one.landmarks.roi for identity, one in found.items()}
        return found


def observe_landmarks(landmarks: PoseLandmarks, image: np.ndarray, rules: TrackingRules) -> Observation | None:
    """A person by landmarks; None where they are no person's, or lie outside of the picture (H, W, 3)."""
    points = landmarks.image[list(BLAZEPOSE21)]
    inside = ((points >= 0) & (points < image.shape[1::-1])).all(axis=1).mean()
    if landmarks.presence < rules.least_presence or inside < rules.least_inside:
        return None
    anchors = np.stack([landmarks.image[list(pair)].mean(axis=0) for pair in ANCHORS_OF_LANDMARKS])
    return Observation(landmark_box(points), anchors, landmarks)


def roi_of_box(box: np.ndarray) -> Roi:
    """A first upright square for the landmark model around a box (4,)."""
    return Roi(box[:2], ROI_OVER_BOX * float(max(box[2:])), 0.0)


def detection_rois(detections: Detections) -> tuple[Roi, ...]:
    """Where the landmark model looks for detected people."""
    return tuple(map(roi_of_box, detections.boxes)) if detections.rois is None else detections.rois


def _covers(known: Roi, new: Roi) -> bool:
    return np.linalg.norm(known.center - new.center) < COVERED * known.side


def _is_same(one: Observation, other: Observation, limit: float) -> bool:
    distance = np.linalg.norm(one.landmarks.image - other.landmarks.image, axis=1).mean()
    return distance < limit * max(other.box[2:])
