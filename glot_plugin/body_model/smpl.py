"""SMPL: joints without building the mesh, and the mesh on request."""

from pathlib import Path

import numpy as np
import torch
from smplx.lbs import lbs
from smplx.vertex_ids import vertex_ids
from torch import Tensor, nn

from glot_plugin.body_model.folded_joints import FoldedJoints
from glot_plugin.body_model.joint_sets import H36M14, MPI17, PICKED21, SPIN49_OF_54
from glot_plugin.body_model.kinematic_chain import KinematicChain
from glot_plugin.body_model.smpl_files import (
    NUM_VERTICES,
    SMPLArrays,
    load_joint_regressor,
    load_smpl,
    smpl_file,
)
from glot_plugin.errors import InputError
from glot_plugin.registry import MODELS


@MODELS.register_module()
class SMPLBody(nn.Module):
    """The SMPL body of one gender, from the usual files.

    Its tensors are buffers that are kept out of checkpoints: the files are licensed, and every user has a copy.

    Args:
        model_dir: Folder with `SMPL_NEUTRAL.pkl` (or `_MALE`, `_FEMALE`; `.npz` too), `J_regressor_extra.npy` and
            `J_regressor_h36m.npy`.
        gender: `neutral`, `male` or `female`.
    """

    def __init__(self, model_dir: str | Path = 'data/body_models', gender: str = 'neutral') -> None:
        super().__init__()
        model = load_smpl(smpl_file(model_dir, gender))
        self.chain = KinematicChain(model.parents.tolist())
        self.spin49_joints = FoldedJoints(surface_regressor(model_dir), model, select=SPIN49_OF_54)
        self.h36m_joints = FoldedJoints(load_joint_regressor(Path(model_dir) / 'J_regressor_h36m.npy', 17), model)
        self.parents = model.parents.tolist()
        self.faces = model.faces  # (F, 3)
        self._register_buffers(model)

    def _register_buffers(self, model: SMPLArrays) -> None:
        from_parent = model.joint_regressor.copy()
        from_parent[1:] -= model.joint_regressor[model.parents[1:]]
        buffers = {
            'v_template': model.v_template,
            'shapedirs': model.shapedirs,
            'posedirs': model.posedirs.reshape(-1, model.posedirs.shape[-1]).T,  # (207, V * 3), as smplx expects it
            'joint_regressor': model.joint_regressor,
            'skinning_weights': model.weights,
            # A joint's place relative to its parent's, at rest.
            'rest_offsets': (from_parent @ model.v_template).reshape(-1, 1),  # (72, 1)
            'offset_shapedirs': np.tensordot(from_parent, model.shapedirs, axes=1).reshape(72, -1),  # (72, 10)
        }
        for name, array in buffers.items():
            tensor = torch.as_tensor(np.ascontiguousarray(array)).float()
            self.register_buffer(name, tensor, persistent=False)
        for name, index in {'h36m14': H36M14, 'mpi17': MPI17}.items():
            self.register_buffer(name, torch.as_tensor(index), persistent=False)

    def joints(self, rotmat: Tensor, betas: Tensor, joint_set: str = 'spin49') -> Tensor:
        """Joints of a set, without building the mesh.

        Args:
            rotmat: (..., 24, 3, 3), rotations relative to the parent joint.
            betas: (..., 10).
            joint_set: `smpl24` (kinematic), `spin49`, `h36m17`, `h36m14` (the paper's evaluation joints) or `mpi17`.

        Returns:
            (..., J, 3), metres.
        """
        if joint_set not in JOINT_SETS:
            raise InputError(f'joint set {joint_set!r}: expected one of {", ".join(JOINT_SETS)}')
        lead = rotmat.shape[:-3]
        # Skinning in half precision costs millimetres.
        with torch.autocast(rotmat.device.type, enabled=False):
            rotmat, betas = rotmat.float().reshape(-1, 24, 3, 3), betas.float().reshape(-1, betas.shape[-1])
            joints = self._joints(rotmat.permute(1, 2, 3, 0).contiguous(), betas.T, joint_set)  # (J, 3, N)
        return joints.permute(2, 0, 1).contiguous().view(*lead, joints.shape[0], 3)

    def _joints(self, rotmat: Tensor, betas: Tensor, joint_set: str) -> Tensor:
        offsets = torch.addmm(self.rest_offsets, self.offset_shapedirs, betas).unflatten(0, (24, 3))
        rotations, positions = self.chain(rotmat, offsets)
        if joint_set == 'smpl24':
            return positions
        fold = self.h36m_joints if joint_set.startswith('h36m') else self.spin49_joints
        joints = fold(rotmat, betas, rotations, positions)
        return joints.index_select(0, getattr(self, joint_set)) if joint_set in ('h36m14', 'mpi17') else joints

    def vertices(self, rotmat: Tensor, betas: Tensor) -> Tensor:
        """The mesh: (..., 6890, 3) in metres from rotations (..., 24, 3, 3) and betas (..., 10)."""
        lead = rotmat.shape[:-3]
        if 0 in lead:  # smplx takes one body at least
            return rotmat.new_zeros(*lead, NUM_VERTICES, 3, dtype=torch.float32)
        with torch.autocast(rotmat.device.type, enabled=False):
            vertices, _ = lbs(
                betas.float().reshape(-1, betas.shape[-1]),
                rotmat.float().reshape(-1, 24, 3, 3),
                self.v_template,
                self.shapedirs,
                self.posedirs,
                self.joint_regressor,
                torch.tensor(self.parents),  # on the CPU: smplx reads its values one by one
                self.skinning_weights,
                pose2rot=False,
            )
        return vertices.view(*lead, NUM_VERTICES, 3)

    def forward(self, rotmat: Tensor, betas: Tensor) -> Tensor:
        """The 49 joints (..., 49, 3)."""
        return self.joints(rotmat, betas)


JOINT_SETS = ('smpl24', 'spin49', 'h36m17', 'h36m14', 'mpi17')


def surface_regressor(model_dir: str | Path) -> np.ndarray:
    """Joints 24..53 of the 54 as a regressor over the vertices: 21 picked vertices, then J_regressor_extra's 9 rows."""
    picked = np.zeros((len(PICKED21), NUM_VERTICES))
    picked[np.arange(len(PICKED21)), [vertex_ids['smplh'][name] for name in PICKED21]] = 1
    return np.concatenate([picked, load_joint_regressor(Path(model_dir) / 'J_regressor_extra.npy', 9)])
