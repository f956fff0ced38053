"""What a frozen image network would see: 2048 features of a frame from pose, shape, camera and occlusion.

The function is one random two-layer network, the same for every data set and seed, so that a model trained on one
synthetic data set works on another. Like pooled ResNet activations the features are not negative, with a mean of about
0.4. Three things make a single frame less certain than it is together with its neighbours: jitter of what is seen,
noise of the features, and occlusion, which leaves nothing of the hidden joints but the fact that they are hidden.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

FEATURE_DIM = 2048
_HIDDEN = 256
_NETWORK_SEED = 20230617  # of the network only
_JITTER = 0.40  # standard deviation of what is seen, in units of the inputs' own
_FEATURE_NOISE = 0.30
_INPUT_DIM = 24 * 6 + 10 + 3 + 24

OCCLUSION_BURST = (3, 12)  # shortest and longest, frames
OCCLUSIONS_PER_FRAME = 0.02  # bursts that begin, a frame
_LEFT_ARM, _RIGHT_ARM = (16, 18, 20, 22), (17, 19, 21, 23)
_LEFT_LEG, _RIGHT_LEG = (1, 4, 7, 10), (2, 5, 8, 11)
_PARTS = (
    _LEFT_ARM,
    _RIGHT_ARM,
    _LEFT_LEG,
    _RIGHT_LEG,
    _LEFT_LEG + _RIGHT_LEG,
    (9, 12, 13, 14, 15) + _LEFT_ARM + _RIGHT_ARM,
    tuple(range(24)),
    tuple(range(24)),
)


@lru_cache(maxsize=1)
def _network() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Weights and biases of both layers, float32: (181, H), (H,), (H, 2048), (2048,)."""
    random = np.random.RandomState(_NETWORK_SEED)
    weight1 = random.standard_normal((_INPUT_DIM, _HIDDEN)) / np.sqrt(_INPUT_DIM)
    weight2 = random.standard_normal((_HIDDEN, FEATURE_DIM)) * 1.6 / np.sqrt(_HIDDEN)
    bias1, bias2 = random.standard_normal(_HIDDEN) * 0.3, random.standard_normal(FEATURE_DIM) * 0.3
    return tuple(torch.from_numpy(array).float() for array in (weight1, bias1, weight2, bias2))


def draw_occlusion(
    num_frames: int, rng: np.random.Generator, bursts_per_frame: float = OCCLUSIONS_PER_FRAME
) -> np.ndarray:
    """Which of the 24 joints are hidden in which frames, (N, 24) bool: bursts of a few frames, each of a body part."""
    hidden = np.zeros((num_frames, 24), dtype=bool)
    for _ in range(rng.poisson(num_frames * bursts_per_frame)):
        length = rng.integers(OCCLUSION_BURST[0], OCCLUSION_BURST[1] + 1)
        start = rng.integers(1 - length, num_frames)
        part = _PARTS[rng.integers(len(_PARTS))]
        hidden[max(start, 0) : start + length, part] = True
    return hidden


def _standardised(rotmat: np.ndarray, betas: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """Pose (6D), shape and camera in units of about their own spread, (N, 157)."""
    pose = rotmat[:, :, :, :2].reshape(len(rotmat), 24, 6) - np.eye(3)[:, :2].reshape(6)
    pose[:, 0] += np.array([0.0, 0.0, 0.0, 2.0, 0.0, 0.0])  # the root is roughly half a turn about x away from identity
    pose[:, 0] /= 0.35
    pose[:, 1:] /= 0.25
    camera = (camera - np.array([0.9, 0.0, 0.13])) / 0.08
    return np.concatenate([pose.reshape(len(rotmat), 144), betas, camera], axis=1)


def frame_features(
    rotmat: np.ndarray, betas: np.ndarray, camera: np.ndarray, hidden: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """The features (N, 2048) float32 of N frames.

    Args:
        rotmat: (N, 24, 3, 3), the root's in the camera frame.
        betas: (N, 10).
        camera: (N, 3) weak perspective.
        hidden: (N, 24) bool, occluded joints; a frame in which all are hidden shows neither shape nor camera.
        rng: For jitter and noise.
    """
    seen = _standardised(rotmat, betas, camera).astype(np.float32)
    seen += _JITTER * rng.standard_normal(seen.shape, dtype=np.float32)
    all_hidden = np.repeat(hidden.all(1, keepdims=True), 13, axis=1)
    nothing = np.concatenate([np.repeat(hidden, 6, axis=1), all_hidden], axis=1)
    seen[nothing] = rng.standard_normal(np.count_nonzero(nothing), dtype=np.float32)
    inputs = np.concatenate([seen, np.float32(2) * hidden], axis=1)
    weight1, bias1, weight2, bias2 = _network()
    activation = (torch.from_numpy(inputs) @ weight1 + bias1).tanh_() @ weight2
    activation += bias2
    noise = rng.standard_normal(activation.shape, dtype=np.float32)
    return activation.add_(torch.from_numpy(noise), alpha=_FEATURE_NOISE).relu_().numpy()
