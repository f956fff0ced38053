"""The pose that landmarks give in closed form: rotations between the parts of the body that they span.

Good where the landmarks are good: what a network then learns is how landmarks err, rather than geometry.
"""

import torch
from torch import Tensor, nn

from glot_plugin.body_model.joint_sets import center_at
from glot_plugin.errors import InputError
from glot_plugin.features.landmarks import FEATURE_DIM, LANDMARK_HIPS, LANDMARK_NAMES, NUM_LANDMARKS, WORLD_UNIT
from glot_plugin.registry import MODELS
from glot_plugin.structures import SmplParams, rotmat_to_rot6d

NUM_ROTATIONS = 13  # pelvis, chest, head; of each side upper arm, forearm, thigh, shin and foot
_STRAIGHT = 0.15  # sine of the bend below which an elbow or knee says little about the twist of its limb
_LEFT_TO_X = {'left': 1, 'right': -1}  # which way the arms of SMPL's rest pose point
# Where the rotations go among SMPL's 24 joints; those of chest and head are shared by several.
_SPINE, _NECK = (3, 6, 9), (12, 15)
_LIMBS = (16, 18, 1, 4, 7, 17, 19, 2, 5, 8)
_LEAST_SCALE = 0.3  # of cameras: the landmarks fill their crop, and nobody is 5 m tall
LEAST_WEIGHT = 0.05  # of a landmark that is not visible, beside 1 of one that is
_PELVIS_Y, _HIPS_BELOW_PELVIS = -0.22, 0.08  # metres, of SMPL's mean body about its origin


def _unit(vectors: Tensor) -> Tensor:
    return vectors / (vectors.norm(dim=-1, keepdim=True) + 1e-6)


def _frame(first: Tensor, second: Tensor) -> Tensor:
    """Axes as columns (..., 3, 3): the first axis along `first`, the second towards `second` (..., 3)."""
    first = _unit(first)
    second = _unit(second - (first * second).sum(-1, keepdim=True) * first)
    return torch.stack([first, second, torch.linalg.cross(first, second)], dim=-1)


