"""The embedded data set of landmarks: generated people in varied motion, seen by a simulated landmark detector."""

import os
from pathlib import Path

import numpy as np

from glot_plugin.datasets.synthetic import write_synthetic_dataset
from glot_plugin.datasets.synthetic.generator import Bodies, Scenario, Seen
from glot_plugin.datasets.synthetic.key_poses import FRAMES_PER_SECOND, draw_varied_motion
from glot_plugin.features.landmark_errors import simulate_landmarks
from glot_plugin.features.landmarks import FEATURE_DIM


def _see_landmarks(bodies: Bodies, rng: np.random.Generator) -> Seen:
    seen = simulate_landmarks(bodies.joints[None], bodies.rotmat[None, :, 0], rng)
    confidence = np.ones((len(bodies.joints), 49, 1))
    return Seen(seen.features[0], np.concatenate([seen.joints2d[0], confidence], axis=-1), seen.box[0])


LANDMARK_SCENARIO = Scenario(
    'landmarks', draw_varied_motion, _see_landmarks, FEATURE_DIM, FRAMES_PER_SECOND, shape_spread=1.6
)


def write_landmark_dataset(
    out_dir: str | os.PathLike,
    body_dir: str | os.PathLike,
    train_frames: int = 60_000,
    val_frames: int = 1_500,
    test_frames: int = 3_000,
    **options,
) -> dict[str, Path]:
    """Writes the stores `train`, `val` and `test` of `configs/glot/glot_landmarks.py`.

    All tracks have 3D joints and SMPL parameters. Their landmarks have errors; in training `SimulateLandmarks` draws
    new ones for every batch.

    Args:
        out_dir, body_dir, train_frames, val_frames, test_frames: See `write_synthetic_dataset`.
        options: Its other arguments: `seed`, `progress`, `feature_dtype`.
    """
    frames = train_frames, val_frames, test_frames
    options |= {'train_share_2d': 0.0, 'scenario': LANDMARK_SCENARIO}
    return write_synthetic_dataset(out_dir, body_dir, *frames, **options)
