"""Training with a number of threads of its own."""

import pytest
import torch

from glot_plugin.engine import CPUThreadsHook
from glot_plugin.errors import InputError


def test_threads_are_set_and_restored():
    before = torch.get_num_threads()
    hook = CPUThreadsHook(before + 1)
    hook.before_train(None)
    assert torch.get_num_threads() == before + 1
    hook.after_train(None)
    assert torch.get_num_threads() == before


def test_bad_number():
    with pytest.raises(InputError, match='num_threads=0, expected at least 1'):
        CPUThreadsHook(0)
