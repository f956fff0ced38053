import pytest
import torch

from glot_plugin.body_model.joint_sets import SMPL_PARENTS
from glot_plugin.body_model.kinematic_chain import KinematicChain
from glot_plugin.errors import InputError
from glot_plugin.structures import rotvec_to_rotmat

HAND = (-1, 0, 0, 1, 2)


def joint_after_joint(parents, rotmat, offsets):
    rotations, positions = [rotmat[0]], [offsets[0]]
    for joint, parent in enumerate(parents[1:], start=1):
        turned = torch.einsum('ijn,jn->in', rotations[parent], offsets[joint])
        positions.append(positions[parent] + turned)
        rotations.append(torch.einsum('ijn,jkn->ikn', rotations[parent], rotmat[joint]))
    return torch.stack(rotations), torch.stack(positions)


@pytest.mark.parametrize('parents', [SMPL_PARENTS, HAND, (-1, 0), (-1,)])
def test_equals_joint_after_joint(parents):
    """Values, and gradients down to rotation vectors: both functions see rotations only."""
    chain = KinematicChain(parents).double()
    generator = torch.Generator().manual_seed(0)
    rotvec = torch.randn(6, len(parents), 3, dtype=torch.float64, generator=generator, requires_grad=True)
    offsets = torch.randn(len(parents), 3, 6, dtype=torch.float64, generator=generator, requires_grad=True)
    rotmat = rotvec_to_rotmat(rotvec).permute(1, 2, 3, 0)
    results, gradients = [], []
    for function in (chain, lambda *inputs: joint_after_joint(parents, *inputs)):
        rotations, positions = function(rotmat, offsets)
        loss = (rotations.sin() + rotations.square()).sum() + (positions**3).sum()
        results.append((rotations, positions))
        gradients.append(torch.autograd.grad(loss, (rotvec, offsets), retain_graph=True))
    torch.testing.assert_close(*results)
    torch.testing.assert_close(*gradients)
    with torch.no_grad():
        torch.testing.assert_close(chain(rotmat, offsets), results[0])


def test_parents_out_of_order():
    with pytest.raises(InputError, match='in the order of their distance from the root'):
        KinematicChain((-1, 0, 1, 0))
