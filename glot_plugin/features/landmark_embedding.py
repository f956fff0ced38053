"""What a network is told of landmarks: besides the numbers themselves, the pose that they give in closed form.

Relative rotations are far from linear in coordinates that turn with the whole body. So the landmarks are also given as
seen from the pelvis, with the rotations between the parts that they span, the lengths of bones and the camera that fits
them best. All of it is a fixed function of one frame; what to believe of it is learned.
"""

import torch
from torch import Tensor, nn

from glot_plugin.errors import InputError
from glot_plugin.features.landmark_pose import (
    LEAST_WEIGHT,
    NUM_ROTATIONS,
    fitted_camera,
    landmark_rotations,
    split_tensor,
)
from glot_plugin.features.landmarks import FEATURE_DIM, LANDMARK_NAMES, NUM_LANDMARKS, WORLD_UNIT
from glot_plugin.registry import MODELS
from glot_plugin.structures import rotmat_to_rot6d

_BONES = (
    ('left_hip', 'right_hip'),
    ('left_shoulder', 'right_shoulder'),
    *(
        (f'{side}_{one}', f'{side}_{other}')
        for side in ('left', 'right')
        for one, other in (
            ('shoulder', 'hip'),
            ('shoulder', 'elbow'),
            ('elbow', 'wrist'),
            ('hip', 'knee'),
            ('knee', 'ankle'),
            ('heel', 'foot_index'),
        )
    ),
)
_BONE_STARTS, _BONE_ENDS = ([LANDMARK_NAMES.index(name) for name in ends] for ends in zip(*_BONES, strict=True))
EMBEDDED_DIM = FEATURE_DIM + 3 * NUM_LANDMARKS + 6 * NUM_ROTATIONS + len(_BONES) + 3


def extend_landmarks(features: Tensor) -> Tensor:
    """Landmark features (..., 126) with what follows from each frame's: (..., 284).

    The landmarks' places as seen from the pelvis (in units of the features), the 6D rotations of `landmark_rotations`,
    the lengths of bones, and the camera of `fitted_camera`.
    """
    with torch.autocast(features.device.type, enabled=False):
        features = features.float()
        world, crop, visibility = split_tensor(features)
        rotations = landmark_rotations(world)
        seen_from_pelvis = (world @ rotations[..., 0, :, :]).flatten(-2) / WORLD_UNIT
        camera = fitted_camera(world, crop, visibility + LEAST_WEIGHT)
        points = world.unbind(-2)  # an index by a list would be copied to the device at every call
        starts, ends = (torch.stack([points[i] for i in joints], dim=-2) for joints in (_BONE_STARTS, _BONE_ENDS))
        lengths = (starts - ends).norm(dim=-1) / WORLD_UNIT
        return torch.cat([features, seen_from_pelvis, rotmat_to_rot6d(rotations), lengths, camera], dim=-1)


@MODELS.register_module()
class LandmarkEmbedding(nn.Module):
    """A linear layer over landmark features and what follows from them, see `extend_landmarks`.

    Args:
        in_dim: Width of the features: 126.
        out_dim: Width of the tokens.
    """

    def __init__(self, in_dim: int, out_dim: int) -> None:
        super().__init__()
        if in_dim != FEATURE_DIM:
            raise InputError(f'LandmarkEmbedding: in_dim is {in_dim}, expected the {FEATURE_DIM} of landmark features')
        self.proj = nn.Linear(EMBEDDED_DIM, out_dim)

    def forward(self, features: Tensor) -> Tensor:
        """Tokens (..., out_dim) of features (..., 126)."""
        return self.proj(extend_landmarks(features))
