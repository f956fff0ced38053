import pytest
import torch
from torch import nn

from glot_plugin.benchmark.floor import matrix_products
from glot_plugin.models.packed_windows import PackedLinear, can_pack


@pytest.mark.parametrize('context', [torch.no_grad, torch.inference_mode])
def test_products_of_layers(context):
    layers = nn.Sequential(nn.Linear(5, 7), nn.GELU(), nn.Linear(7, 3, bias=False))
    x, batch = torch.randn(4, 2, 5), torch.randn(6, 4, 3)
    with context():
        floor = matrix_products(lambda: (layers(x), torch.bmm(batch, batch.mT)))
    assert floor.flop == 2 * (8 * 5 * 7 + 8 * 7 * 3 + 6 * 4 * 3 * 4)
    shapes = [operation(*arguments).shape for operation, arguments in floor.calls]
    assert [shape.numel() for shape in shapes] == [8 * 7, 8 * 3, 6 * 4 * 4]
    assert floor() is None


@pytest.mark.skipif(not can_pack(torch.float32), reason='this torch or processor cannot pack layers')
@torch.inference_mode()
def test_packed_products():
    layer, x = PackedLinear(torch.randn(7, 5), None, gelu='none'), torch.randn(4, 2, 5)
    floor = matrix_products(lambda: layer(x))
    ((operation, arguments),) = floor.calls
    assert (floor.flop, operation(*arguments).shape) == (2 * 8 * 5 * 7, (4, 2, 7))
    assert arguments[3] == 'none'  # the product alone
    assert floor() is None


def test_numbers_are_others():
    x = torch.zeros(4, 4)
    floor = matrix_products(lambda: x @ x)
    ((_, (left, right)),) = floor.calls
    assert left is right  # of one shape
    assert left.abs().sum() > 0
