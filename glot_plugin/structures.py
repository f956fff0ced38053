"""Data structures passed between the parts."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def rot6d_to_rotmat(rot6d: Tensor) -> Tensor:
    """Rotation matrices (..., J, 3, 3) of 6D rotations (..., J * 6).

    Each group of six numbers is a 3 x 2 matrix in row-major order (as in HMR and SPIN). Its columns are
    orthonormalised; the third column is their cross product.
    """
    with torch.autocast(rot6d.device.type, enabled=False):
        first, second = rot6d.float().unflatten(-1, (-1, 3, 2)).unbind(-1)  # (..., J, 3)
        x = normalize(first)
        z = normalize(torch.linalg.cross(x, second))
        return torch.stack([x, torch.linalg.cross(z, x), z], dim=-1)


def normalize(vectors: Tensor) -> Tensor:
    """Vectors (..., 3) divided by their lengths."""
    if torch.is_grad_enabled() and vectors.requires_grad:
        return _Normalize.apply(vectors)
    return vectors / torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)


class _Normalize(torch.autograd.Function):
    """The gradient across the direction, divided by the length, in a third of the kernels of automatic gradients."""

    @staticmethod
    def forward(ctx, vectors: Tensor) -> Tensor:
        lengths = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
        directions = vectors / lengths
        ctx.save_for_backward(directions, lengths)
        return directions

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> Tensor:
        directions, lengths = ctx.saved_tensors
        along = (gradient * directions).sum(-1, keepdim=True)
        return torch.addcmul(gradient, along, directions, value=-1) / lengths


def rotvec_to_rotmat(rotvec: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) of rotation vectors (..., 3), radians, by Rodrigues' formula.

    `cos θ I + sin θ / θ [v]× + (1 - cos θ) / θ² v vᵀ` in the form that is exact at θ = 0, and with a third of the
    kernels of roma's `rotvec_to_rotmat`.
    """
    angle = torch.linalg.vector_norm(rotvec, dim=-1)[..., None, None]
    identity = torch.eye(3, dtype=rotvec.dtype, device=rotvec.device)
    # sinc(x) = sin(πx) / (πx), so that (1 - cos θ) / θ² = sinc(θ / 2π)² / 2.
    half = torch.sinc(angle / (2 * math.pi))
    outer = rotvec[..., :, None] * rotvec[..., None, :]
    cross = torch.linalg.cross(rotvec[..., :, None], identity.expand_as(outer), dim=-2)  # columns v × e_j
    return angle.cos() * identity + torch.sinc(angle / math.pi) * cross + 0.5 * half * half * outer


def rotmat_to_rot6d(rotmat: Tensor) -> Tensor:
    """6D rotations (..., J * 6) of rotation matrices (..., J, 3, 3): their first two columns."""
    return rotmat[..., :2].flatten(-3)


@dataclass
class SmplParams:
    """SMPL parameters of any number of bodies (leading dimensions `...`).

    Attributes:
        pose6d: (..., J * 6), 6D rotations of J joints (24 for SMPL) relative to their parents.
        betas: (..., 10), shape.
        camera: (..., 3), weak perspective (s, tx, ty).
    """

    pose6d: Tensor
    betas: Tensor
    camera: Tensor

    @property
    def rotmat(self) -> Tensor:
        """(..., J, 3, 3), recomputed on every access."""
        return rot6d_to_rotmat(self.pose6d)

    @property
    def flat(self) -> Tensor:
        """(..., J * 6 + 13): pose, shape and camera, in that order."""
        return torch.cat([self.pose6d, self.betas, self.camera], dim=-1)

    @classmethod
    def from_flat(cls, flat: Tensor) -> 'SmplParams':
        """Of numbers (..., J * 6 + 13) as in `flat`, as views."""
        return cls(*flat.split([flat.shape[-1] - 13, 10, 3], dim=-1))

    def map(self, function: Callable[[Tensor], Tensor]) -> 'SmplParams':
        """The same structure with `function` applied to each tensor."""
        return SmplParams(function(self.pose6d), function(self.betas), function(self.camera))

    def detach(self) -> 'SmplParams':
        return self.map(torch.detach)

    def __getitem__(self, index) -> 'SmplParams':
        return self.map(lambda tensor: tensor[index])

    @staticmethod
    def cat(parts: 'list[SmplParams]', dim: int = 0) -> 'SmplParams':
        """Concatenate along a leading dimension."""
        return SmplParams(
            *(torch.cat([getattr(p, name) for p in parts], dim=dim) for name in ('pose6d', 'betas', 'camera'))
        )


@dataclass
class HeadOutput:
    """Parameters that both branches predict for B windows.

    Attributes:
        global_params: (B, T, ...), the global branch's prediction for all frames.
        local_params: (B, F, ...), the local branch's for the F frames of `local_frames`; None without a local branch.
        frame_mask: (B, T) bool, True for masked frames; None if no frame was masked.
        local_frames: Which frames of the window `local_params` are for: the target frame and its neighbours, mid - 1,
            mid and mid + 1 as published; None without a local branch.
    """

    global_params: SmplParams
    local_params: SmplParams | None
    frame_mask: Tensor | None
    local_frames: slice | None
