"""Varied motion: smooth ways between key poses that cover what people do, rather than a handful of movements.

A key pose has legs (one of several postures), a trunk, two arms and a head, each drawn on its own. In between, joint
angles follow monotone cubic curves, so that they stay inside the joint limits, and some people walk or run meanwhile.
"""

from collections.abc import Callable

import numpy as np
import roma
import torch
from scipy.interpolate import PchipInterpolator
from scipy.spatial.transform import Rotation

from glot_plugin.datasets.synthetic.motion import Motion, band_limited, movement_angles, within_limits
from glot_plugin.datasets.synthetic.movements import LEFT_RIGHT, MIRROR, MOVEMENTS, X, Y, Z, joint_limits

FRAMES_PER_SECOND = (10, 12, 15, 20, 24, 25, 30, 30, 50)
# Limits that are wider than those of the plain movements: degrees about x, y, z, left side.
_WIDE_LIMITS = {
    0: ((-45, 85), (-30, 30), (-30, 30)),
    1: ((-135, 30), (-40, 50), (-30, 60)),
    3: ((-20, 40), (-20, 20), (-20, 20)),
    4: ((0, 150), (-10, 10), (-5, 5)),
    6: ((-15, 35), (-20, 20), (-20, 20)),
    9: ((-15, 25), (-20, 20), (-15, 15)),
    12: ((-30, 40), (-45, 45), (-25, 25)),
    15: ((-25, 35), (-35, 35), (-20, 20)),
    13: ((-10, 10), (-20, 20), (-12, 30)),
    16: ((-110, 80), (-125, 55), (-95, 95)),
    18: ((-90, 90), (-150, 3), (-3, 3)),
}
_MIRRORED = {**LEFT_RIGHT, **{right: left for left, right in LEFT_RIGHT.items()}}
_KEY_SECONDS = (0.25, 1.8)  # shortest and longest way from one key pose to the next
_HOLD_SHARE = 0.2  # of the key poses, repeat the one before
_VARIATION_SHARE, _VARIATION_HERTZ = 0.025, (0.1, 1.2)
_GAIT_SHARE = 0.35  # of the people walk, run or turn while their arms and trunk do what they do
_GAITS = tuple(movement for movement in MOVEMENTS if movement.name in ('walk', 'turn', 'run'))
_LEGS = (1, 2, 4, 5, 7, 8, 10, 11)

Range = tuple[float, float]


def wide_limits() -> np.ndarray:
    """Lowest and highest angle of every joint about x, y, z: (24, 3, 2) degrees."""
    return joint_limits(_WIDE_LIMITS)


def _legs(rng: np.random.Generator, hip: Range, knee: Range, spread: Range, twist: Range = (-15, 15)) -> np.ndarray:
    """Angles (24, 3) of legs that bend within these ranges, each on its own; ankles keep the soles about level."""
    angles = np.zeros((24, 3))
    for side in (1, 2):
        sign = MIRROR if side == 2 else np.ones(3)
        bend, flexion = rng.uniform(*knee), rng.uniform(*hip)
        angles[side] = sign * (flexion, rng.uniform(*twist), rng.uniform(*spread))
        angles[side + 3, X] = bend
        angles[side + 6] = sign * (np.clip(-flexion - bend, -30, 25) + rng.normal(0, 8), *rng.normal(0, 5, 2))
    return angles


def _both(angles: np.ndarray, joints: tuple[int, ...], share: float) -> None:
    """Make the right side of some joints follow the left one, by a share."""
    for left in joints:
        right = LEFT_RIGHT[left]
        angles[right] = share * angles[left] * MIRROR + (1 - share) * angles[right]


def _stand(rng: np.random.Generator) -> np.ndarray:
    return _legs(rng, (-20, 8), (0, 25), (-5, 15))


def _step(rng: np.random.Generator) -> np.ndarray:
    """A step, a lunge or a wide stance, in any direction."""
    angles = _legs(rng, (-60, 25), (0, 70), (-8, 40), (-25, 30))
    angles[0] = rng.normal(0, 8, 3)
    return angles


