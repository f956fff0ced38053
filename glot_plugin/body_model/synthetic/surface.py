"""The body's surface as the zero set of one function: smooth unions of lofted tubes, ellipsoids and tapered capsules.

Values are negative inside, positive outside, and close to the distance (metres) near the surface.
"""

import numpy as np
from scipy.interpolate import PchipInterpolator

from glot_plugin.body_model.synthetic import anatomy

_SQUARENESS = 2.4  # exponent of the cross-sections: 2 is an ellipse, more is boxier


def smooth_min(a: np.ndarray, b: np.ndarray, width: float) -> np.ndarray:
    """The smaller of both; where they differ by less than `width` (metres), a rounded transition."""
    closeness = np.clip(1 - np.abs(a - b) / width, 0, None)
    return np.minimum(a, b) - 0.25 * width * closeness**2


def loft(points: np.ndarray, stations: np.ndarray, axes: tuple[int, int, int]) -> np.ndarray:
    """A tube along one coordinate axis with a cross-section that changes along it.

    Args:
        points: (P, 3) metres.
        stations: (S, 5) position along the axis, two centres, two half-widths.
        axes: The coordinate along the tube and the two across it.
    """
    along, first, second = axes
    position = np.clip(points[:, along], stations[0, 0], stations[-1, 0])
    centre1, centre2, half1, half2 = PchipInterpolator(stations[:, 0], stations[:, 1:])(position).T
    cap = 0.7 * np.minimum(half1, half2)
    terms = (
        (points[:, first] - centre1) / half1,
        (points[:, second] - centre2) / half2,
        (points[:, along] - position) / cap,
    )
    radius = sum(np.abs(term) ** _SQUARENESS for term in terms) ** (1 / _SQUARENESS)
    return (radius - 1) * np.minimum(half1, half2)


def ellipsoid(points: np.ndarray, centre: tuple, semi_axes: tuple) -> np.ndarray:
    """An ellipsoid with its axes along the coordinates; points (P, 3)."""
    radius = np.linalg.norm((points - np.array(centre)) / np.array(semi_axes), axis=-1)
    return (radius - 1) * min(semi_axes)


def tapered_capsule(points: np.ndarray, start: tuple, end: tuple, start_radius: float, end_radius: float) -> np.ndarray:
    """A capsule from `start` to `end` whose radius changes linearly; points (P, 3)."""
    start, axis = np.array(start), np.subtract(end, start)
    position = np.clip((points - start) @ axis / (axis @ axis), 0, 1)
    distance = np.linalg.norm(points - start - position[:, None] * axis, axis=-1)
    return distance - (start_radius + position * (end_radius - start_radius))


def _hand(points: np.ndarray) -> np.ndarray:
    fingers = [tapered_capsule(points, *finger) for finger in anatomy.FINGERS.values()]
    return smooth_min(loft(points, anatomy.PALM, (0, 1, 2)), np.min(fingers, axis=0), 0.010)


def _arm(points: np.ndarray) -> np.ndarray:
    return smooth_min(loft(points, anatomy.ARM, (0, 1, 2)), _hand(points), 0.015)


def _leg(points: np.ndarray) -> np.ndarray:
    leg = loft(points, anatomy.LEG, (1, 0, 2))
    return smooth_min(leg, loft(points, anatomy.FOOT, (2, 0, 1)), 0.030)


def _head(points: np.ndarray) -> np.ndarray:
    head = smooth_min(ellipsoid(points, *anatomy.SKULL), ellipsoid(points, *anatomy.FACE), 0.030)
    head = smooth_min(head, ellipsoid(points, *anatomy.CHIN), 0.030)
    head = smooth_min(head, ellipsoid(points, *anatomy.BROW), 0.015)
    centre, radius = anatomy.EYE_SOCKET
    head = -smooth_min(-head, ellipsoid(points, centre, (radius,) * 3), 0.015)
    head = smooth_min(head, tapered_capsule(points, *anatomy.NOSE), 0.010)
    return smooth_min(head, ellipsoid(points, *anatomy.EAR), 0.008)


def body_distance(points: np.ndarray) -> np.ndarray:
    """Signed distance-like value (P,) of points (P, 3) in model coordinates; the body is symmetric in x."""
    folded = np.abs(points) * (1, 0, 0) + points * (0, 1, 1) - (0, anatomy.GROUND, 0)
    torso = loft(folded, anatomy.TORSO, (1, 0, 2))
    torso = smooth_min(torso, ellipsoid(folded, *anatomy.BUTTOCK), 0.050)
    torso = smooth_min(torso, ellipsoid(folded, *anatomy.CHEST), 0.040)
    body = smooth_min(torso, _leg(folded), 0.050)
    body = smooth_min(body, _arm(folded), 0.060)
    return smooth_min(body, _head(folded), 0.030)


def project_to_surface(points: np.ndarray, iterations: int = 3) -> np.ndarray:
    """Moves points (P, 3) near the surface onto it, along the gradient."""
    for _ in range(iterations):
        gradient = surface_gradient(points)
        squared = np.maximum((gradient**2).sum(-1), 0.04)  # bounded: creases have no gradient to divide by
        step = body_distance(points) / squared
        points = points - np.clip(step, -0.01, 0.01)[:, None] * gradient
    return points


def surface_gradient(points: np.ndarray, step: float = 1e-4) -> np.ndarray:
    """Central differences of `body_distance`, (P, 3)."""
    offsets = step * np.eye(3)
    return np.stack([body_distance(points + o) - body_distance(points - o) for o in offsets], axis=-1) / (2 * step)
