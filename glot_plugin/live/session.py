"""From a camera to bodies: capture, people and network in three threads, and what there was at the end."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from glot_plugin.body_model import SMPLBody
from glot_plugin.errors import InputError
from glot_plugin.live.frame_people import FramePeople, PeopleFinder
from glot_plugin.live.source import LiveFrame, NewestFrames
from glot_plugin.live.stream import ReadyBodies, TrackStream
from glot_plugin.live.timing import LiveTiming
from glot_plugin.video.bodies import PlacedBodies, place_bodies
from glot_plugin.video.clip import Clip, mean_fps
from glot_plugin.video.people import PersonInClip
from glot_plugin.video.read_ahead import read_ahead
from glot_plugin.video.result import PersonTrack, VideoResult
from glot_plugin.video.tracking import TrackingRules

REPORT_SECONDS = 5.0


class LiveBodies(NamedTuple):
    """R bodies that have become ready, in the picture.

    Attributes:
        ids: (R,) whose.
        frame: (R,) numbers of captured frames.
        box: (R, 4).
        placed: R bodies.
    """

    ids: list[int]
    frame: np.ndarray
    box: np.ndarray
    placed: PlacedBodies


# Takes each frame as it has been worked on, and the bodies that have become ready with it.
Watcher = Callable[[LiveFrame, LiveBodies], None]


class _Pushed(NamedTuple):
    """A frame whose bodies are not all ready: its number, when it was captured, and by person box and features."""

    number: int
    captured: float
    people: dict[int, tuple[np.ndarray, np.ndarray]]


@dataclass
class LiveSession:
    """Works on frames as they come, and keeps the bodies.

    Args:
        clip: What is filmed or played.
        finder: Finds the people of frames.
        stream: Predicts them.
        body: SMPL body.
        focal_length: Of the picture, pixels.
        timing: Takes delays.
        rules: Which tracks are kept at the end.
    """

    clip: Clip
    finder: PeopleFinder
    stream: TrackStream
    body: SMPLBody
    focal_length: float
    timing: LiveTiming
    rules: TrackingRules = field(default_factory=TrackingRules)
    _pushed: dict[int, _Pushed] = field(default_factory=dict)
    _bodies: list[LiveBodies] = field(default_factory=list)

    def warm_up(self, image: np.ndarray) -> None:
        """Let every library make itself ready before frames come: first calls take many times as long as later ones.

        Args:
            image: (H, W, 3) uint8 RGB, a picture of what comes; its people keep their identities.
        """
        self.finder(image)
        state = self.stream.state_dict()
        for _ in range(self.stream.latency + 1):
            self.stream.push(np.zeros(self.stream.in_dim, np.float32))
        self.stream.load_state_dict(state)

    def run(self, source: NewestFrames, watch: Watcher = lambda *_: None, say: Callable = lambda line: None) -> None:
        """Work on a source's frames until it ends; the people of a frame are found while the last one is predicted."""
        reported = None
        for number, (live, people) in enumerate(read_ahead(self._find(source), depth=1)):
            if people.ids:
                rows = dict(zip(people.ids, zip(people.box, people.features, strict=True), strict=True))
                self._pushed[number] = _Pushed(live.frame.number, live.captured, rows)
            bodies = self._take(self.stream.push(people.features, people.ids))
            self.timing.frame_done()
            watch(live, bodies)
            reported = live.captured if reported is None else reported
            if live.captured - reported >= REPORT_SECONDS:
                reported = live.captured
                say(self.timing.line(source.dropped, newest=round(REPORT_SECONDS * self.clip.fps)))
        self._take(self.stream.flush(), timed=False)

    def _find(self, source: NewestFrames) -> Iterator[tuple[LiveFrame, FramePeople]]:
        for live in source:
            yield live, self.finder(live.frame.image)

    def _take(self, ready: ReadyBodies, timed: bool = True) -> LiveBodies:
        """Place bodies in the picture, and keep them."""
        ids, numbers = list(ready.ids), ready.frame.tolist()
        if not ids:
            empty = np.zeros(0, np.int64)
            return LiveBodies([], empty, np.zeros((0, 4), np.float32), PlacedBodies(*(empty,) * 6))
        pushed = [self._pushed[number] for number in numbers]
        rows = [one.people.pop(person) for one, person in zip(pushed, ids, strict=True)]
        frame = np.array([one.number for one in pushed], np.int64)
        box, features = (np.stack(part) for part in zip(*rows, strict=True))
        seen = PersonInClip(0, frame, box, np.ones(len(frame), bool), features)
        predicted = (getattr(ready.bodies, name) for name in ('rotmat', 'betas', 'camera'))
        placed = place_bodies(seen, *predicted, self.body, self.focal_length, self.clip.size)
        for one in pushed if timed else ():
            self.timing.body_done(one.captured)
        self._pushed = {number: one for number, one in self._pushed.items() if one.people}
        self._bodies.append(LiveBodies(ids, frame, box, placed))
        return self._bodies[-1]

    def result(self, times: list[float], model: str = '', gender: str = 'neutral') -> VideoResult:
        """The people who were there for long enough, in all captured frames.

        Args:
            times: Seconds of the captured frames.
            model: Where the weights come from, in words.
            gender: Of the body.

        Raises:
            InputError: Nobody was.
        """
        fps = mean_fps(times, self.clip.fps)
        least = self.rules.least_frames(fps, len(times))
        people = tuple(track for track in self._tracks() if np.ptp(track.frame) + 1 >= least)
        if not people:
            raise InputError(
                f'{self.clip.name}: no person was found for {self.rules.least_seconds:g} s in {len(times)} frames'
            )
        about = self.clip.name, self.clip.size, fps, np.array(times), self.focal_length
        return VideoResult(*about, people, model, gender)

    def _tracks(self) -> Iterator[PersonTrack]:
        if not self._bodies:
            return
        ids = np.concatenate([bodies.ids for bodies in self._bodies])
        arrays = zip(*((bodies.frame, bodies.box, *bodies.placed) for bodies in self._bodies), strict=True)
        columns = [np.concatenate(parts) for parts in arrays]
        for person in np.unique(ids):
            yield PersonTrack(int(person), *(column[ids == person] for column in columns))
