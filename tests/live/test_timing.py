from types import SimpleNamespace

import pytest

from glot_plugin.live import timing as module
from glot_plugin.live.timing import LiveTiming


@pytest.fixture
def now(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module, 'time', SimpleNamespace(monotonic=lambda: now[0], process_time=lambda: now[0] / 4))
    return now


def test_delays_and_rates(now):
    timing = LiveTiming(latency=2, fps=20)
    assert timing.line(0) == '0 frames, 0.0 frames/s, 0 dropped'
    for number in range(11):
        now[0] = 0.1 * number
        timing.frame_done()
        timing.body_done(captured=now[0] - (0.15 if number < 10 else 0.35))
    assert timing.frames_per_second == pytest.approx(10)
    assert timing.line(3) == (
        '11 frames, 10.0 frames/s, 3 dropped; 25 ms of processor time a frame; bodies 150 ms behind their frames '
        '(median), 330 ms (99th percentile), of which 100 ms are 2 frames of latency'
    )
    assert 'bodies 350 ms behind their frames (median)' in timing.line(3, newest=1)
