"""Progress of long work."""

import pytest

from glot_plugin.io import progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves."""
    now = [100.0]
    monkeypatch.setattr(progress.time, 'monotonic', lambda: now[0])
    return now


def test_lines_where_there_is_no_terminal(clock, capsys):
    with progress.progress_bar(unit='pictures') as bar:
        task = bar.add_task('people', total=200)
        for _ in range(5):
            clock[0] += 10
            bar.advance(task, 20)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1  # 50 seconds, a line every 30
    assert lines[0].startswith('people: 60 of 200 pictures (30 %)')


def test_nothing_where_it_is_switched_off(clock, capsys):
    with progress.progress_bar(enabled=False) as bar:
        task = bar.add_task('people', total=2)
        clock[0] += 100
        bar.advance(task)
    assert capsys.readouterr().out == ''
