"""From the camera of the crop to that of the full picture."""

from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from glot_plugin.body_model.camera import project
from glot_plugin.errors import InputError
from glot_plugin.features.crops import BOX_SCALE

LEAST_DEPTH = 0.1  # metres: nobody stands closer to the lens


def guess_focal_length(size: tuple[int, int]) -> float:
    """The usual guess for an unknown camera: the diagonal of the picture in pixels (a field of view of 53 degrees)."""
    return float(np.hypot(*size))


def exif_focal_length(picture: str | Path) -> float | None:
    """The focal length in pixels that a photo's EXIF data give (for 35 mm film, 36 mm wide), or None."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(picture) as image:
            film = image.getexif().get_ifd(0x8769).get(0xA405)  # FocalLengthIn35mmFilm
            longer = max(image.size)
    except (OSError, UnidentifiedImageError, ValueError):
        return None
    return float(film) / 36 * longer if film else None


def crop_to_picture(points: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Pixels of the full picture (N, J, 2) of points (N, J, 2) in the crops, [-1, 1], of boxes (N, 4)."""
    half = (BOX_SCALE / 2 * box[:, 2:].max(axis=1))[:, None, None]
    return box[:, None, :2] + half * points


def project_to_picture(
    joints3d: np.ndarray, translation: np.ndarray, focal_length: float, size: tuple[int, int]
) -> np.ndarray:
    """Perspective: joints (N, J, 3) at translations (N, 3) to pixels (N, J, 2) of the full picture."""
    points = joints3d + translation[:, None]
    return focal_length * points[..., :2] / points[..., 2:] + np.asarray(size) / 2


def crop_orientation(box: np.ndarray, focal_length: float, size: tuple[int, int]) -> np.ndarray:
    """From the axes of the cameras that look at the middles of crops to those of the picture's camera.

    A network sees a crop as if its camera looked straight at the person. Somebody at the side of the picture is looked
    at from the side by as much as the ray through them is off the picture's axis.

    Args:
        box: (N, 4) centre x, centre y, width, height in pixels.
        focal_length: Of the full picture, pixels.
        size: Width and height of the full picture, pixels.

    Returns:
        (N, 3, 3), the shortest rotations that take the axis to the rays.
    """
    off = (box[:, :2] - np.asarray(size) / 2) / focal_length
    length = np.linalg.norm(off, axis=1, keepdims=True)
    axis = np.concatenate([-off[:, 1:], off[:, :1], 0 * length], axis=1) / np.maximum(length, 1e-9)
    return Rotation.from_rotvec(axis * np.arctan(length)).as_matrix()


def fitted_translation(
    points3d: np.ndarray, pixels: np.ndarray, weight: np.ndarray, focal_length: float, size: tuple[int, int]
) -> np.ndarray:
    """The translations whose perspective projections come closest to pixels.

    Linear least squares in x, y and z of `f (X + x) = u (Z + z)`: depth follows from the size of the person, and people
    of one picture come to stand in the right order.

    Args:
        points3d: (N, J, 3) metres, axes as the camera's.
        pixels: (N, J, 2) where they are in the full picture.
        weight: (N, J) of each point.
        focal_length: Of the full picture, pixels.
        size: Width and height of the full picture, pixels; the principal point is its middle.

    Returns:
        (N, 3) metres, camera coordinates (x right, y down, z away).

    Raises:
        InputError: The focal length is not positive.
    """
    if not focal_length > 0:
        raise InputError(f'focal length {focal_length}: expected a positive number of pixels')
    u = pixels - np.asarray(size) / 2  # (N, J, 2)
    one = np.ones_like(u[..., 0])
    rows_x = np.stack([focal_length * one, 0 * one, -u[..., 0]], axis=-1)
    rows_y = np.stack([0 * one, focal_length * one, -u[..., 1]], axis=-1)
    matrix = np.concatenate([rows_x, rows_y], axis=1)  # (N, 2 J, 3)
    right = u * points3d[..., 2:] - focal_length * points3d[..., :2]
    right = np.concatenate([right[..., 0], right[..., 1]], axis=1)[..., None]
    weighted = (matrix * np.concatenate([weight, weight], axis=1)[..., None]).swapaxes(1, 2)
    translation = np.linalg.solve(weighted @ matrix, weighted @ right)[..., 0]
    # Points that are mirrored or huge (a bad crop) must not put anybody behind the lens.
    nearest = points3d[..., 2].min(axis=1)
    translation[:, 2] = np.maximum(translation[:, 2], LEAST_DEPTH - nearest)
    return translation


def crop_pixels(joints3d: np.ndarray, camera: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Where the crops' weak-perspective cameras (N, 3) see joints (N, J, 3): (N, J, 2) pixels of the full picture."""
    in_crop = project(torch.from_numpy(joints3d), torch.from_numpy(camera)).numpy()
    return crop_to_picture(in_crop, box)
