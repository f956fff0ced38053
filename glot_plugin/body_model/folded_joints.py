"""Joints regressed from the skinned mesh, without building the mesh.

A regressed joint is `sum_v J[j, v] * sum_k w[v, k] * (R_k p_v + t_k)`, with p_v the vertex after shape and pose blend
shapes, affine in (betas, pose features), and R_k, t_k the transform of bone k. The sum over vertices can be done once,
when the files are loaded: every pair (joint j, bone k) that shares a vertex leaves one point whose blend shapes are the
vertices' own, weighted by `J[j, v] * w[v, k]`. The result is exact, with a few hundred points instead of 6890.
"""

import numpy as np
import torch
from torch import Tensor, nn

from glot_plugin.body_model.smpl_files import SMPLArrays


class FoldedJoints(nn.Module):
    """A joint regressor (J, V) folded with SMPL's blend shapes and skinning weights.

    Args:
        regressor: (J, V), any linear regressor over the mesh's vertices.
        model: The SMPL arrays to fold it with.
    """

    def __init__(self, regressor: np.ndarray, model: SMPLArrays) -> None:
        super().__init__()
        num_joints, num_bones = regressor.shape[0], model.weights.shape[1]
        blend = np.concatenate([model.v_template[..., None], model.shapedirs, model.posedirs], axis=-1)  # (V, 3, K)
        joints, bones, totals, bases = [], [], [], []
        for joint in range(num_joints):
            vertices = np.flatnonzero(regressor[joint])
            shares = regressor[joint, vertices, None] * model.weights[vertices]  # (n, bones)
            for bone in np.flatnonzero(np.any(shares != 0, axis=0)):
                joints.append(joint)
                bones.append(bone)
                totals.append(shares[:, bone].sum())
                bases.append(np.tensordot(shares[:, bone], blend[vertices], axes=1))  # (3, K)
        self.num_joints = num_joints
        pairs_of_joint = np.zeros((num_joints, len(joints)))
        pairs_of_joint[joints, np.arange(len(joints))] = 1
        totals_of_bone = np.zeros((num_joints, num_bones))
        totals_of_bone[joints, bones] = totals
        basis = np.stack(bases).reshape(len(bases) * 3, -1).T  # (K, P * 3)
        self.register_buffer('bones', torch.as_tensor(np.array(bones)), persistent=False)
        self.register_buffer('basis', torch.as_tensor(basis).float().contiguous(), persistent=False)
        self.register_buffer('pairs_of_joint', torch.as_tensor(pairs_of_joint).float(), persistent=False)
        self.register_buffer('totals_of_bone', torch.as_tensor(totals_of_bone).float(), persistent=False)

    def forward(self, coefficients: Tensor, transforms: Tensor) -> Tensor:
        """Regressed joints.

        Args:
            coefficients: (B, 1 + 10 + 207): a one, betas and pose features (R - I of joints 1..23, row-major).
            transforms: (B, 24, 4, 4), each bone's transform from the rest pose, metres.

        Returns:
            (B, J, 3), metres.
        """
        points = (coefficients @ self.basis).view(len(coefficients), -1, 3)  # (B, P, 3)
        rotations = transforms[:, self.bones, :3, :3]  # (B, P, 3, 3)
        # An elementwise product and a sum: hundreds of thousands of 3 x 3 products are slow as batched matmuls.
        rotated = (rotations * points[:, :, None, :]).sum(-1)  # (B, P, 3)
        return self.pairs_of_joint @ rotated + self.totals_of_bone @ transforms[:, :, :3, 3]
