"""Weak-perspective camera of SPIN and GLoT."""

import torch
from torch import Tensor

FOCAL_LENGTH = 5000.0
CROP_SIZE = 224.0


def camera_to_translation(camera: Tensor) -> Tensor:
    """Translation (..., 3), in metres, equivalent to the weak-perspective camera (s, tx, ty) (..., 3)."""
    scale, tx, ty = camera.unbind(-1)
    return torch.stack([tx, ty, 2 * FOCAL_LENGTH / (CROP_SIZE * scale + 1e-9)], dim=-1)


def project(points: Tensor, camera: Tensor) -> Tensor:
    """Project points (..., J, 3) in metres with cameras (..., 3) to (..., J, 2), about [-1, 1] inside the crop.

    This is a perspective projection with a focal length of 5000 and a distant subject; pixel offsets from the crop's
    centre are divided by half its side (112).
    """
    translated = points + camera_to_translation(camera)[..., None, :]
    return FOCAL_LENGTH / (CROP_SIZE / 2) * translated[..., :2] / translated[..., 2:]
