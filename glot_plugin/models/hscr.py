"""Hierarchical spatial correlation regressor (HSCR, section 3.3 of the paper), over any kinematic tree."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glot_plugin.body_model.joint_sets import SMPL_PARENTS
from glot_plugin.errors import InputError
from glot_plugin.models.dropout import Dropout
from glot_plugin.models.iterative_regressor import DECODER_GAIN
from glot_plugin.models.layers import init_linear
from glot_plugin.registry import MODELS
from glot_plugin.structures import SmplParams

# Step in the flattened pose between what two consecutive joints read as their own rotation.
OWN_ROTATION_STEP = {'published': 1, 'joint': 6}


def joint_ancestors(parents: Sequence[int]) -> list[list[int]]:
    """The ancestors of each joint, from the root to its parent.

    Raises:
        InputError: A parent does not come before its child (-1 marks a root).
    """
    ancestors: list[list[int]] = []
    for joint, parent in enumerate(parents):
        if not -1 <= parent < joint:
            raise InputError(f'parents[{joint}] = {parent}: expected -1 (a root) or a joint before {joint}')
        ancestors.append([] if parent == -1 else [*ancestors[parent], parent])
    return ancestors


class JointCorrections(nn.Module):
    """One linear layer per joint: [hidden, corrections of its ancestors, its own 6D rotation] → its 6D correction.

    All joints are solved for at once. With the ancestors' weights of all layers in one strictly lower block-triangular
    matrix A, the corrections c satisfy c = b + A c, where b is the contribution of hidden and own rotation.

    Args:
        hidden_dim: Width of the hidden layer.
        parents: Parent of each joint, -1 for a root.
        own_rotation: See `HSCR`.
    """

    def __init__(self, hidden_dim: int, parents: Sequence[int], own_rotation: str = 'published') -> None:
        super().__init__()
        if own_rotation not in OWN_ROTATION_STEP:
            raise InputError(f"own_rotation={own_rotation!r}: expected 'published' or 'joint'")
        ancestors = joint_ancestors(parents)
        self.hidden_dim, self.has_ancestors = hidden_dim, any(ancestors)
        self.own_step = OWN_ROTATION_STEP[own_rotation]
        self.joints = nn.ModuleList(nn.Linear(hidden_dim + 6 * len(above) + 6, 6) for above in ancestors)
        self.apply(init_linear)
        for layer in self.joints:
            nn.init.xavier_uniform_(layer.weight, gain=DECODER_GAIN)
        self.register_buffer('places', self._places(ancestors), persistent=False)

    def _places(self, ancestors: list[list[int]]) -> Tensor:
        """Where the weights of all layers, flattened one after the other, stand in the two matrices of `_matrices`."""
        width = 6 * len(ancestors)
        columns = self.hidden_dim + width
        places = []
        for joint, above in enumerate(ancestors):
            rows = torch.arange(6 * joint, 6 * joint + 6)[:, None]
            own = self.hidden_dim + self.own_step * joint + torch.arange(6)
            above = torch.tensor([6 * ancestor + number for ancestor in above for number in range(6)], dtype=torch.long)
            hidden = rows * columns + torch.arange(self.hidden_dim)
            above = width * columns + rows * width + above
            places.append(torch.cat([hidden, above, rows * columns + own], dim=1).flatten())
        return torch.cat(places)

    def forward(self, hidden: Tensor, pose6d: Tensor) -> Tensor:
        """Corrections (..., J * 6) from hidden (..., hidden_dim) and 6D rotations (..., J * 6)."""
        direct, of_ancestors = self._matrices()
        bias = torch.cat([layer.bias for layer in self.joints])
        base = F.linear(torch.cat([hidden, pose6d], dim=-1), direct, bias)
        if not self.has_ancestors:
            return base
        # Solving requires full precision, and has no half-precision kernel.
        with torch.autocast(base.device.type, enabled=False):
            full = torch.promote_types(base.dtype, torch.float32)
            # Ones on the diagonal are implied.
            solved = torch.linalg.solve_triangular(
                -of_ancestors.to(full), base.to(full).flatten(0, -2).T, upper=False, unitriangular=True
            )
        return solved.T.view_as(base)

    def _matrices(self) -> tuple[Tensor, Tensor]:
        """The layers' weights of [hidden, pose6d] (J * 6, hidden_dim + J * 6), and A (J * 6, J * 6)."""
        width = 6 * len(self.joints)
        sizes = [width * (self.hidden_dim + width), width * width]
        values = torch.cat([layer.weight.flatten() for layer in self.joints])
        direct, of_ancestors = values.new_zeros(sum(sizes)).index_copy(0, self.places, values).split(sizes)
        return direct.view(width, -1), of_ancestors.view(width, -1)


