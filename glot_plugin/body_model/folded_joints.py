"""Joints regressed from the skinned mesh, without building the mesh.

A regressed joint is `sum_v J[j, v] * sum_k w[v, k] * (R_k p_v + t_k)`, with p_v the vertex after shape and pose blend
shapes, affine in (betas, pose features), and R_k, t_k the transform of bone k. The sum over vertices can be done once,
when the files are loaded: every pair (joint j, bone k) that shares a vertex leaves one point whose blend shapes are the
vertices' own, weighted by `J[j, v] * w[v, k]`. The result is exact, with a few hundred points instead of 6890.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from glot_plugin.body_model.smpl_files import SMPLArrays


class FoldedJoints(nn.Module):
    """Joints that are linear in the skinned mesh, folded with SMPL's blend shapes and skinning weights.

    Args:
        regressor: (J, V), any linear regressor over the mesh's vertices.
        model: The SMPL arrays to fold it with.
        select: Which joints to give, of the 24 kinematic ones followed by the J regressed ones; by default the latter.
    """

    def __init__(self, regressor: np.ndarray, model: SMPLArrays, select: Sequence[int] | None = None) -> None:
        super().__init__()
        num_bones = model.weights.shape[1]
        joints, bones, totals, bases = _pairs(regressor, model)
        pairs_of_joint = np.zeros((len(regressor), len(joints)))
        pairs_of_joint[joints, np.arange(len(joints))] = 1
        totals_of_bone = np.zeros((len(regressor), num_bones))
        totals_of_bone[joints, bones] = totals
        if select is not None:
            pairs_of_joint = np.concatenate([np.zeros((num_bones, len(joints))), pairs_of_joint])[list(select)]
            totals_of_bone = np.concatenate([np.eye(num_bones), totals_of_bone])[list(select)]
        basis = np.stack(bases).reshape(len(bases) * 3, -1)  # (P * 3, 1 + 10 + 216)
        num_betas = model.shapedirs.shape[-1]
        arrays = {
            'template': basis[:, :1],
            'shape_basis': basis[:, 1 : 1 + num_betas],
            'pose_basis': basis[:, 1 + num_betas :],
            'pairs_of_joint': pairs_of_joint,
            'totals_of_bone': totals_of_bone,
        }
        self.register_buffer('bones', torch.as_tensor(np.array(bones)), persistent=False)
        for name, array in arrays.items():
            self.register_buffer(name, torch.as_tensor(array).float().contiguous(), persistent=False)

    def forward(self, rotmat: Tensor, betas: Tensor, rotations: Tensor, positions: Tensor) -> Tensor:
        """The joints (J, 3, N) of N bodies, metres.

        Args:
            rotmat: (24, 3, 3, N), rotations relative to the parent joint.
            betas: (10, N).
            rotations, positions: (24, 3, 3, N) and (24, 3, N), from a `KinematicChain`.
        """
        shaped = torch.addmm(self.template, self.shape_basis, betas)
        points = torch.addmm(shaped, self.pose_basis, rotmat.flatten(0, 2)).unflatten(0, (-1, 3))  # (P, 3, N)
        # An elementwise product and a sum: hundreds of thousands of 3 x 3 products are slow as batched matmuls.
        turned = (rotations.index_select(0, self.bones) * points[:, None]).sum(2)  # (P, 3, N)
        joints = torch.addmm(self.totals_of_bone @ positions.flatten(1), self.pairs_of_joint, turned.flatten(1))
        return joints.unflatten(1, (3, -1))


def _pairs(regressor: np.ndarray, model: SMPLArrays) -> tuple[list[int], list[int], list[float], list[np.ndarray]]:
    """For every pair of joint and bone that share a vertex: joint, bone, weight, and basis (3, 1 + 10 + 216).

    The basis gives the pair's point relative to the bone's joint at rest, from a one, betas and all rotations.
    """
    identity = np.concatenate([np.zeros(9), np.tile(np.eye(3).ravel(), len(model.parents) - 1)])
    posedirs = np.concatenate([np.zeros((*model.posedirs.shape[:2], 9)), model.posedirs], axis=-1)  # the root has none
    blend = np.concatenate(
        [(model.v_template - posedirs @ identity)[..., None], model.shapedirs, posedirs], axis=-1
    )  # (V, 3, K)
    rest = np.concatenate([model.v_template[..., None], model.shapedirs], axis=-1)
    rest = np.tensordot(model.joint_regressor, rest, axes=1)  # (24, 3, 1 + 10)
    joints, bones, totals, bases = [], [], [], []
    for joint, row in enumerate(regressor):
        vertices = np.flatnonzero(row)
        shares = row[vertices, None] * model.weights[vertices]  # (n, bones)
        for bone in np.flatnonzero(np.any(shares != 0, axis=0)):
            basis = np.tensordot(shares[:, bone], blend[vertices], axes=1)
            basis[:, : rest.shape[-1]] -= shares[:, bone].sum() * rest[bone]
            joints.append(joint)
            bones.append(bone)
            totals.append(shares[:, bone].sum())
            bases.append(basis)
    return joints, bones, totals, bases