def _crouch(rng: np.random.Generator) -> np.ndarray:
    depth = rng.uniform(0.2, 1)
    angles = _legs(rng, (-120 * depth - 10, -120 * depth + 10), (130 * depth - 15, 130 * depth + 10), (0, 40))
    _both(angles, (1, 4, 7), rng.uniform(0, 1))
    angles[0, X] = rng.uniform(0, 45) * depth
    return angles


def _sit(rng: np.random.Generator) -> np.ndarray:
    angles = _legs(rng, (-105, -70), (30, 115), (-5, 30))
    _both(angles, (1, 4, 7), rng.uniform(0, 1))
    angles[0, X] = rng.uniform(-20, 25)
    return angles


def _kneel(rng: np.random.Generator) -> np.ndarray:
    angles = _legs(rng, (-15, 10), (80, 120), (0, 20))
    if rng.random() < 0.5:  # one foot in front
        angles[1, X], angles[4, X], angles[7, X] = rng.uniform(-100, -70), rng.uniform(70, 110), rng.normal(0, 10)
    return angles


def _raise_leg(rng: np.random.Generator) -> np.ndarray:
    angles = _legs(rng, (-15, 8), (0, 20), (-5, 15))
    angles[1] = rng.uniform(-110, 20), rng.uniform(-30, 30), rng.uniform(-15, 55)
    angles[4, X] = rng.uniform(0, 120)
    angles[0] = rng.normal(0, 10, 3)
    return angles


_POSTURES: tuple[tuple[Callable[[np.random.Generator], np.ndarray], float], ...] = (
    (_stand, 0.36), (_step, 0.26), (_crouch, 0.14), (_sit, 0.1), (_kneel, 0.04), (_raise_leg, 0.1),
)  # fmt: skip


def _trunk(rng: np.random.Generator) -> np.ndarray:
    """Angles (24, 3) of pelvis and spine: mostly upright, sometimes bent far forwards."""
    angles = np.zeros((24, 3))
    forward = abs(rng.normal(0, 12)) if rng.random() < 0.7 else rng.uniform(15, 110)
    bend = np.array([forward, rng.normal(0, 20), rng.normal(0, 12)])
    hips = rng.uniform(0.2, 0.8)  # from the hips or from the spine
    angles[0] = hips * bend
    angles[0, X] -= abs(rng.normal(0, 6)) * (rng.random() < 0.3)
    parts = rng.dirichlet((4, 4, 4))
    for joint, part in zip((3, 6, 9), parts, strict=True):
        angles[joint] = (1 - hips) * part * bend + rng.normal(0, 3, 3)
    return angles


def _arm(rng: np.random.Generator) -> np.ndarray:
    """Left collar, shoulder, elbow and wrist, (4, 3) degrees."""
    kind = rng.random()
    if kind < 0.3:  # hangs down
        shoulder = (rng.normal(-5, 22), rng.normal(-5, 12), rng.uniform(-82, -52))
        elbow = (rng.normal(0, 20), -abs(rng.normal(15, 20)), 0)
    elif kind < 0.5:  # reaches forwards, up or down
        shoulder = (rng.normal(0, 25), rng.uniform(-105, -30), rng.uniform(-70, 45))
        elbow = (rng.normal(-10, 30), -rng.uniform(0, 70), 0)
    elif kind < 0.7:  # upper arm down, forearm bent: holds, points, shakes hands, touches its face
        shoulder = (rng.uniform(-75, 35), rng.normal(-15, 25), rng.uniform(-80, -30))
        elbow = (rng.uniform(-80, 80), -rng.uniform(30, 145), 0)
    elif kind < 0.82:  # up
        shoulder = (rng.normal(0, 25), rng.uniform(-60, 30), rng.uniform(10, 92))
        elbow = (rng.uniform(-70, 70), -rng.uniform(0, 130), 0)
    else:  # anything
        shoulder = tuple(rng.uniform(low, high) for low, high in _WIDE_LIMITS[16])
        elbow = (rng.uniform(-80, 80), -rng.uniform(0, 140), 0)
    collar = (rng.normal(0, 3), 0.1 * shoulder[Y] + rng.normal(0, 4), 0.12 * (shoulder[Z] + 65) + rng.normal(0, 4))
    return np.array([collar, shoulder, elbow, rng.normal(0, 12, 3)])


