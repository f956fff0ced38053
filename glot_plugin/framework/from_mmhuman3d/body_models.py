"""mmhuman3d's SMPL with the methods of our `SMPLBody`."""

import torch
from mmhuman3d.core.conventions.keypoints_mapping import get_mapping
from mmhuman3d.models.body_models.smpl import SMPL, GenderedSMPL, HybrIKSMPL
from torch import Tensor, nn

from glot_plugin.adapters import as_body_model
from glot_plugin.body_model.joint_sets import H36M14, MPI17, SPIN49_OF_54
from glot_plugin.errors import InputError

# Our joint sets that an SMPL's keypoints contain, by its `keypoint_dst`.
JOINTS_OF_CONVENTION: dict[str, dict[str, tuple[int, ...]]] = {
    'smpl_54': {
        'spin49': SPIN49_OF_54,
        'mpi17': tuple(SPIN49_OF_54[joint] for joint in MPI17),
        'smpl24': tuple(range(24)),
    },
    'smpl_49': {'spin49': tuple(range(49)), 'mpi17': MPI17},
    'h36m': {'h36m17': tuple(range(17)), 'h36m14': H36M14},
    'smpl_45': {'smpl24': tuple(range(24))},
    'smpl_24': {'smpl24': tuple(range(24))},
}
# How to build an SMPL whose keypoints are a joint set.
KEYS_OF_JOINT_SET = {
    'spin49': "keypoint_src='smpl_54', keypoint_dst='smpl_54', extra_joints_regressor='…/J_regressor_extra.npy'",
    'h36m17': "keypoint_src='h36m', keypoint_dst='h36m', joints_regressor='…/J_regressor_h36m.npy'",
    'smpl24': "keypoint_src='smpl_45', keypoint_dst='smpl_45'",
}
KEYS_OF_JOINT_SET |= {'mpi17': KEYS_OF_JOINT_SET['spin49'], 'h36m14': KEYS_OF_JOINT_SET['h36m17']}


class FrameworkBody(nn.Module):
    """mmhuman3d's SMPL as one of our body models.

    It builds the mesh even for joints alone, and gives the joint sets of its own `keypoint_dst`
    (`JOINTS_OF_CONVENTION`). Its tensors become buffers that are kept out of checkpoints, like `SMPLBody`'s; smplx
    makes the default pose and shape parameters, which an optimizer would take for weights.

    Args:
        model: The SMPL; its parameters and buffers are changed in place.
        chunk: Meshes in memory at a time where no gradients are needed.
    """

    def __init__(self, model: SMPL, chunk: int = 256) -> None:
        super().__init__()
        self.model, self.chunk = model, chunk
        conventions = (model.keypoint_src, model.keypoint_dst)
        # mmhuman3d leaves joints zero that have no counterpart of the same name.
        self._given = set(range(model.num_joints))
        if conventions[0] != conventions[1]:
            self._given = set(get_mapping(*conventions, approximate=model.keypoint_approximate)[0])
        for module in model.modules():
            tensors = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
            for name, tensor in tensors:
                delattr(module, name)
                module.register_buffer(name, tensor.detach(), persistent=False)

    @property
    def faces(self):
        """(13776, 3), vertices of each triangle."""
        return self.model.faces

    @property
    def v_template(self) -> Tensor:
        """(6890, 3), the mean shape at rest, metres."""
        return self.model.v_template

    def joints(self, rotmat: Tensor, betas: Tensor, joint_set: str = 'spin49') -> Tensor:
        """Joints (..., J, 3) in metres of rotations (..., 24, 3, 3) and betas (..., 10); see `SMPLBody.joints`.

        Raises:
            InputError: The SMPL's keypoints are of another convention.
        """
        convention = self.model.keypoint_dst
        picked = JOINTS_OF_CONVENTION.get(convention, {}).get(joint_set)
        if picked is None:
            raise InputError(
                f'body_model {type(self.model).__name__} with keypoint_dst={convention!r} has no joints {joint_set!r}; '
                f'expected {KEYS_OF_JOINT_SET.get(joint_set, "one of " + ", ".join(KEYS_OF_JOINT_SET))}'
            )
        absent = set(picked) - self._given
        if absent:
            raise InputError(
                f'body_model {type(self.model).__name__}: keypoint_src={self.model.keypoint_src!r} leaves '
                f'{len(absent)} of the {len(picked)} joints {joint_set!r} zero in keypoint_dst={convention!r}; '
                f'expected keypoint_approximate=True, or {KEYS_OF_JOINT_SET[joint_set]}'
            )
        return self._run(rotmat, betas, 'joints')[..., list(picked), :]

    def vertices(self, rotmat: Tensor, betas: Tensor) -> Tensor:
        """The mesh (..., 6890, 3) in metres of rotations (..., 24, 3, 3) and betas (..., 10)."""
        return self._run(rotmat, betas, 'vertices')

    def forward(self, rotmat: Tensor, betas: Tensor) -> Tensor:
        """The 49 joints (..., 49, 3)."""
        return self.joints(rotmat, betas)

    def _run(self, rotmat: Tensor, betas: Tensor, output: str) -> Tensor:
        lead = rotmat.shape[:-3]
        rotmat, betas = rotmat.float().reshape(-1, 24, 3, 3), betas.float().reshape(-1, betas.shape[-1])
        chunk = len(rotmat) if torch.is_grad_enabled() else self.chunk
        parts = []
        with torch.autocast(rotmat.device.type, enabled=False):  # skinning in half precision costs millimetres
            for rotations, shape in zip(rotmat.split(chunk), betas.split(chunk), strict=True):
                bodies = self.model(
                    betas=shape, body_pose=rotations[:, 1:], global_orient=rotations[:, :1], pose2rot=False
                )
                parts.append(bodies[output])
        points = torch.cat(parts)
        return points.view(*lead, *points.shape[1:])


@as_body_model.register(SMPL)
def _(model: SMPL) -> FrameworkBody:
    return FrameworkBody(model)


@as_body_model.register(GenderedSMPL)
@as_body_model.register(HybrIKSMPL)
def _(model: nn.Module) -> nn.Module:
    raise InputError(
        f"body_model: mmhuman3d's {type(model).__name__} takes more than pose and shape; expected mmhuman3d.SMPL, with "
        "gender='male' or 'female' where it is not neutral"
    )
