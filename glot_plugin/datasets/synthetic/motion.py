"""Smooth articulated motion: a movement or two, random variation on every joint, within the joint limits."""

from dataclasses import dataclass

import numpy as np
import roma
import torch
from scipy.spatial.transform import Rotation

from glot_plugin.datasets.synthetic.movements import (
    LEFT_RIGHT,
    MIRROR,
    MOVEMENTS,
    Movement,
    joint_limits,
    relaxed_angles,
)

_VARIATION_WAVES, _VARIATION_HERTZ = 3, (0.1, 0.9)
_VARIATION_SHARE, _STYLE_SHARE = 0.035, 0.05  # of a joint's range, standard deviations
_CROSSFADE_SECONDS = 1.0
_SOFT_FROM = 0.8  # of half a joint's range: from here on the limit is approached smoothly


@dataclass
class Motion:
    """N frames of one person.

    Attributes:
        name: The movement's name, or both, joined by `, then `.
        angles: (N, 24, 3) degrees, within the joint limits; the root's are the tilt of the pelvis.
        rotmat: (N, 24, 3, 3) relative to the parent; the root's is the orientation in the camera frame (y down).
    """

    name: str
    angles: np.ndarray
    rotmat: np.ndarray


def within_limits(angles: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Angles (..., 24, 3) compressed smoothly into their limits (24, 3, 2); those well inside do not change."""
    middle, half = limits.mean(-1), np.diff(limits, axis=-1)[..., 0] / 2
    share = (angles - middle) / half
    excess = np.clip(np.abs(share) - _SOFT_FROM, 0, None) / (1 - _SOFT_FROM)
    soft = np.sign(share) * (_SOFT_FROM + (1 - _SOFT_FROM) * np.tanh(excess))
    return middle + half * np.where(np.abs(share) > _SOFT_FROM, soft, share)


def band_limited(times: np.ndarray, size: int, hertz: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """Random smooth curves (N, size) of variance 1 at times (N,) seconds: sums of a few sines of the band."""
    frequencies = rng.uniform(*hertz, (_VARIATION_WAVES, size))
    phases = rng.uniform(0, 2 * np.pi, (_VARIATION_WAVES, size))
    waves = np.sin(2 * np.pi * times[:, None, None] * frequencies + phases)
    return waves.sum(1) * np.sqrt(2 / _VARIATION_WAVES)


def movement_angles(movement: Movement, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The movement alone, (N, 24, 3) degrees on top of the relaxed pose, at a speed and amplitude drawn from `rng`."""
    frequency, size = rng.uniform(*movement.frequency), rng.uniform(0.75, 1.15)
    swing = 0.4 * band_limited(times, 1, (0.05, 0.25), rng)[:, 0]  # radians: no period is quite like the next
    phase = 2 * np.pi * frequency * times + swing + rng.uniform(0, 2 * np.pi)
    mirrored = movement.sides == 'single' and rng.random() < 0.5
    later = np.pi if movement.sides == 'alternate' else 0.0

    def shape(wave, delay):
        argument = wave.harmonic * (phase + delay) + wave.shift
        return 0.5 - 0.5 * np.cos(argument) if movement.pulsed else np.sin(argument)

    angles = np.zeros((len(times), 24, 3))
    for wave in movement.waves:
        curve = wave.offset + size * wave.amplitude * shape(wave, 0.0)
        sign = MIRROR[wave.axis]
        if wave.joint not in LEFT_RIGHT:
            angles[:, wave.joint, wave.axis] += curve * (sign if mirrored else 1.0)
            continue
        right = LEFT_RIGHT[wave.joint]
        if not mirrored:
            angles[:, wave.joint, wave.axis] += curve
        if mirrored or movement.sides != 'single':
            angles[:, right, wave.axis] += sign * (wave.offset + size * wave.amplitude * shape(wave, later))
    return angles


def _heading(times: np.ndarray, turning: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Heading (N,) radians: mostly towards the camera at first, drifting, and turning at `turning` (N,) radians/s."""
    step = times[1] - times[0] if len(times) > 1 else 0.0
    drift = np.radians(rng.normal(0, 12) + 18 * band_limited(times, 1, (0.05, 0.3), rng)[:, 0])
    return rng.normal(0, np.radians(70)) + np.cumsum(drift + turning) * step


def _crossfade(times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The second movement's share (N,): 0 at first, 1 in the end, or 0 throughout for a single movement."""
    change = rng.uniform(0.3, 0.7) * times[-1]
    share = np.clip((times - change) / _CROSSFADE_SECONDS + 0.5, 0, 1)
    share = share**3 * (10 - 15 * share + 6 * share**2)
    return share if rng.random() < 0.4 and times[-1] > 3 * _CROSSFADE_SECONDS else np.zeros_like(share)


def draw_motion(num_frames: int, frames_per_second: float, rng: np.random.Generator) -> Motion:
    """Draws one person's motion of `num_frames` frames; everything random comes from `rng`."""
    times = np.arange(num_frames) / frames_per_second
    limits = joint_limits()
    first, second = (MOVEMENTS[i] for i in rng.choice(len(MOVEMENTS), 2, replace=False))
    share = _crossfade(times, rng)
    parts, turning = [], np.zeros(num_frames)
    for movement, weight in ((first, 1 - share), (second, share)):
        parts.append(weight[:, None, None] * movement_angles(movement, times, rng))
        turning += weight * np.radians(rng.uniform(*movement.turning)) * rng.choice((-1.0, 1.0))
    joint_range = np.diff(limits, axis=-1)[..., 0]
    variation = band_limited(times, 72, _VARIATION_HERTZ, rng).reshape(num_frames, 24, 3)
    spread = (_VARIATION_SHARE * variation + _STYLE_SHARE * rng.standard_normal((24, 3))) * joint_range
    angles = within_limits(relaxed_angles() + parts[0] + parts[1] + spread, limits)

    rotmat = roma.euler_to_rotmat('XYZ', torch.from_numpy(angles), degrees=True).numpy()  # (N, 24, 3, 3)
    camera_pitch = rng.normal(0, np.radians(8))
    heading = Rotation.from_euler('y', _heading(times, turning, rng)[:, None]).as_matrix()
    # The camera looks along +z with y down: upright people are turned by pi about x.
    to_camera = Rotation.from_euler('x', np.pi + camera_pitch).as_matrix()
    rotmat[:, 0] = to_camera @ heading @ rotmat[:, 0]
    name = first.name if not share.any() else f'{first.name}, then {second.name}'
    return Motion(name, angles, rotmat)
