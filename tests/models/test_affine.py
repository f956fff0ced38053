import torch
from torch import nn

from glot_plugin.models.affine import affine_matrix, in_double


def test_layers_become_one_matrix():
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(5, 7), nn.Dropout(0.5), nn.Linear(7, 3))
    double = in_double(layers)
    matrix, offset = affine_matrix(double, 5)
    assert (matrix.shape, offset.shape, matrix.dtype) == ((3, 5), (3,), torch.float64)
    x = torch.randn(4, 5)
    torch.testing.assert_close((x.double() @ matrix.T + offset).float(), layers.eval()(x))


def test_a_copy_is_taken():
    layers = nn.Sequential(nn.Linear(5, 7), nn.Dropout(0.5))
    double = in_double(layers)
    assert not double.training
    assert layers.training
    assert layers[0].weight.dtype == torch.float32
    assert double[0].weight.data_ptr() != layers[0].weight.data_ptr()
