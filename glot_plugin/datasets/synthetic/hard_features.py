"""Features of which one frame is ambiguous and a moving window is not: the hard variant of the embedded data set.

The image network is one fixed random two-layer network here, too, but it does not see poses. It sees what a picture
shows: where joints are in the crop, but hardly how deep; sides that look alike; limbs that are hidden; and a person
whose looks have nothing to do with the pose.
"""

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np

from glot_plugin.datasets.synthetic.features import draw_occlusion
from glot_plugin.datasets.synthetic.generator import OWNER_OF_SPIN49, Bodies, Scenario, Seen
from glot_plugin.datasets.synthetic.motion import draw_motion
from glot_plugin.datasets.synthetic.stores import write_synthetic_dataset

_JOINTS = 25  # the first of the 49: OpenPose's, with face and feet
_PELVIS = 8  # of them
_LOOKS = 16  # numbers that make up a person's looks
_HIDDEN = 384
_NETWORK_SEED = 20230618  # of the network only
_SPREAD = 0.25  # of joints about the pelvis: crop units, and metres in depth
_LEFT_RIGHT = ((2, 5), (3, 6), (4, 7), (9, 12), (10, 13), (11, 14), (15, 16), (17, 18), (19, 22), (20, 23), (21, 24))
_LEGS = ((9, 12), (10, 13), (11, 14), (19, 22), (20, 23), (21, 24))


@dataclass(frozen=True)
class Difficulty:
    """How little one frame says; standard deviations are of independent noise in every frame.

    Attributes:
        feature_dim: Width of the features.
        jitter: Of joints in the picture, in units of the crop's half side.
        depth_noise: Of the depth of joints relative to the pelvis, metres.
        occlusions: Bursts in which a limb, or all, is hidden that begin, a frame.
        swaps: Bursts in which left and right of the legs, or of all, are exchanged that begin, a frame.
        swap_frames: Longest of these bursts.
        looks: Share of a person's looks, the same in the whole track, in what the network sees.
        feature_noise: Of the features, whose own spread is about 1.
    """

    feature_dim: int = 256
    jitter: float = 0.02
    depth_noise: float = 0.35
    occlusions: float = 0.05
    swaps: float = 0.03
    swap_frames: int = 4
    looks: float = 1.0
    feature_noise: float = 0.2


@cache
def _network(feature_dim: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Weights and biases of both layers: (inputs, H), (H,), (H, C), (C,), float32."""
    random = np.random.RandomState(_NETWORK_SEED)
    inputs = _JOINTS * 4 + 2 + _LOOKS
    weight1 = random.standard_normal((inputs, _HIDDEN)) / np.sqrt(inputs)
    weight2 = random.standard_normal((_HIDDEN, feature_dim)) * 1.6 / np.sqrt(_HIDDEN)
    bias1, bias2 = random.standard_normal(_HIDDEN) * 0.3, random.standard_normal(feature_dim) * 0.3
    return tuple(array.astype(np.float32) for array in (weight1, bias1, weight2, bias2))


def _swap_bursts(frames: int, difficulty: Difficulty, rng: np.random.Generator) -> Iterator[tuple[slice, list, list]]:
    """Frames and the joints of both sides of every burst in which sides are exchanged."""
    for _ in range(rng.poisson(frames * difficulty.swaps)):
        start, length = int(rng.integers(frames)), int(rng.integers(1, difficulty.swap_frames + 1))
        left, right = zip(*(_LEGS if rng.random() < 0.5 else _LEFT_RIGHT), strict=True)
        yield slice(start, start + length), list(left), list(right)


def hard_features(bodies: Bodies, difficulty: Difficulty, rng: np.random.Generator) -> np.ndarray:
    """What a frozen image network would see of N frames of a person: features (N, C) float32."""
    frames = len(bodies.joints)
    joints = bodies.joints[:, :_JOINTS] - bodies.joints[:, _PELVIS : _PELVIS + 1]
    scale, shift = bodies.camera[:, :1, None], bodies.camera[:, None, 1:]
    seen = np.empty((frames, _JOINTS, 3))
    seen[..., :2] = scale * joints[..., :2] + difficulty.jitter * rng.standard_normal((frames, _JOINTS, 2))
    seen[..., 2] = joints[..., 2] + difficulty.depth_noise * rng.standard_normal((frames, _JOINTS))
    seen[..., 2] *= _SPREAD / np.hypot(_SPREAD, difficulty.depth_noise)  # noise may not drown the picture
    seen /= _SPREAD
    hidden = bodies.hidden[:, OWNER_OF_SPIN49[:_JOINTS]]
    for burst, left, right in _swap_bursts(frames, difficulty, rng):
        for array in (seen, hidden):
            array[burst, left + right] = array[burst, right + left]
    seen[hidden] = rng.standard_normal((np.count_nonzero(hidden), 3))  # whatever is in front
    pelvis = (scale * bodies.joints[:, _PELVIS : _PELVIS + 1, :2] + shift)[:, 0] / _SPREAD
    pelvis[hidden.all(1)] = 0
    looks = np.tile(difficulty.looks * rng.standard_normal(_LOOKS), (frames, 1))
    inputs = np.concatenate([seen.reshape(frames, -1), hidden, pelvis, looks], axis=1).astype(np.float32)
    weight1, bias1, weight2, bias2 = _network(difficulty.feature_dim)
    activation = np.tanh(inputs @ weight1 + bias1) @ weight2 + bias2
    activation += np.float32(difficulty.feature_noise) * rng.standard_normal(activation.shape, dtype=np.float32)
    return np.maximum(activation, 0)


def hard_scenario(difficulty: Difficulty | None = None) -> Scenario:
    """The scenario of the hard data set; its difficulty is recorded in the stores."""
    difficulty = difficulty or Difficulty()

    def see(bodies: Bodies, rng: np.random.Generator) -> Seen:
        return Seen(hard_features(bodies, difficulty, rng))

    def draw_hidden(frames: int, rng: np.random.Generator) -> np.ndarray:
        return draw_occlusion(frames, rng, difficulty.occlusions)

    return Scenario(
        'hard image features',
        draw_motion,
        see,
        difficulty.feature_dim,
        (25, 26, 27, 28, 29, 30),
        draw_hidden=draw_hidden,
        parameters=asdict(difficulty),
    )


def write_hard_dataset(
    out_dir: str | os.PathLike,
    body_dir: str | os.PathLike,
    train_frames: int = 60_000,
    val_frames: int = 1_500,
    test_frames: int = 3_000,
    difficulty: Difficulty | None = None,
    **options,
) -> dict[str, Path]:
    """Writes the stores `train`, `val` and `test` of `configs/glot/hard`.

    All tracks have 3D joints and SMPL parameters.

    Args:
        out_dir, body_dir, train_frames, val_frames, test_frames: See `write_synthetic_dataset`.
        difficulty: What is hidden; None: as documented in docs/ablations.md.
        options: Other arguments of `write_synthetic_dataset`: `seed`, `progress`, `feature_dtype`.
    """
    frames = train_frames, val_frames, test_frames
    options |= {'train_share_2d': 0.0, 'scenario': hard_scenario(difficulty)}
    return write_synthetic_dataset(out_dir, body_dir, *frames, **options)