def _swung(axis: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """Where the shortest rotation from `start` to `end` (..., 3, unit vectors) takes `axis` (..., 3)."""
    normal = torch.linalg.cross(start, end)
    cosine = (start * end).sum(-1, keepdim=True)
    turned = torch.linalg.cross(normal, axis)
    return axis + turned + torch.linalg.cross(normal, turned) / (1.05 + cosine)


def limb_frames(
    parent: Tensor, along: int, sign: int, hinge: int, upper: Tensor, lower: Tensor
) -> tuple[Tensor, Tensor]:
    """Orientations (..., 3, 3) of both parts of a limb.

    Args:
        parent: (..., 3, 3) orientation of what the limb hangs on.
        along: The axis that the limb lies along in the rest pose: 0 for arms, 1 for legs.
        sign: 1 if it points that way there, -1 if the other.
        hinge: Sign of the other one of the two axes, which elbow or knee turns about.
        upper: (..., 3) along the upper arm or thigh.
        lower: (..., 3) along the forearm or shin.
    """
    upper, lower = _unit(upper), _unit(lower)
    usual = _swung(parent[..., 1 - along], sign * parent[..., along], upper)
    axis = hinge * torch.linalg.cross(upper, lower) + _STRAIGHT * usual
    frames = (_frame(sign * part, axis) for part in (upper, lower))
    first, second = (frame if along == 0 else _swap_first_two(frame) for frame in frames)
    return first, second


def _swap_first_two(frame: Tensor) -> Tensor:
    """The frame (..., 3, 3) whose first two axes are those of another in the other order."""
    return torch.stack([frame[..., 1], frame[..., 0], -frame[..., 2]], dim=-1)


def landmark_rotations(world: Tensor) -> Tensor:
    """Rotations (..., 13, 3, 3) in the sense of SMPL that landmarks (..., 21, 3) span.

    Pelvis (in the camera's axes), chest, head; then of the left and of the right side upper arm, forearm, thigh, shin
    and foot, each relative to what it hangs on. Where landmarks coincide, the result is finite but no rotation.
    """
    at = {name: world[..., i, :] for i, name in enumerate(LANDMARK_NAMES)}
    middle = {part: (at[f'left_{part}'] + at[f'right_{part}']) / 2 for part in ('hip', 'shoulder', 'ear')}
    up = middle['shoulder'] - middle['hip']
    pelvis = _frame(at['left_hip'] - at['right_hip'], up)
    chest = _swap_first_two(_frame(up, at['left_shoulder'] - at['right_shoulder']))
    across, ahead = at['left_ear'] - at['right_ear'], at['nose'] - middle['ear']
    head = _frame(across, torch.linalg.cross(ahead, across))
    rotations = [pelvis, _relative(pelvis, chest), _relative(chest, head)]
    for side, sign in _LEFT_TO_X.items():
        joints = {part: at[f'{side}_{part}'] for part in ('shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle')}
        upper_arm, forearm = limb_frames(
            chest, 0, sign, -sign, joints['elbow'] - joints['shoulder'], joints['wrist'] - joints['elbow']
        )
        thigh, shin = limb_frames(pelvis, 1, -1, 1, joints['knee'] - joints['hip'], joints['ankle'] - joints['knee'])
        sole = at[f'{side}_foot_index'] - at[f'{side}_heel']
        foot = _frame(shin[..., 0], torch.linalg.cross(sole, shin[..., 0]))
        rotations += [
            _relative(chest, upper_arm),
            _relative(upper_arm, forearm),
            _relative(pelvis, thigh),
            _relative(thigh, shin),
            _relative(shin, foot),
        ]
    return torch.stack(rotations, dim=-3)


def _relative(parent: Tensor, child: Tensor) -> Tensor:
    return parent.transpose(-1, -2) @ child


def fitted_camera(points: Tensor, crop: Tensor, weight: Tensor) -> Tensor:
    """The weak-perspective cameras (s, tx, ty) (..., 3) that take points to the crop best.

    Args:
        points: (..., J, 3) metres.
        crop: (..., J, 2), [-1, 1] over the crop.
        weight: (..., J) of each point.
    """
    weight = weight[..., None] / (weight.sum(-1)[..., None, None] + 1e-6)
    points_mean = (weight * points[..., :2]).sum(-2, keepdim=True)
    crop_mean = (weight * crop).sum(-2, keepdim=True)
    spread = points[..., :2] - points_mean
    scale = (weight * spread * (crop - crop_mean)).sum((-1, -2)) / ((weight * spread**2).sum((-1, -2)) + 1e-6)
    scale = scale.clamp(min=_LEAST_SCALE)
    shift = crop_mean[..., 0, :] / scale[..., None] - points_mean[..., 0, :]
    return torch.cat([scale[..., None], shift], dim=-1)


def split_tensor(features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """World (..., 21, 3) in metres about the hips, crop coordinates (..., 21, 2) and visibilities (..., 21)."""
    world, crop, visibility = features.split([3 * NUM_LANDMARKS, 2 * NUM_LANDMARKS, NUM_LANDMARKS], dim=-1)
    world, crop = WORLD_UNIT * world.unflatten(-1, (NUM_LANDMARKS, 3)), crop.unflatten(-1, (NUM_LANDMARKS, 2))
    return center_at(world, world, LANDMARK_HIPS), crop, visibility.clamp(0, 1)


def smooth_landmarks(points: Tensor, weight: Tensor, neighbour: float) -> Tensor:
    """Means of each frame, which counts 1, and the one before and after, which count `neighbour`.

    Args:
        points: (..., F, J, D) of F frames.
        weight: (..., F, J), how much each point counts beside others; positive.
        neighbour: From 0, which changes nothing, to 1.
    """
    apart = torch.arange(points.shape[-3], device=points.device)
    apart = (apart[:, None] - apart).abs()  # (F, F)
    kernel = (apart == 0).to(points) + neighbour * (apart == 1).to(points)
    total = torch.einsum('fg,...gj->...fj', kernel, weight)
    return torch.einsum('fg,...gjd->...fjd', kernel, weight[..., None] * points) / total[..., None]


@MODELS.register_module()
class LandmarkPose(nn.Module):
    """SMPL parameters that landmarks give in closed form: pose and camera of a body of mean shape.

    Spine and neck share the rotations of chest and head evenly; collars, wrists, hands and toes stay as they rest.

    Args:
        in_dim: Width of the features: 126.
        neighbour: How much the 3D landmarks of the frame before and after count beside the frame's own, 0 to 1: more
            takes away more of their jitter, and of fast movement. The camera is each frame's own, as its crop is.
    """

    reach = 1  # frames on either side that a frame's pose depends on

    def __init__(self, in_dim: int = FEATURE_DIM, neighbour: float = 0.5) -> None:
        super().__init__()
        if in_dim != FEATURE_DIM:
            raise InputError(f'LandmarkPose: in_dim is {in_dim}, expected the {FEATURE_DIM} of landmark features')
        self.neighbour = neighbour

    def forward(self, features: Tensor) -> SmplParams:
        """Parameters (..., F, ...) of features (..., F, 126) of F consecutive frames."""
        with torch.autocast(features.device.type, enabled=False):
            world, crop, visibility = split_tensor(features.float())
            weight = visibility + LEAST_WEIGHT
            world = smooth_landmarks(world, weight, self.neighbour)
            rotations = landmark_rotations(world)
            pose6d = rotmat_to_rot6d(_smpl_rotations(rotations))
            camera = fitted_camera(world, crop, weight)
            # The camera is of points about the hips; SMPL's are about an origin above its pelvis.
            hips = -_HIPS_BELOW_PELVIS * rotations[..., 0, :2, 1]
            x, y = (camera[..., 1:] - hips).split(1, dim=-1)
            betas = camera.new_zeros(*camera.shape[:-1], 10)
            return SmplParams(pose6d, betas, torch.cat([camera[..., :1], x, y - _PELVIS_Y], dim=-1))


def _smpl_rotations(rotations: Tensor) -> Tensor:
    """Matrices (..., 24, 3, 3) whose first two columns give the rotations of SMPL's joints, from the 13."""
    pelvis, chest, head, *limbs = rotations.unbind(-3)
    rest = torch.eye(3, device=rotations.device).expand_as(pelvis)
    joints = [rest] * 24
    joints[0] = pelvis
    for joint in _SPINE:
        joints[joint] = (2 * rest + chest) / 3
    for joint in _NECK:
        joints[joint] = (rest + head) / 2
    for joint, rotation in zip(_LIMBS, limbs, strict=True):
        joints[joint] = rotation
    return torch.stack(joints, dim=-3)
