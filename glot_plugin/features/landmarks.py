"""Body landmarks as features: which points, how a frame's landmarks become one vector, and the box they define.

BlazePose gives 33 landmarks; 21 of them have a counterpart among the 49 joints. A feature vector holds, for these 21,
their world coordinates (3D), their coordinates in the crop (2D) and their visibility: 21 * (3 + 2 + 1) = 126 numbers.
"""

from typing import NamedTuple

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.transforms.normalize import normalize_keypoints2d

# BlazePose's landmarks with a counterpart among the 49 joints, and these joints in the same order.
BLAZEPOSE21 = (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32)
SPIN49_OF_BLAZEPOSE21 = (0, 16, 15, 18, 17, 5, 2, 6, 3, 7, 4, 12, 9, 13, 10, 14, 11, 21, 24, 19, 22)
LANDMARK_NAMES = (
    'nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear', 'left_shoulder', 'right_shoulder', 'left_elbow',
    'right_elbow', 'left_wrist', 'right_wrist', 'left_hip', 'right_hip', 'left_knee', 'right_knee', 'left_ankle',
    'right_ankle', 'left_heel', 'right_heel', 'left_foot_index', 'right_foot_index',
)  # fmt: skip
NUM_LANDMARKS = len(BLAZEPOSE21)
LANDMARK_HIPS = (LANDMARK_NAMES.index('left_hip'), LANDMARK_NAMES.index('right_hip'))
FEATURE_DIM = 6 * NUM_LANDMARKS  # 126
WORLD_UNIT = 0.3  # metres; brings world coordinates to about unit variance
BOX_MARGIN = 1.1  # the landmarks end at the eyes, wrists and toes; the box holds head and hands too
_PARTS = (3 * NUM_LANDMARKS, 5 * NUM_LANDMARKS)  # where the 2D coordinates and the visibilities start


class Landmarks(NamedTuple):
    """What a feature vector says about a frame.

    Attributes:
        world: (..., 21, 3) metres, the middle of the hips at the origin; axes as the camera's: x to the right of the
            picture, y down, z away from the camera.
        crop: (..., 21, 2) x right and y down, [-1, 1] over the crop (`normalize_keypoints2d`).
        visibility: (..., 21) in [0, 1]; 0 where a frame was filled in.
    """

    world: np.ndarray
    crop: np.ndarray
    visibility: np.ndarray


def landmark_box(points2d: np.ndarray) -> np.ndarray:
    """The box of a person: the extent of the landmarks, `BOX_MARGIN` times as large about its middle.

    All 21 count whatever their visibility: hidden ones are estimates too, and a box that left them out would jump.

    Args:
        points2d: (..., 21, 2) pixels.

    Returns:
        (..., 4) centre x, centre y, width, height in pixels (at least 1).
    """
    low, high = points2d.min(axis=-2), points2d.max(axis=-2)
    return np.concatenate([(low + high) / 2, np.maximum(BOX_MARGIN * (high - low), 1)], axis=-1)


def landmark_features(
    world: np.ndarray, points2d: np.ndarray, visibility: np.ndarray, box: np.ndarray | None = None
) -> np.ndarray:
    """The feature vectors (..., 126) float32 of landmarks: world / 0.3 m, then crop coordinates, then visibilities.

    Args:
        world: (..., 21, 3) metres; the middle of the hips is moved to the origin.
        points2d: (..., 21, 2) pixels.
        visibility: (..., 21) in [0, 1].
        box: (..., 4) centre x, centre y, width, height in pixels; None: `landmark_box(points2d)`.
    """
    box = landmark_box(points2d) if box is None else box
    centred = world - world[..., LANDMARK_HIPS, :].mean(axis=-2, keepdims=True)
    crop = normalize_keypoints2d(np.concatenate([points2d, visibility[..., None]], axis=-1), box)[..., :2]
    lead = world.shape[:-2]
    parts = [(centred / WORLD_UNIT).reshape(*lead, -1), crop.reshape(*lead, -1), visibility]
    return np.concatenate(parts, axis=-1).astype(np.float32)


def split_landmark_features(features: np.ndarray) -> Landmarks:
    """The inverse of `landmark_features`: world coordinates in metres, crop coordinates and visibilities.

    Args:
        features: (..., 126).

    Raises:
        InputError: vectors of another width.
    """
    if features.shape[-1] != FEATURE_DIM:
        raise InputError(
            f'features are {features.shape[-1]} wide, expected the {FEATURE_DIM} of landmarks (--backbone blazepose)'
        )
    world, crop, visibility = np.split(features, _PARTS, axis=-1)
    lead = features.shape[:-1]
    return Landmarks(
        WORLD_UNIT * world.reshape(*lead, NUM_LANDMARKS, 3), crop.reshape(*lead, NUM_LANDMARKS, 2), visibility
    )
