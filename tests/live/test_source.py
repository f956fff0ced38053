"""The newest frame of a source: what is dropped, how it ends, and what its errors become."""

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from glot_plugin.errors import InputError
from glot_plugin.live import source as module
from glot_plugin.live.source import NewestFrames, in_real_time
from glot_plugin.video.clip import Frame

CAMERA, FILE = SimpleNamespace(files=()), SimpleNamespace(files=('clip.mp4',))


def frames(count: int, fps: float = 10.0):
    for number in range(count):
        yield Frame(number, number / fps, np.full((2, 2, 3), number, np.uint8))


def wait_for(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, 'waited for 20 s'
        time.sleep(0.001)


def test_a_slow_reader_gets_the_newest():
    with NewestFrames(CAMERA, frames(10)) as source:
        wait_for(lambda: len(source.times) == 10)
        assert [live.frame.number for live in source] == [9]
    assert source.dropped == 9
    assert source.times == [number / 10 for number in range(10)]


def one_at_a_time(count: int, taken: threading.Semaphore, closed: list):
    """Frames of which the next one comes when the last has been taken."""
    try:
        for frame in frames(count):
            yield frame
            assert taken.acquire(timeout=20)
    finally:
        closed.append(True)


def test_a_fast_reader_gets_all_in_order():
    taken, lives = threading.Semaphore(0), []
    with NewestFrames(CAMERA, one_at_a_time(5, taken, [])) as source:
        for live in source:
            lives.append(live)
            taken.release()
    assert [live.frame.number for live in lives] == list(range(5))
    assert [live.captured for live in lives] == sorted(live.captured for live in lives)
    assert source.dropped == 0


def test_stopping_lets_the_camera_go():
    taken, closed, seen = threading.Semaphore(0), [], []
    with NewestFrames(CAMERA, one_at_a_time(10**6, taken, closed)) as source:
        for live in source:
            seen.append(live.frame.number)
            if len(seen) == 3:
                source.stop()
            taken.release()
        wait_for(lambda: closed)
    assert seen == [0, 1, 2]


def test_a_time_limit():
    with NewestFrames(CAMERA, frames(100), seconds=0.5) as source:
        wait_for(lambda: len(source.times) == 6)
        assert [live.frame.number for live in source] == [5]
    assert len(source.times) == 6


def test_errors_of_the_capture_reach_the_reader():
    def broken():
        yield from frames(1)
        raise InputError('frame 1 is broken')

    with NewestFrames(CAMERA, broken()) as source, pytest.raises(InputError, match='frame 1 is broken'):
        list(source)


def test_files_play_in_real_time(monkeypatch):
    now = [100.0]
    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds))
    monkeypatch.setattr(module, 'time', clock)
    shown = []
    for frame in in_real_time(frames(4)):
        shown.append(round(now[0] - 100, 6))
        now[0] += 0.25 if frame.number == 1 else 0.03  # the second takes too long: the next is late, the last is not
    assert shown == [0.0, 0.1, 0.35, 0.38]


def test_a_file_plays_to_its_end():
    with NewestFrames(FILE, frames(4, fps=500)) as source:
        numbers = [live.frame.number for live in source]
    assert numbers[-1] == 3
    assert len(numbers) + source.dropped == 4
