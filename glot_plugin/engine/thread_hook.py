"""A hook for models that are too small for several threads."""

import torch
from mmengine.hooks import Hook

from glot_plugin.errors import InputError
from glot_plugin.registry import HOOKS


@HOOKS.register_module()
class CPUThreadsHook(Hook):
    """Trains with this many threads per process, and restores the number that torch had before.

    Narrow layers gain little from several threads, and each of their many short operations waits for the slowest
    thread: when other programs take a core, such a training becomes several times slower.

    Args:
        num_threads: At least 1. It applies to operations on the CPU.

    Raises:
        InputError: A number below 1.
    """

    def __init__(self, num_threads: int) -> None:
        if num_threads < 1:
            raise InputError(f'CPUThreadsHook: num_threads={num_threads}, expected at least 1')
        self.num_threads = num_threads
        self._before = None

    def before_train(self, runner) -> None:
        self._before = torch.get_num_threads()
        torch.set_num_threads(self.num_threads)

    def after_train(self, runner) -> None:
        torch.set_num_threads(self._before)
