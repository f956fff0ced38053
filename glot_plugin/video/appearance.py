"""The colours of a person's clothes, which tell people apart who have come close to each other."""

import cv2
import numpy as np

_SHOULDERS, _HIPS, _KNEES = [11, 12], [23, 24], [25, 26]  # BlazePose's
_LARGE_DIFFERENCE = 40.0  # in CIELAB: other clothes


def clothes_colors(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Mean colours (2, 3) in CIELAB of trunk and thighs.

    Args:
        image: (H, W, 3) uint8 RGB.
        landmarks: (33, 2) BlazePose's, pixels.
    """
    along, across = (axis.reshape(-1, 1) for axis in np.meshgrid([0.25, 0.5, 0.75], [0.25, 0.5, 0.75]))
    left = (1 - along) * landmarks[_SHOULDERS[0]] + along * landmarks[_HIPS[0]]
    right = (1 - along) * landmarks[_SHOULDERS[1]] + along * landmarks[_HIPS[1]]
    trunk = (1 - across) * left + across * right  # (9, 2)
    part = np.array([0.3, 0.5, 0.7])[:, None, None]
    thighs = ((1 - part) * landmarks[_HIPS] + part * landmarks[_KNEES]).reshape(-1, 2)
    return np.stack([_mean_color(image, trunk), _mean_color(image, thighs)])


def color_difference(one: np.ndarray, other: np.ndarray) -> float:
    """How differently two people are dressed: 0 alike, 1 in other colours."""
    return min(float(np.linalg.norm(one - other, axis=-1).mean()) / _LARGE_DIFFERENCE, 1.0)


def _mean_color(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    x, y = np.clip(points.round().astype(int), 0, np.array(image.shape[1::-1]) - 1).T
    colors = image[y, x].astype(np.float32)[None] / 255  # (1, K, 3)
    return cv2.cvtColor(colors, cv2.COLOR_RGB2LAB)[0].mean(axis=0)
