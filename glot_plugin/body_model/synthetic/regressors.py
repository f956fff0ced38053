"""Sparse joint regressors: a joint as a weighted mean of the vertices around it."""

import numpy as np

_FIRST_COUNT, _MAX_COUNT = 48, 768


def _mean_weights(points: np.ndarray, target: np.ndarray) -> np.ndarray | None:
    """The most even non-negative weights (P,) with `weights.sum() == 1` and `weights @ points == target`, or None.

    The least-norm solution of the equalities; points with negative weights are dropped until none remain.
    """
    kept = np.arange(len(points))
    constraints = np.concatenate([(points - target).T, np.ones((1, len(points)))])  # (4, P)
    while len(kept) >= 4:
        solution = np.linalg.pinv(constraints[:, kept]) @ np.array([0.0, 0.0, 0.0, 1.0])
        if np.abs(constraints[:, kept] @ solution - (0, 0, 0, 1)).max() > 1e-9:
            return None
        if (solution >= 0).all():
            weights = np.zeros(len(points))
            weights[kept] = solution
            return weights
        kept = kept[solution > 0]
    return None


def joint_regressor(vertices: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """A regressor (J, V) that gives joints (J, 3) exactly, each from the nearest of the vertices (V, 3).

    Raises:
        ValueError: A joint lies outside the body, so no mean of vertices gives it.
    """
    regressor = np.zeros((len(joints), len(vertices)))
    for row, joint in zip(regressor, joints, strict=True):
        order = np.argsort(np.linalg.norm(vertices - joint, axis=-1), kind='stable')
        count, weights = _FIRST_COUNT, None
        while weights is None and count <= _MAX_COUNT:
            weights = _mean_weights(vertices[order[:count]], joint)
            count *= 2
        if weights is None:
            raise ValueError(f'joint at {joint} lies outside the body')
        row[order[: len(weights)]] = weights
    return regressor