@MODELS.register_module()
class HSCR(nn.Module):
    """Corrects SMPL parameters, each joint knowing the corrections of its ancestors in the kinematic tree.

    Args:
        in_dim: Width of the feature (the local branch's f_gl).
        hidden_dim: Width of the two hidden layers (pose, shape); they have no activation.
        dropout: Dropout of both hidden layers in training.
        parents: Parent of each joint, -1 for a root; a parent comes before its children. SMPL's 24 joints by default.
        num_betas: Shape components.
        own_rotation: Which six numbers of the flattened pose are joint i's own rotation. `published` reads i … i + 5,
            as the original code does and its weights require; `joint` reads 6 i … 6 i + 5, as the paper says.
    """

    def __init__(
        self,
        in_dim: int = 256,
        hidden_dim: int = 1024,
        dropout: float = 0.25,
        parents: Sequence[int] = SMPL_PARENTS,
        num_betas: int = 10,
        own_rotation: str = 'published',
    ) -> None:
        super().__init__()
        self.hidden_pose = nn.Linear(in_dim + 6 * len(parents), hidden_dim)
        self.hidden_shape = nn.Linear(in_dim + num_betas, hidden_dim)
        self.dropout = Dropout(dropout)
        self.correct_betas = nn.Linear(hidden_dim, num_betas)
        self.correct_camera = nn.Linear(2 * hidden_dim + 3, 3)
        self.apply(init_linear)
        for decoder in (self.correct_betas, self.correct_camera):
            nn.init.xavier_uniform_(decoder.weight, gain=DECODER_GAIN)
        self.correct_pose = JointCorrections(hidden_dim, parents, own_rotation)

    def forward(self, feature: Tensor, params: SmplParams) -> SmplParams:
        """Corrected parameters.

        Args:
            feature: (..., in_dim).
            params: Parameters (...) to correct. Gradients flow into them unless they are detached.
        """
        hidden_pose = self.dropout(self.hidden_pose(torch.cat([feature, params.pose6d], dim=-1)))
        hidden_shape = self.dropout(self.hidden_shape(torch.cat([feature, params.betas], dim=-1)))
        return SmplParams(
            params.pose6d + self.correct_pose(hidden_pose, params.pose6d),
            params.betas + self.correct_betas(hidden_shape),
            params.camera + self.correct_camera(torch.cat([hidden_pose, hidden_shape, params.camera], dim=-1)),
        )


@MODELS.register_module()
class ResidualRegressor(HSCR):
    """The residual regressor of the paper's ablation: HSCR over a tree without edges, so that joints are independent.

    Args:
        in_dim, hidden_dim, dropout, num_betas, own_rotation: As for `HSCR`.
        num_joints: Number of joints.
    """

    def __init__(
        self,
        in_dim: int = 256,
        hidden_dim: int = 1024,
        dropout: float = 0.25,
        num_joints: int = 24,
        num_betas: int = 10,
        own_rotation: str = 'published',
    ) -> None:
        super().__init__(in_dim, hidden_dim, dropout, (-1,) * num_joints, num_betas, own_rotation)
