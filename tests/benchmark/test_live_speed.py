"""The benchmark of streams."""

import pytest

from glot_plugin.benchmark.live_speed import compare_live, measure_live_clip

MODEL = 'glot_plugin::glot/_base_/glot.py'


@pytest.mark.parametrize('people', [1, 2])
def test_streams_are_compared_with_windows(body_dir, people):
    """The comparison itself checks that both give the same bodies."""
    result = compare_live(MODEL, str(body_dir), 'cpu', people, repeats=1, pushes=2)
    assert result.name == ('live, 1 person' if people == 1 else 'live, 2 people')
    assert 0 < result.ours < 10
    assert result.ratio > 0
    assert 'frames/s' in result.detail


def test_live_video(body_dir):
    """Every captured frame is worked on or dropped, however slow the machine is."""
    line = measure_live_clip(str(body_dir), 'cpu', fps=20, seconds=0.5)
    assert line.startswith('Live video, ')
    done, dropped = line.split(': ')[1].split(' frames, ')[0], line.split('frames/s, ')[1].split(' dropped')[0]
    assert int(done) + int(dropped) == 11
