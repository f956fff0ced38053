"""An ordinary iteration does not wait for a value of the device: on a GPU, it would stand still meanwhile."""

import pytest
import torch
from mmengine.hooks import Hook

from glot_plugin.benchmark.dispatch_counts import DispatchCounts
from glot_plugin.engine.history import DeviceValues
from glot_plugin.engine.launch import prepare, train

pytestmark = pytest.mark.training
# Every hook of the paper's configs, gradient clipping, nothing that is due before iteration 10.
ORDINARY = {
    'train_cfg.max_iters': 10,
    'train_cfg.val_interval': 10,
    'default_hooks.checkpoint.interval': 10,
    'default_hooks.logger.interval': 9,
    'optim_wrapper.clip_grad': {'max_norm': 10},
}


class Count(Hook):
    """Notes how many values were read when an iteration begins, so that fetching its successor's data belongs to it."""

    priority = 0

    def __init__(self, counts: DispatchCounts) -> None:
        self.counts, self.reads = counts, []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.reads.append(self.counts.host_reads.total())


@pytest.mark.parametrize(
    ('options', 'amp'),
    [
        ({}, False),
        ({}, True),
        ({'model.head.global_branch.transformer.mask_token': 'learnable', 'model.head.target_frame': 15}, False),
        ({'model.head.global_branch.transformer.mask_ratio': 0.0, 'train_dataloader.dataset.resident': 'cpu'}, False),
    ],
    ids=['paper', 'bfloat16', 'learnable token, last frame', 'unmasked, resident'],
)
def test_no_reads_in_an_ordinary_iteration(small_config, tmp_path, monkeypatch, options, amp):
    counts = DispatchCounts()
    count, read, taken = Count(counts), DeviceValues.read, []

    def counted(values):
        if values._waiting:
            taken.append((len(count.reads), len(values._waiting)))
        read(values)

    monkeypatch.setattr(DeviceValues, 'read', counted)
    with counts:
        train(prepare(small_config(**ORDINARY, **options), tmp_path), amp=amp, hooks=[count])
    assert len(set(count.reads)) == 1
    assert taken == [(9, 9), (10, 1)]  # for the log, and for the checkpoint at the end


class ForbidReads(Hook):
    """From iteration 3 to 8, an operation that waits for the GPU is an error."""

    priority = 0

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        torch.cuda.set_sync_debug_mode('error' if 3 <= runner.iter + 1 <= 8 else 'default')


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')
@pytest.mark.parametrize(('amp', 'resident'), [(False, 'cuda'), (True, 'cuda'), (False, None)])
def test_no_reads_on_a_gpu(small_config, tmp_path, amp, resident):
    options = {'randomness.deterministic': False, 'train_dataloader.dataset.resident': resident}
    cfg = small_config(**ORDINARY, **options)
    try:
        train(prepare(cfg, tmp_path), amp=amp, hooks=[ForbidReads()])
    finally:
        torch.cuda.set_sync_debug_mode('default')
