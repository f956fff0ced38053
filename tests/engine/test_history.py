"""Histories against mmengine's, and values that are read for many iterations at once."""

import copy
import pickle

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from glot_plugin.engine.history import DeviceValues, History


@pytest.mark.parametrize('number', [1, 63, 64, 65, 300])
def test_statistics_are_those_of_mmengine(number):
    ours, theirs = History(), HistoryBuffer()
    for value in np.random.default_rng(0).standard_normal(number).tolist():
        ours.update(value)
        theirs.update(value)
    for window in (1, 20, number, number + 5):
        assert ours.mean(window) == theirs.mean(window)
        assert ours.statistics('max', window) == theirs.statistics('max', window)
    assert ours.current() == theirs.current()
    np.testing.assert_array_equal(ours.data, theirs.data)


def test_history_goes_on_from_a_buffer_and_keeps_the_last_values():
    theirs = HistoryBuffer([1.0, 2.0, 3.0], [1, 1, 2], max_length=3)
    ours = History(theirs)
    for value in range(400):
        assert ours.mean() == theirs.mean()
        ours.update(float(value), 2)
        theirs.update(float(value), 2)
    np.testing.assert_array_equal(ours.data, theirs.data)


@pytest.mark.parametrize('copied', [copy.deepcopy, lambda history: pickle.loads(pickle.dumps(history))])
def test_a_copy_is_a_plain_buffer(copied):
    history = History(HistoryBuffer([1.0, 4.0], [1, 1]), before_reading=lambda: None)
    twin = copied(history)
    assert type(twin) is HistoryBuffer
    history.update(7.0)
    assert twin.data[0].tolist() == [1.0, 4.0]
    assert twin.max_length == history.max_length


def test_a_history_asks_for_values_only_when_it_is_read():
    waiting = [2.0, 3.0]

    def fill():
        while waiting:
            history.update(waiting.pop(0))

    history = History(before_reading=fill)
    history.update(1.0)
    assert waiting
    assert history.current() == 3.0
    assert history.data[0].tolist() == [1.0, 2.0, 3.0]


def test_a_detached_history_holds_nothing_but_values():
    history = History(before_reading=lambda: history.update(2.0))
    history.detach()
    assert history.data[0].tolist() == [2.0]
    assert history.data[0].tolist() == [2.0]


def test_values_are_delivered_as_they_were_given():
    delivered = {}
    values = DeviceValues(delivered.update)
    loss = torch.tensor(0.1, requires_grad=True)
    values.add(1, {'lr': 1e-4, 'loss': 2 * loss, 'norm': torch.tensor([3.0], dtype=torch.float64)})
    values.add(2, {'loss': torch.tensor(0.3, dtype=torch.bfloat16)})
    values.add(3, {'lr': 2e-4})
    assert not delivered
    values.read()
    expected = {1: {'lr': 1e-4, 'loss': (2 * loss).item(), 'norm': 3.0}, 2: {'loss': 0.30078125}, 3: {'lr': 2e-4}}
    assert delivered == expected
    assert list(delivered[1]) == ['lr', 'loss', 'norm']
    delivered.clear()
    values.read()
    assert not delivered


def test_values_are_copied_when_they_are_added():
    """A captured graph writes every iteration's losses into the same memory."""
    delivered, loss = {}, torch.zeros(())
    values = DeviceValues(delivered.update)
    for number in range(3):
        values.add(number, {'loss': loss.fill_(number)})
    values.read()
    assert [entry['loss'] for entry in delivered.values()] == [0, 1, 2]


def test_values_do_not_pile_up():
    delivered = {}
    values = DeviceValues(delivered.update, capacity=4)
    for number in range(10):
        values.add(number, {'loss': torch.tensor(float(number))})
    assert list(delivered) == list(range(8))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')
def test_values_of_two_devices():
    delivered = {}
    values = DeviceValues(delivered.update)
    values.add(1, {'a': torch.tensor(1.0), 'b': torch.tensor(2.0, device='cuda')})
    values.read()
    assert delivered == {1: {'a': 1.0, 'b': 2.0}}
