"""tools/video.py --live: a file in real time, a camera, Ctrl-C, and options that do not go together."""

import _thread

import av
import numpy as np
import pytest
from fake_camera import FakeCamera

from glot_plugin.video import clip as clips
from glot_plugin.video import read_result
from glot_plugin.video.clip import open_clip
from glot_plugin.video.clips import SINGLE_PERSON
from glot_plugin.video.writer import VideoWriter

NUM_FRAMES = 12


@pytest.fixture(scope='module')
def images():
    frames = open_clip(SINGLE_PERSON).frames()
    return [np.ascontiguousarray(next(frames).image[::3, ::3]) for _ in range(NUM_FRAMES)]


@pytest.fixture
def live_tool(run_tool, checkpoint, body_dir):
    def run(source, out, *arguments):
        common = ('--out', out, '--checkpoint', checkpoint, '--body-models', body_dir, '--device', 'cpu')
        return run_tool('video', source, *common, '--live', *arguments)

    return run


def num_frames(path) -> int:
    with av.open(str(path)) as video:
        return sum(1 for _ in video.decode(video=0))


def check_summary(out: str, frames: int) -> int:
    """The number of dropped frames that the summary states; every frame is worked on or dropped."""
    (line,) = [line for line in out.splitlines() if 'frames/s, ' in line and 'dropped' in line][-1:]
    done, dropped = int(line.split()[0]), int(line.split('frames/s, ')[1].split()[0])
    assert done + dropped == frames
    assert '(median)' in line
    assert '(99th percentile)' in line
    return dropped


def test_a_file_in_real_time(live_tool, run_tool, images, tmp_path):
    clip = tmp_path / 'clip.mp4'
    with VideoWriter(clip, 4.0) as video:
        for number, image in enumerate(images):
            video.write(number / 4, image)
    out = tmp_path / 'out'
    status, text, err = live_tool(clip, out, '--latency', 2, '--export', 'bvh')
    assert status == 0, err
    assert 'clip.mp4: live, 2 frames of latency' in text
    dropped = check_summary(text, NUM_FRAMES)
    result = read_result(out)
    assert result.num_frames == NUM_FRAMES
    (person,) = result.people
    assert NUM_FRAMES - dropped - 1 <= len(person) <= NUM_FRAMES - dropped
    assert np.isfinite(person.joints2d).all()
    assert num_frames(out / 'overlay.mp4') == NUM_FRAMES
    assert (out / 'viewer.html').is_file()
    assert (out / 'person_1.bvh').is_file()
    status, _, err = run_tool('check_clip', out)
    assert status == 2
    assert 'features: no such track store of landmarks' in err


def test_a_camera_until_it_stops(live_tool, images, tmp_path, monkeypatch):
    camera = FakeCamera(images, pause=0.03)
    monkeypatch.setattr(clips.cv2, 'VideoCapture', camera)
    status, text, err = live_tool('0', tmp_path, '--frames', '--latency', 0)
    assert status == 0, err
    check_summary(text, NUM_FRAMES - 1)  # the first is read to see that the camera works
    assert read_result(tmp_path).num_frames == NUM_FRAMES - 1
    assert num_frames(tmp_path / 'webcam.mp4') == num_frames(tmp_path / 'overlay.mp4') == NUM_FRAMES - 1
    assert camera.released


def test_interrupt_ends_it_and_writes_what_there_is(live_tool, images, tmp_path, monkeypatch):
    """Ctrl-C after the eighth frame of a camera that would go on for ever."""
    camera = FakeCamera(images, pause=0.03, endless=True, calls={8: _thread.interrupt_main})
    monkeypatch.setattr(clips.cv2, 'VideoCapture', camera)
    status, text, err = live_tool('0', tmp_path, '--no-pictures')
    assert status == 0, err
    assert 'frames/s' in text
    result = read_result(tmp_path)
    assert result.num_frames >= 7
    assert len(result.people) == 1
    assert not (tmp_path / 'webcam.mp4').exists()
    assert camera.released


def test_seconds(live_tool, images, tmp_path, monkeypatch):
    monkeypatch.setattr(clips.cv2, 'VideoCapture', FakeCamera(images, pause=0.03, endless=True))
    status, _, err = live_tool('0', tmp_path, '--no-pictures', '--seconds', 1)
    assert status == 0, err
    times = read_result(tmp_path).times
    assert times[-1] >= 1
    assert (times[:-1] < 1).all()


def test_nobody_is_one_message(live_tool, tmp_path, monkeypatch):
    dark = [np.zeros((120, 160, 3), np.uint8)] * 5
    monkeypatch.setattr(clips.cv2, 'VideoCapture', FakeCamera(dark, pause=0.03))
    status, _, err = live_tool('0', tmp_path, '--no-pictures')
    assert status == 2
    assert 'webcam 0: no person was found for 1 s in 4 frames' in err
    assert not (tmp_path / 'tracks.npz').exists()


def test_bad_input_is_one_message(live_tool, run_tool, images, tmp_path, monkeypatch):
    monkeypatch.delenv('DISPLAY', raising=False)
    monkeypatch.delenv('WAYLAND_DISPLAY', raising=False)
    monkeypatch.setattr(clips.cv2, 'VideoCapture', FakeCamera(images, pause=0.03))
    boxes = tmp_path / 'boxes.csv'
    boxes.touch()
    for arguments, message in (
        (('--smooth', 'one-euro'), '--live: --smooth sees the whole clip'),
        (('--boxes', boxes), '--live: --boxes has boxes of all frames'),
        (('--backend', 'onnx'), '--live: --backend onnx predicts whole tracks'),
        (('--latency', 8), 'latency=8: expected a number of frames from 0 to 7'),
        (('--inference', 'fast'), 'inference mode fast: waits for several frames'),
        (('--show',), '--show: there is no display'),
    ):
        status, _, err = live_tool('0', tmp_path / 'out', *arguments)
        assert status == 2, arguments
        assert message in err
        assert err.count('error: ') == 1
    assert f'--live: {tmp_path} is a folder' in live_tool(tmp_path, tmp_path / 'out')[2]
    for option in (('--latency', 2), ('--early', 'repeat'), ('--show',)):
        status, _, err = run_tool('video', '0', '--out', tmp_path / 'out', *option)
        assert status == 2
        assert f'{option[0]} is for --live' in err