def draw_key_pose(rng: np.random.Generator) -> np.ndarray:
    """The angles (24, 3), degrees, of one pose that a person may have."""
    posture = _POSTURES[rng.choice(len(_POSTURES), p=[share for _, share in _POSTURES])][0]
    angles = posture(rng) + _trunk(rng)
    left, right = _arm(rng), _arm(rng)
    if rng.random() < 0.25:  # both arms do about the same
        right = left + rng.normal(0, 8, left.shape)
    angles[[13, 16, 18, 20]] = left
    angles[[14, 17, 19, 21]] = right * MIRROR
    down = rng.uniform(0, 60) if rng.random() < 0.4 else rng.normal(0, 10)
    angles[12] = 0.5 * down, rng.normal(0, 15), rng.normal(0, 6)
    angles[15] = 0.5 * down, rng.normal(0, 12), rng.normal(0, 5)
    return _mirrored(angles) if rng.random() < 0.5 else angles


def _mirrored(angles: np.ndarray) -> np.ndarray:
    order = [_MIRRORED.get(joint, joint) for joint in range(24)]
    return angles[order] * MIRROR


def _key_curves(times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Angles (N, 24, 3) through key poses; pose after pose keeps parts of the one before."""
    at, poses = [-rng.uniform(0, 1)], [draw_key_pose(rng)]
    pace = np.exp(rng.uniform(*np.log(_KEY_SECONDS)))  # of this person
    while at[-1] < times[-1] + 0.1:
        at.append(at[-1] + pace * rng.uniform(0.6, 1.6))
        pose = draw_key_pose(rng)
        share = 0.0 if rng.random() < _HOLD_SHARE else rng.uniform(0.3, 1)  # how far on the way to the new pose
        poses.append((1 - share) * poses[-1] + share * pose)
    return PchipInterpolator(at, np.stack(poses))(times)


def _orientation(times: np.ndarray, turning: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """From the person's upright frame to the camera's, (N, 3, 3): any heading, camera height, a little roll."""
    step = times[1] - times[0] if len(times) > 1 else 0.0
    speed = turning + np.radians(abs(rng.normal(0, 40)) * band_limited(times, 1, (0.05, 0.5), rng)[:, 0])
    heading = rng.uniform(-np.pi, np.pi) + np.cumsum(speed) * step
    sway = np.radians(2 * band_limited(times, 2, (0.05, 0.4), rng))  # of a camera held by hand
    pitch = np.radians(np.clip(rng.normal(12, 16), -30, 60)) + sway[:, 0]
    roll = np.radians(rng.normal(0, 4)) + sway[:, 1]
    # The camera looks along +z with y down: upright people are turned by pi about x; pitch is positive looking down.
    return Rotation.from_euler('ZXY', np.stack([roll, np.pi + pitch, heading], axis=1)).as_matrix()


def draw_varied_motion(num_frames: int, frames_per_second: float, rng: np.random.Generator) -> Motion:
    """Draws one person's motion of `num_frames` frames between key poses; everything random comes from `rng`."""
    times = np.arange(num_frames) / frames_per_second
    limits = wide_limits()
    angles, name, turning = _key_curves(times, rng), 'key poses', np.zeros(num_frames)
    if rng.random() < _GAIT_SHARE:
        gait = _GAITS[rng.integers(len(_GAITS))]
        moving = movement_angles(gait, times, rng)
        angles[:, _LEGS] = moving[:, _LEGS] + rng.normal(0, 4, (len(_LEGS), 3))
        angles = angles + np.where(np.isin(np.arange(24), _LEGS)[:, None], 0, moving)
        turning = np.full(num_frames, np.radians(rng.uniform(*gait.turning)) * rng.choice((-1.0, 1.0)))
        name = f'{gait.name} with key poses'
    variation = band_limited(times, 72, _VARIATION_HERTZ, rng).reshape(num_frames, 24, 3)
    spread = _VARIATION_SHARE * variation * np.diff(limits, axis=-1)[..., 0]
    angles = within_limits(angles + spread, limits)
    rotmat = roma.euler_to_rotmat('XYZ', torch.from_numpy(angles), degrees=True).numpy()  # (N, 24, 3, 3)
    rotmat[:, 0] = _orientation(times, turning, rng) @ rotmat[:, 0]
    return Motion(name, angles, rotmat)
