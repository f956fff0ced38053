"""From a clip to its people: who is where in which frame, with landmarks as features."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.features.landmarks import (
    BLAZEPOSE21,
    NUM_LANDMARKS,
    Landmarks,
    landmark_features,
    split_landmark_features,
)
from glot_plugin.io.progress import progress_bar
from glot_plugin.video.clip import Clip, mean_fps
from glot_plugin.video.read_ahead import read_ahead
from glot_plugin.video.tracking import Observation, TrackingRules

# The people of the next frame (H, W, 3) by identity.
FrameTracker = Callable[[np.ndarray], dict[int, Observation]]


@dataclass(frozen=True)
class PersonInClip:
    """One person in N frames of a clip.

    Attributes:
        person: Identity, from 1, by first appearance.
        frame: (N,) frame numbers from 0, rising.
        box: (N, 4) centre x, centre y, width, height in pixels.
        seen: (N,) False where a short gap was filled between the frames around it.
        features: (N, C) of the backbone; None: not extracted yet.
    """

    person: int
    frame: np.ndarray
    box: np.ndarray
    seen: np.ndarray
    features: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def landmarks(self) -> Landmarks:
        """The 21 landmarks that the features are made of: world, crop and visibility.

        Raises:
            InputError: the features are another backbone's.
        """
        return split_landmark_features(self.features)

    @property
    def landmarks2d(self) -> np.ndarray:
        """(N, 21, 2) the landmarks in the picture, pixels."""
        side = 1.2 * self.box[:, 2:].max(axis=1)[:, None, None]
        return self.box[:, None, :2] + self.landmarks.crop * side / 2


@dataclass(frozen=True)
class People:
    """The people of a clip.

    Attributes:
        source: Name of the video or folder.
        size: Width and height in pixels.
        fps: Frames per second, the mean where they vary.
        times: (F,) seconds of all frames of the clip.
        people: By first appearance.
    """

    source: str
    size: tuple[int, int]
    fps: float
    times: np.ndarray
    people: tuple[PersonInClip, ...]


@dataclass
class _Rows:
    """What is known of a person so far, a row a frame."""

    frame: list[int] = field(default_factory=list)
    box: list[np.ndarray] = field(default_factory=list)
    features: list[np.ndarray] = field(default_factory=list)

    def add(self, number: int, one: Observation) -> None:
        self.frame.append(number)
        self.box.append(one.box)
        if one.landmarks is not None:
            self.features.append(observed_features(one))


def observed_features(one: Observation) -> np.ndarray:
    """The landmarks of a person in a frame as features (126,)."""
    points = list(BLAZEPOSE21)
    parts = (one.landmarks.world[points], one.landmarks.image[points], one.landmarks.visibility[points])
    return landmark_features(*parts, one.box)


def find_people(clip: Clip, tracker: FrameTracker, rules: TrackingRules, progress: bool = True) -> People:
    """Find and follow the people of a clip; the clip is decoded ahead in a thread, and memory holds no old frames.

    Args:
        clip: Its frames.
        tracker: Called for each frame in order.
        rules: Which tracks are kept.
        progress: Show a progress bar.

    Raises:
        InputError: a frame cannot be read, or nobody is in the clip.
    """
    rows, times = {}, []
    with progress_bar(progress and clip.num_frames is not None) as bar:
        task = bar.add_task('people', total=clip.num_frames or 1)
        for frame in read_ahead(clip.frames()):
            times.append(frame.time)
            for identity, one in tracker(frame.image).items():
                rows.setdefault(identity, _Rows()).add(frame.number, one)
            bar.advance(task)
    fps = mean_fps(times, clip.fps)
    people = tuple(_kept_people(rows, rules, fps, len(times)))
    if not people:
        raise InputError(_nobody(clip.name, rows, rules))
    return People(clip.name, clip.size, fps, np.array(times), people)


def _kept_people(rows: dict[int, _Rows], rules: TrackingRules, fps: float, num_frames: int) -> Iterator[PersonInClip]:
    """The tracks that are long and clear enough, gaps filled, numbered by first appearance."""
    least_frames = rules.least_frames(fps, num_frames)
    numbers = itertools.count(1)
    for track in sorted(rows.values(), key=lambda track: track.frame[0]):
        if len(track.frame) < least_frames:
            continue
        if track.features and np.median(_visibility(np.array(track.features))) < rules.least_visibility:
            continue
        yield _fill_gaps(next(numbers), track, rules.gap_frames(fps))


def _visibility(features: np.ndarray) -> np.ndarray:
    """The mean visibility (N,) of landmarks as features (N, 126)."""
    return split_landmark_features(features).visibility.mean(axis=1)


def _fill_gaps(person: int, track: _Rows, longest: int) -> PersonInClip:
    """A track with short gaps filled by interpolation; filled landmarks have visibility 0."""
    found = np.array(track.frame)
    steps = np.diff(found)
    filled = [np.arange(start, start + step) for start, step in zip(found, steps, strict=False) if step <= longest + 1]
    frame = np.union1d(found, np.concatenate([found[:0], *filled]))
    seen = np.isin(frame, found)
    box = _interpolate(frame, found, np.array(track.box))
    features = _interpolate(frame, found, np.array(track.features)) if track.features else None
    if features is not None:
        features[~seen, -NUM_LANDMARKS:] = 0
    return PersonInClip(person, frame, box.astype(np.float32), seen, features)


def _interpolate(frame: np.ndarray, found: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values (N, D) at frames (N,), linear between those (M, D) at the frames found (M,)."""
    columns = [np.interp(frame, found, column) for column in values.T]
    return np.stack(columns, axis=1).astype(values.dtype)


def _nobody(name: str, rows: dict[int, _Rows], rules: TrackingRules) -> str:
    """Why there is nobody in the clip."""
    if not rows:
        return f'{name}: no person was found in any frame'
    longest = max(len(track.frame) for track in rows.values())
    return (
        f'{name}: no person was found for long and clearly enough (the longest track has {longest} frames); expected '
        f'{rules.least_seconds:g} s, or half of a shorter clip, with a visibility of {rules.least_visibility:g}'
    )
