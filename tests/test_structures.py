import math

import pytest
import roma
import torch

from glot_plugin.structures import rotvec_to_rotmat


@pytest.mark.parametrize('scale', [0.0, 1e-9, 1e-4, 0.5, 3.0, 50.0])
def test_rotation_vectors_are_those_of_roma(scale):
    rotvec = scale * torch.randn(5, 7, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    rotmat = rotvec_to_rotmat(rotvec)
    torch.testing.assert_close(rotmat, roma.rotvec_to_rotmat(rotvec, epsilon=1e-12), atol=1e-12, rtol=0)
    torch.testing.assert_close(rotmat @ rotmat.mT, torch.eye(3, dtype=torch.float64).expand_as(rotmat))


def test_half_a_turn_and_none():
    turned = rotvec_to_rotmat(torch.tensor([[0.0, 0.0, math.pi], [0.0, 0.0, 0.0]]))
    torch.testing.assert_close(turned[0], torch.diag(torch.tensor([-1.0, -1.0, 1.0])), atol=1e-6, rtol=0)
    assert torch.equal(turned[1], torch.eye(3))
