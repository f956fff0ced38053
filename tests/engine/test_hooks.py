"""Seeds of iterations."""

import pytest
import torch

from glot_plugin.engine.hooks import seed_generators

SEEDS = (0, 5, 2**64 - 1)


@pytest.mark.parametrize('seed', SEEDS)
def test_random_numbers_are_those_of_manual_seed(seed):
    torch.manual_seed(seed)
    expected = torch.rand(3)
    seed_generators(seed)
    assert torch.rand(3).equal(expected)


def test_no_seed_is_kept_for_devices_that_are_not_used(monkeypatch):
    """torch keeps one with the call stack for each kind of device, which takes milliseconds."""
    monkeypatch.setattr(torch.cuda, 'is_initialized', lambda: False)
    for module in (torch.cuda, torch.xpu, torch.mtia):
        monkeypatch.setattr(module, 'manual_seed_all', lambda seed, name=module.__name__: pytest.fail(name))
    seed_generators(1)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')
@pytest.mark.parametrize('seed', SEEDS)
def test_random_numbers_of_a_gpu(seed):
    torch.manual_seed(seed)
    expected = torch.rand(3, device='cuda')
    seed_generators(seed)
    assert torch.rand(3, device='cuda').equal(expected)
