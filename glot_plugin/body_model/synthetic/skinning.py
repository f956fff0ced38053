"""Skinning weights: every vertex belongs to its nearest bone, then the borders are smoothed along the surface.

Smoothing on the surface, not in space, keeps the two thighs and the fingers apart.
"""

import numpy as np

from glot_plugin.body_model.synthetic.anatomy import mirror, to_model
from glot_plugin.body_model.synthetic.mesh import neighbour_mean

MAX_BONES = 4
_SMOOTHING_STEPS = 14

# Bone: its joint in the tree, a segment (heights above the ground) and the flesh around it, metres.
_CENTRE_BONES = (
    (0, (-0.07, 0.950, -0.005), (0.07, 0.950, -0.005), 0.100),
    (0, (0.0, 0.870, -0.010), (0.0, 1.000, -0.010), 0.090),
    (3, (0.0, 1.070, -0.010), (0.0, 1.120, -0.010), 0.100),
    (6, (0.0, 1.190, -0.010), (0.0, 1.215, -0.010), 0.100),
    (9, (-0.05, 1.300, -0.010), (0.05, 1.300, -0.010), 0.100),
    (9, (0.0, 1.280, -0.010), (0.0, 1.400, -0.020), 0.080),
    (12, (0.0, 1.460, -0.035), (0.0, 1.530, -0.020), 0.056),
    (15, (0.0, 1.575, 0.000), (0.0, 1.640, 0.000), 0.062),
    (15, (0.0, 1.545, 0.050), (0.0, 1.600, 0.080), 0.030),
)
_LEFT_BONES = (
    (1, (0.090, 0.820, -0.005), (0.094, 0.490, 0.000), 0.080),
    (4, (0.094, 0.490, 0.000), (0.087, 0.085, -0.022), 0.080),
    (7, (0.086, 0.050, -0.030), (0.094, 0.035, 0.050), 0.072),
    (10, (0.100, 0.028, 0.100), (0.103, 0.018, 0.150), 0.072),
    (13, (0.070, 1.400, -0.025), (0.135, 1.395, -0.026), 0.075),
    (16, (0.200, 1.398, -0.028), (0.435, 1.395, -0.045), 0.055),
    (18, (0.435, 1.395, -0.045), (0.685, 1.400, -0.040), 0.055),
    (20, (0.685, 1.400, -0.040), (0.755, 1.398, -0.038), 0.050),
    (20, (0.705, 1.394, -0.015), (0.765, 1.384, 0.038), 0.050),  # the thumb
    (22, (0.785, 1.397, 0.000), (0.785, 1.397, -0.070), 0.050),
    (22, (0.785, 1.397, -0.038), (0.870, 1.394, -0.030), 0.055),
)


def _bones() -> list[tuple[int, np.ndarray, np.ndarray, float]]:
    right = []
    for joint, start, end, radius in _LEFT_BONES:
        right.append((joint + 1, mirror(start), mirror(end), radius))
    return [
        (joint, to_model(start), to_model(end), radius)
        for joint, start, end, radius in (*_CENTRE_BONES, *_LEFT_BONES, *right)
    ]


def nearest_bone(vertices: np.ndarray) -> np.ndarray:
    """The joint (V,) whose bone's flesh is nearest to each of the vertices (V, 3)."""
    bones = _bones()
    distances = []
    for _, start, end, radius in bones:
        axis = end - start
        position = np.clip((vertices - start) @ axis / (axis @ axis), 0, 1)
        distances.append(np.linalg.norm(vertices - start - position[:, None] * axis, axis=-1) - radius)
    return np.array([joint for joint, *_ in bones])[np.argmin(distances, axis=0)]


def smooth_on_surface(values: np.ndarray, faces: np.ndarray, steps: int) -> np.ndarray:
    """Values (V, …) after `steps` of moving halfway towards their neighbours' mean."""
    mean = neighbour_mean(faces, len(values))
    for _ in range(steps):
        values = 0.5 * values + 0.5 * (mean @ values)
    return values


def skinning_weights(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Weights (V, 24): at most four bones per vertex, rows summing to 1."""
    hard = np.eye(24)[nearest_bone(vertices)]
    weights = smooth_on_surface(hard, faces, _SMOOTHING_STEPS)
    # Subtracting the fifth largest before cutting keeps the weights continuous where the fourth bone changes.
    fifth = np.sort(weights, axis=1)[:, -MAX_BONES - 1, None]
    weights = np.clip(weights - fifth, 0, None)
    return weights / weights.sum(axis=1, keepdims=True)
