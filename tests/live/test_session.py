"""A live session with people whose features are given: the same bodies as offline, and who is kept at the end."""

import time

import numpy as np
import pytest
import torch
from test_stream import narrow_model

from glot_plugin.errors import InputError
from glot_plugin.live.frame_people import FramePeople
from glot_plugin.live.session import LiveSession
from glot_plugin.live.source import LiveFrame
from glot_plugin.live.stream import TrackStream
from glot_plugin.live.timing import LiveTiming
from glot_plugin.video.bodies import predict_bodies
from glot_plugin.video.clip import Frame
from glot_plugin.video.people import People, PersonInClip
from glot_plugin.video.tracking import TrackingRules

FPS, SIZE, FOCAL_LENGTH = 10.0, (64, 48), 80.0


class Clip:
    name, size, fps, num_frames, files = 'camera', SIZE, FPS, None, ()


class Source(list):
    """Live frames, none of which is dropped."""

    dropped = 0


@pytest.fixture(scope='module')
def model(body_dir):
    return narrow_model(body_model_dir=body_dir)


def people_of(there: dict[int, range], count: int) -> dict[int, PersonInClip]:
    rng = np.random.default_rng(0)
    people = {}
    for person, frames in there.items():
        box = np.tile(np.array([[30.0, 20, 20, 30]], np.float32), (len(frames), 1))
        features = rng.normal(size=(len(frames), 126)).astype(np.float32)
        features[:, -21:] = 0.9
        people[person] = PersonInClip(person, np.array(frames), box, np.ones(len(frames), bool), features)
    return people


def run_session(model, people, count: int, numbers=None, **stream) -> tuple[LiveSession, list]:
    def finder(image) -> FramePeople:
        number = int(image[0, 0, 0])
        here = [(one, int(np.searchsorted(one.frame, number))) for one in people.values() if number in one.frame]
        box = np.stack([one.box[row] for one, row in here]) if here else np.zeros((0, 4), np.float32)
        features = np.stack([one.features[row] for one, row in here]) if here else np.zeros((0, 126), np.float32)
        return FramePeople([one.person for one, _ in here], box, features)

    stream = TrackStream(model, **stream)
    timing = LiveTiming(stream.latency, FPS)
    session = LiveSession(Clip(), finder, stream, model.body_model, FOCAL_LENGTH, timing)
    shown = []
    images = {number: np.full((*SIZE[::-1], 3), number, np.uint8) for number in numbers or range(count)}
    live = [LiveFrame(Frame(number, number / FPS, image), time.monotonic()) for number, image in images.items()]
    session.run(Source(live), lambda frame, bodies: shown.append((frame.frame.number, bodies)))
    return session, shown


def test_the_same_bodies_as_offline(model):
    people = people_of({1: range(0, 30), 2: range(4, 25)}, 30)
    session, shown = run_session(model, people, 30)
    times = [number / FPS for number in range(30)]
    result = session.result(times, 'weights')
    assert (result.source, result.size, result.num_frames, result.model) == ('camera', SIZE, 30, 'weights')
    assert result.fps == pytest.approx(FPS)
    clip = People('camera', SIZE, FPS, np.array(times), tuple(people.values()))
    with torch.inference_mode():
        expected = predict_bodies(clip, model, model.body_model, FOCAL_LENGTH)
    for found, offline in zip(result.people, expected.people, strict=True):
        assert found.person == offline.person
        assert found.frame.tolist() == offline.frame.tolist()
        for name in ('rotmat', 'betas', 'camera', 'joints3d'):
            np.testing.assert_allclose(getattr(found, name), getattr(offline, name), atol=1e-4, err_msg=name)
        np.testing.assert_array_equal(found.box, offline.box)
    assert [number for number, _ in shown] == list(range(30))
    assert [bodies.frame.tolist() for _, bodies in shown[10:12]] == [[3], [4, 4]]
    assert session.timing.frames == 30


def test_dropped_frames_keep_their_numbers(model):
    people = people_of({1: range(0, 30)}, 30)
    session, _ = run_session(model, people, 30, numbers=list(range(0, 30, 3)), latency=0)
    (person,) = session.result([number / FPS for number in range(30)]).people
    assert person.frame.tolist() == list(range(0, 30, 3))


def test_short_tracks_are_dropped_at_the_end(model):
    people = people_of({1: range(0, 30), 2: range(4, 9)}, 30)
    session, _ = run_session(model, people, 30)
    assert [one.person for one in session.result([number / FPS for number in range(30)]).people] == [1]
    assert TrackingRules().least_seconds * FPS > 5


def test_nobody(model):
    session, shown = run_session(model, {}, 12)
    assert all(not bodies.ids for _, bodies in shown)
    with pytest.raises(InputError, match='camera: no person was found for 1 s in 12 frames'):
        session.result([number / FPS for number in range(12)])
