"""Speed of a stream, frame by frame, and of live video."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from glot_plugin.benchmark.model_speed import build_model
from glot_plugin.benchmark.timing import Comparison, compare
from glot_plugin.engine.inference import init_model
from glot_plugin.live.frame_people import PeopleFinder
from glot_plugin.live.session import LiveSession
from glot_plugin.live.source import NewestFrames
from glot_plugin.live.stream import TrackStream
from glot_plugin.live.threads import THREADS, torch_threads
from glot_plugin.live.timing import LiveTiming
from glot_plugin.video.camera import guess_focal_length
from glot_plugin.video.clip import Frame, open_clip
from glot_plugin.video.clips import SINGLE_PERSON
from glot_plugin.video.people_stage import PeopleOptions

LANDMARKS_CONFIG = 'glot_plugin::glot/glot_landmarks.py'
PUSHES = 20
PEOPLE = (1, 8)


def compare_live(
    config: str | Path, model_dir: str, device: str, people: int = 1, repeats: int = 5, pushes: int = PUSHES
) -> Comparison:
    """A frame of a stream against predicting its windows anew from raw features; in seconds per frame.

    Both predict all people in one batch, and give rotations, shape and camera as arrays.
    """
    model = build_model(config, model_dir, device).eval()
    num_frames = model.head.num_frames
    generator = torch.Generator().manual_seed(0)
    frames = torch.rand(num_frames + pushes, people, model.head.in_dim, generator=generator).to(device)
    stream = TrackStream(model)
    for features in frames[:num_frames]:
        stream.push(features)

    def stream_frames() -> np.ndarray:
        return np.stack([stream.push(features).bodies.rotmat for features in frames[num_frames:]])

    @torch.inference_mode()
    def anew() -> np.ndarray:
        bodies = []
        for newest in range(num_frames, num_frames + pushes):
            window = frames[newest - num_frames + 1 : newest + 1].transpose(0, 1)
            params = model.head.predict(window)
            bodies.append(params.rotmat.cpu().numpy())
        return np.stack(bodies)

    np.testing.assert_allclose(stream_frames(), anew(), atol=1e-4)
    name = 'live, 1 person' if people == 1 else f'live, {people} people'
    result = compare(name, stream_frames, anew, repeats)
    result.ours, result.naive = result.ours / pushes, result.naive / pushes
    result.detail = f'{1 / result.ours:,.0f} frames/s; the baseline projects the whole window for each frame'
    return result


class _BackAndForth:
    """A clip played at another rate, forwards and backwards over and over: nobody jumps."""

    def __init__(self, path: Path, fps: float) -> None:
        clip = open_clip(path)
        self.name, self.size, self.files, self.fps, self.num_frames = clip.name, clip.size, clip.files, fps, None
        self.images = [frame.image for frame in clip.frames()]

    def frames(self) -> Iterator[Frame]:
        images = itertools.cycle([*self.images, *self.images[-2:0:-1]])
        for number, image in enumerate(images):
            yield Frame(number, number / self.fps, image)


def measure_live_clip(
    body_dir: str, device: str, path: Path = SINGLE_PERSON, fps: float = 25.0, seconds: float = 10.0
) -> str:
    """A line on live video of one person with landmarks, at a rate: frames dropped, and how far bodies are behind.

    The model has random weights, which take as long as trained ones. Frames are decoded before.
    """
    model = init_model(LANDMARKS_CONFIG, device=device, body_model_dir=body_dir)
    clip, stream = _BackAndForth(path, fps), TrackStream(model)
    finder, timing = PeopleFinder(clip, PeopleOptions(threads=THREADS)), LiveTiming(stream.latency, fps)
    session = LiveSession(clip, finder, stream, model.body_model, guess_focal_length(clip.size), timing)
    with torch_threads():
        session.warm_up(clip.images[0])
        with NewestFrames(clip, seconds=seconds) as source:
            session.run(source)
    return f'Live video, {clip.name} at {fps:g} frames/s: {timing.line(source.dropped)}.'
