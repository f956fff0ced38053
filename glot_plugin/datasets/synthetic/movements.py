"""What the synthetic people do: joint limits, a relaxed pose and the movements, as tables of joint angles.

Angles are degrees about x, y, z of SMPL's rest pose (y up, facing +z, left at +x), composed as Rx @ Ry @ Rz. Only the
left side is written down: on the right the angles about y and z change sign.
"""

from dataclasses import dataclass

import numpy as np

LEFT_RIGHT = {1: 2, 4: 5, 7: 8, 10: 11, 13: 14, 16: 17, 18: 19, 20: 21, 22: 23}
MIRROR = np.array([1.0, -1.0, -1.0])
X, Y, Z = 0, 1, 2

_SPINE = ((-12, 25), (-15, 15), (-12, 12))
_NECK = ((-20, 25), (-30, 30), (-20, 20))
# Joint: lowest and highest angle about x, y, z. The root's are the tilt of the pelvis; heading comes on top.
_LIMITS = {
    0: ((-30, 45), (-15, 15), (-15, 15)),
    1: ((-115, 25), (-30, 35), (-20, 45)),  # hip: flexion is negative, spreading positive
    3: _SPINE,
    4: ((0, 140), (-8, 8), (-5, 5)),  # knee: bends backwards only
    6: _SPINE,
    7: ((-30, 40), (-15, 15), (-15, 15)),
    9: _SPINE,
    10: ((-30, 20), (-3, 3), (-3, 3)),
    12: _NECK,
    13: ((-8, 8), (-12, 12), (-12, 18)),
    15: _NECK,
    16: ((-100, 60), (-110, 40), (-85, 80)),  # shoulder: z lowers (-) or raises (+) the outstretched arm
    18: ((-70, 70), (-140, 3), (-3, 3)),  # elbow: y bends it forwards
    20: ((-30, 30), (-25, 25), (-40, 40)),
    22: ((-5, 5), (-10, 10), (-45, 10)),
}
_RELAXED = {
    (1, X): -5,
    (1, Z): 3,
    (4, X): 10,
    (7, X): -5,
    (16, Y): -5,
    (16, Z): -66,
    (18, Y): -20,
    (22, Z): -10,
}


@dataclass(frozen=True)
class Wave:
    """What one joint angle does in a movement, in degrees on top of the relaxed pose.

    `offset + amplitude * sin(harmonic * phase + shift)`; in a pulsed movement the sine is a smooth pulse from 0 to 1.
    """

    joint: int
    axis: int
    amplitude: float
    offset: float = 0.0
    shift: float = 0.0
    harmonic: int = 1


@dataclass(frozen=True)
class Movement:
    """A kind of movement.

    Attributes:
        sides: How the right side follows the left one: `alternate` (half a period later), `together`, or `single`
            (one side, drawn for each track, moves).
        frequency: Lowest and highest number of periods a second.
        turning: Lowest and highest speed of turning, degrees a second.
    """

    name: str
    sides: str
    frequency: tuple[float, float]
    waves: tuple[Wave, ...]
    pulsed: bool = False
    turning: tuple[float, float] = (0.0, 0.0)


