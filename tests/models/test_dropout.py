import pytest
import torch
from torch import nn

from glot_plugin.models.dropout import Dropout, replace_dropout


@pytest.mark.parametrize('p', [0.1, 0.25, 0.5, 0.999])
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_share_scale_and_gradient(p, dtype):
    torch.manual_seed(0)
    x = torch.ones(333, 1001, dtype=dtype, requires_grad=True)
    y = Dropout(p)(x)
    kept = y != 0
    assert kept.float().mean().item() == pytest.approx(1 - p, abs=3e-3)
    assert kept.float().mean(0).std() < 2 * (p * (1 - p) / 333) ** 0.5  # no column is favoured
    assert y.max().item() == pytest.approx(1 / (1 - p), rel=1e-2)
    y.backward(torch.full_like(y, 3.0))
    torch.testing.assert_close(x.grad, 3 * y)


def test_neighbours_are_independent():
    torch.manual_seed(0)
    kept = (Dropout(0.5)(torch.ones(1_000_000)) != 0).float()
    for step in (1, 2, 3, 4):  # four of them come out of one draw
        assert torch.corrcoef(torch.stack([kept[:-step], kept[step:]]))[0, 1].abs() < 5e-3


def test_the_seed_decides():
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(Dropout(0.5)(torch.ones(101)))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_off_and_everything():
    x = torch.randn(7)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0)(x) is x
    assert torch.equal(Dropout(1.0)(x), torch.zeros(7))


def test_replaced_everywhere():
    module = replace_dropout(nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Dropout(0.3))))
    assert type(module[1][0]) is Dropout
    assert module[1][0].p == 0.3
