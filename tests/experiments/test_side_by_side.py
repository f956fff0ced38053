"""Functions in processes of their own: their lines and results arrive, and errors stay with their function."""

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
