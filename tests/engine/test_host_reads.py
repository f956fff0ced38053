"""An ordinary iteration does not wait for a value of the device: on a GPU, it would stand still meanwhile."""

import re
from collections import Counter

import pytest
import torch
from mmengine.hooks import Hook
from torch.utils._python_dispatch import TorchDispatchMode

from glot_plugin.engine.history import DeviceValues
from glot_plugin.engine.launch import prepare, train
from glot_plugin.models import GLoTEstimator

pytestmark = pytest.mark.training
# Every hook of the paper's configs, gradient clipping, nothing that is due before iteration 10.
ORDINARY = {
    'train_cfg.max_iters': 10,
    'train_cfg.val_interval': 10,
    'default_hooks.checkpoint.interval': 10,
    'default_hooks.logger.interval': 9,
    'optim_wrapper.clip_grad': {'max_norm': 10},
}
READS = re.compile(r'_local_scalar_dense|item|is_nonzero|equal|allclose|nonzero|masked_select|unique.*')


class Reads(TorchDispatchMode):
    """Counts operations whose result the host needs, by name, for the current iteration."""

    def __init__(self) -> None:
        super().__init__()
        self.iteration, self.counting = 0, True
        self.counts: dict[int, Counter] = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        masks = name == 'index' and any(index is not None and index.dtype == torch.bool for index in args[1])
        if self.counting and (READS.fullmatch(name) or masks):
            self.counts.setdefault(self.iteration, Counter())[name] += 1
        return func(*args, **(kwargs or {}))


class Count(Hook):
    """Tells the mode which iteration runs: until the next one begins, so that fetching data belongs to it."""

    priority = 0

    def __init__(self, reads: Reads) -> None:
        self.reads = reads

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.reads.iteration = runner.iter + 1


def test_no_reads_in_an_ordinary_iteration(small_config, tmp_path, monkeypatch):
    reads, taken = Reads(), []
    read = DeviceValues.read

    def counted(values):
        taken.append((reads.iteration, len(values._waiting)))
        read(values)

    def uncounted(*args, **kwargs):
        reads.counting = False
        losses = forward(*args, **kwargs)
        reads.counting = True
        return losses

    forward = GLoTEstimator.forward  # counted by itself
    monkeypatch.setattr(GLoTEstimator, 'forward', uncounted)
    monkeypatch.setattr(DeviceValues, 'read', counted)
    with reads:
        train(prepare(small_config(**ORDINARY), tmp_path), hooks=[Count(reads)])
    assert not {iteration: counts for iteration, counts in reads.counts.items() if 1 <= iteration <= 8}
    assert [entry for entry in taken if entry[1]] == [(9, 9), (10, 1)]  # the log, and the checkpoint at the end


class ForbidReads(Hook):
    """From iteration 3 to 8, an operation that waits for the GPU is an error."""

    priority = 0

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        torch.cuda.set_sync_debug_mode('error' if 3 <= runner.iter + 1 <= 8 else 'default')


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')
@pytest.mark.parametrize('amp', [False, True])
def test_no_reads_on_a_gpu(small_config, tmp_path, amp):
    cfg = small_config(**ORDINARY, **{'randomness.deterministic': False})
    try:
        train(prepare(cfg, tmp_path), amp=amp, hooks=[ForbidReads()])
    finally:
        torch.cuda.set_sync_debug_mode('default')