_WALK = (
    Wave(1, X, -25, -3),
    Wave(4, X, 24, 20, 2.0),
    Wave(4, X, 6, 0, 0.5, harmonic=2),
    Wave(7, X, 10, 0, 2.2),
    Wave(16, X, 20),
    Wave(18, Y, 8, -8),
    Wave(3, Y, 3),
    Wave(6, Y, 3),
    Wave(9, Y, 4),
    Wave(0, Y, -5),
    Wave(0, Z, 2.5, 0, 1.5),
    Wave(0, X, 1.5, 3, 0.0, harmonic=2),
)
MOVEMENTS = (
    Movement('walk', 'alternate', (0.7, 1.1), _WALK),
    Movement('turn', 'alternate', (0.5, 0.9), _WALK, turning=(50.0, 110.0)),
    Movement(
        'run',
        'alternate',
        (1.1, 1.5),
        (
            Wave(1, X, -36, -18),
            Wave(4, X, 42, 45, 2.0),
            Wave(7, X, 14, 0, 2.2),
            Wave(16, X, 36),
            Wave(18, Y, 12, -65),
            Wave(3, X, 1, 5, 0.0, harmonic=2),
            Wave(6, Y, 5),
            Wave(9, Y, 6),
            Wave(0, Y, -7),
            Wave(0, X, 2, 10, 0.0, harmonic=2),
        ),
    ),
    Movement(
        'squat',
        'together',
        (0.25, 0.45),
        (
            Wave(1, X, -92),
            Wave(1, Z, 12),
            Wave(4, X, 108),
            Wave(7, X, -20),
            Wave(0, X, 26),
            Wave(3, X, 6),
            Wave(6, X, 5),
            Wave(12, X, -10),
            Wave(16, Y, -70),
            Wave(16, Z, 58),
        ),
        pulsed=True,
    ),
    Movement(
        'sit and stand',
        'together',
        (0.12, 0.28),
        (
            Wave(1, X, -80),
            Wave(4, X, 78),
            Wave(0, X, 10),
            Wave(3, X, 14, 0, -0.9),
            Wave(6, X, 10, 0, -0.9),
            Wave(16, X, -28),
            Wave(18, Y, -40),
        ),
        pulsed=True,
    ),
    Movement(
        'wave',
        'single',
        (0.9, 1.6),
        (
            Wave(16, Z, 8, 92),
            Wave(16, Y, 0, -15),
            Wave(13, Z, 0, 8),
            Wave(18, Y, 28, -55),
            Wave(18, X, 14, -55, 1.0),
            Wave(20, Z, 12, 0, 0.5),
            Wave(15, Y, 0, 10),
        ),
    ),
    Movement(
        'reach',
        'single',
        (0.25, 0.5),
        (
            Wave(16, Y, -78),
            Wave(16, Z, 68),
            Wave(18, Y, 12),
            Wave(3, X, 9),
            Wave(6, X, 8),
            Wave(6, Y, -9),
            Wave(9, Y, -10),
            Wave(1, X, -14),
            Wave(15, X, 8),
        ),
        pulsed=True,
    ),
    Movement(
        'jump',
        'together',
        (0.5, 0.8),
        (
            Wave(1, X, -55),
            Wave(4, X, 72),
            Wave(7, X, -42, 22),
            Wave(0, X, 14),
            Wave(3, X, 8),
            Wave(16, Z, 112, 0, np.pi),
            Wave(13, Z, 10, 0, np.pi),
        ),
        pulsed=True,
    ),
    Movement(
        'stretch',
        'together',
        (0.12, 0.25),
        (
            Wave(16, Z, 138),
            Wave(13, Z, 14),
            Wave(3, Z, 8, 0, 1.5),
            Wave(6, Z, 9, 0, 1.5),
            Wave(9, Z, 7, 0, 1.5),
            Wave(12, X, -12),
            Wave(1, Z, 10),
        ),
        pulsed=True,
    ),
    Movement(
        'box',
        'alternate',
        (0.8, 1.3),
        (
            Wave(16, Y, -62, -30),
            Wave(16, Z, 32, 34),
            Wave(18, Y, 85, -92),
            Wave(9, Y, -9, 4),
            Wave(6, Y, -6, 3),
            Wave(4, X, 6, 16),
            Wave(1, X, -4, -10),
            Wave(7, X, 0, -10),
        ),
        pulsed=True,
    ),
    Movement(
        'kick',
        'single',
        (0.35, 0.6),
        (
            Wave(1, X, -72),
            Wave(4, X, 62, 0, -0.9),
            Wave(7, X, 18),
            Wave(3, X, -5),
            Wave(6, X, 6),
            Wave(16, Z, 26),
            Wave(16, X, 18),
        ),
        pulsed=True,
    ),
)


def joint_limits(wider: dict[int, tuple] | None = None) -> np.ndarray:
    """Lowest and highest angle of every joint about x, y, z: (24, 3, 2) degrees.

    Args:
        wider: Ranges of some joints (of the left side) in place of the usual ones.
    """
    limits = np.zeros((24, 3, 2))
    for joint, ranges in {**_LIMITS, **(wider or {})}.items():
        limits[joint] = ranges
        if joint in LEFT_RIGHT:
            limits[LEFT_RIGHT[joint]] = np.sort(limits[joint] * MIRROR[:, None], axis=-1)
    return limits


def relaxed_angles() -> np.ndarray:
    """The angles (24, 3), degrees, of somebody who stands at ease."""
    angles = np.zeros((24, 3))
    for (joint, axis), degrees in _RELAXED.items():
        angles[joint, axis] = degrees
        angles[LEFT_RIGHT[joint], axis] = degrees * MIRROR[axis]
    return angles
