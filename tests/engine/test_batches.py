"""Batches that are fetched one iteration ahead."""

import numpy as np
import pytest
import torch

from glot_plugin.engine.batches import BatchesAhead
from glot_plugin.errors import InputError

CPU = torch.device('cpu')


def batches():
    for number in range(3):
        yield {'features': torch.full((2,), float(number)), 'name': f'batch {number}'}
    raise InputError('batch 3 is broken')


def test_batches_come_in_order_fetched_ahead_or_not():
    ahead = BatchesAhead(batches(), CPU)
    found = []
    for number in range(3):
        if number != 1:
            ahead.fetch()
            ahead.fetch()
        found.append(ahead.take())
    assert [batch['name'] for batch in found] == ['batch 0', 'batch 1', 'batch 2']
    assert [batch['features'][0].item() for batch in found] == [0, 1, 2]


def test_an_error_waits_for_its_turn():
    ahead = BatchesAhead(batches(), CPU)
    for _ in range(3):
        ahead.take()
    ahead.fetch()
    with pytest.raises(InputError, match='batch 3 is broken'):
        ahead.take()


def test_other_batches_are_handed_on():
    first = [np.zeros(3)]
    assert BatchesAhead(iter([first]), CPU).take() is first


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')
def test_on_a_gpu_the_host_does_not_wait():
    source = ({'features': torch.full((64, 16, 2048), float(number)).pin_memory()} for number in range(4))
    ahead = BatchesAhead(source, torch.device('cuda'))
    torch.cuda.set_sync_debug_mode('error')
    try:
        taken = []
        for _ in range(4):
            taken.append(ahead.take()['features'] + 0)
            ahead.fetch()
    finally:
        torch.cuda.set_sync_debug_mode('default')
    assert [batch.unique().tolist() for batch in taken] == [[0], [1], [2], [3]]
