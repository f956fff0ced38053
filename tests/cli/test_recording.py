"""Recording a webcam: frames, their rate, how long, Ctrl-C, and cameras that are not there or stop."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from fake_camera import FakeCamera

from glot_plugin.cli.video import record
from glot_plugin.errors import InputError
from glot_plugin.video import clip as module
from glot_plugin.video.clip import WebcamClip, open_clip

IMAGES = [np.full((32, 48, 3), (20 * number, 0, 200), np.uint8) for number in range(11)]


@pytest.fixture
def connect(monkeypatch):
    """`connect(camera, fps)` plugs a camera in whose frames are `1 / fps` seconds apart."""

    def plug(camera: FakeCamera, fps: float = 10.0) -> FakeCamera:
        monkeypatch.setattr(module.cv2, 'VideoCapture', camera)
        ticks = itertools.count()
        monkeypatch.setattr(module, 'time', SimpleNamespace(monotonic=lambda: next(ticks) / fps))
        return camera

    return plug


def test_frames_and_rate(connect, tmp_path):
    camera = connect(FakeCamera(IMAGES, fps=10.0))
    clip = open_clip('/dev/video3')
    assert isinstance(clip, WebcamClip)
    assert camera.opened == [3]
    assert (clip.name, clip.size, clip.fps, clip.num_frames, clip.files) == ('webcam 3', (48, 32), 10.0, None, ())
    record(clip, tmp_path / 'webcam.mp4', seconds=None)
    recorded = open_clip(tmp_path / 'webcam.mp4')
    assert recorded.fps == pytest.approx(10)
    frames = list(recorded.frames())
    assert len(frames) == len(IMAGES) - 1  # the first was read to see that the camera works
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(10) / 10, atol=1e-3)
    for image, frame in zip(IMAGES[1:], frames, strict=True):
        assert np.abs(frame.image.astype(int) - image).max() < 25  # red and blue are not confused
    assert camera.released


def test_a_camera_that_does_not_know_its_rate(connect):
    connect(FakeCamera(IMAGES))
    assert WebcamClip(0).fps == 30.0


def test_for_some_seconds(connect, tmp_path):
    camera = connect(FakeCamera(IMAGES, fps=10.0, endless=True))
    record(WebcamClip(0), tmp_path / 'webcam.mp4', seconds=0.5)
    assert [round(frame.time, 3) for frame in open_clip(tmp_path / 'webcam.mp4').frames()] == [
        0,
        0.1,
        0.2,
        0.3,
        0.4,
        0.5,
    ]
    assert camera.released


def test_interrupted(connect, tmp_path):
    def interrupt() -> None:
        raise KeyboardInterrupt

    camera = connect(FakeCamera(IMAGES, fps=10.0, endless=True, calls={5: interrupt}))
    record(WebcamClip(0), tmp_path / 'webcam.mp4', seconds=None)
    assert len(list(open_clip(tmp_path / 'webcam.mp4').frames())) == 4
    assert camera.released


def test_no_camera(connect):
    camera = connect(FakeCamera([]))
    with pytest.raises(InputError, match='webcam 2: cannot be opened, or gives no frame'):
        open_clip('2')
    assert camera.released


def test_a_camera_that_stops_at_once_leaves_nothing(connect, tmp_path):
    connect(FakeCamera(IMAGES[:1]))
    with pytest.raises(InputError, match='webcam.mp4: no frames to write'):
        record(WebcamClip(0), tmp_path / 'webcam.mp4', seconds=None)
    assert list(tmp_path.iterdir()) == []
