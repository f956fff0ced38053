"""Functions in processes of their own: their lines and results arrive, and errors stay with their function."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from glot_plugin.experiments.side_by_side import run_side_by_side


def threads_of(number: int, say) -> int:
    say(f'call {number}')
    if number == 1:
        raise ValueError('one')
    return 10 * number + torch.get_num_threads()


@pytest.mark.process
def test_lines_results_and_errors_arrive():
    lines = []
    calls = [(threads_of, (number,)) for number in range(3)]
    futures = dict(run_side_by_side(calls, 2, lines.append))
    assert sorted(lines) == ['call 0', 'call 1', 'call 2']
    assert (futures[0].result(), futures[2].result()) == (1, 21)  # one thread each
    assert str(futures[1].exception()) == 'one'


def wait_for_ever(folder: str, say) -> None:
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(600)


@pytest.fixture
def waiting(tmp_path):
    """A main process with a worker that never ends, and the number of the worker."""
    code = (
        'from test_side_by_side import run_side_by_side, wait_for_ever\n'
        'try:\n'
        f'    list(run_side_by_side([(wait_for_ever, ({str(tmp_path)!r},))], 1, print))\n'
        'except KeyboardInterrupt:\n'
        '    pass'
    )
    command = [sys.executable, '-c', code]
    folder = Path(__file__).parent
    main = subprocess.Popen(command, cwd=folder, start_new_session=True, stderr=subprocess.PIPE, text=True)
    try:
        assert wait_until(lambda: list(tmp_path.iterdir()))
        yield main, next(tmp_path.iterdir()).name
    finally:
        main.kill()
        main.wait()


@pytest.mark.process
@pytest.mark.skipif(not Path('/proc/self').is_dir(), reason='looks for processes in /proc')
def test_workers_end_with_a_main_process_that_is_killed(waiting):
    main, worker = waiting
    main.kill()
    main.wait()
    assert wait_until(lambda: not Path('/proc', worker).is_dir())


@pytest.mark.process
def test_workers_say_nothing_at_ctrl_c(waiting):
    main, _ = waiting
    os.killpg(main.pid, signal.SIGINT)
    assert 'KeyboardInterrupt' not in main.communicate(timeout=60)[1]


def wait_until(condition) -> bool:
    """Whether something became true within a minute."""
    for _ in range(600):
        if condition():
            return True
        time.sleep(0.1)
    return False
