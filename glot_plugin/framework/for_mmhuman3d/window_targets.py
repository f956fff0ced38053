"""Training windows under mmhuman3d's names and in its units."""

from collections.abc import Sequence

import numpy as np

from glot_plugin.framework.for_mmhuman3d.human_data_store import VideoSource
from glot_plugin.transforms import normalize_keypoints2d

HALF_CROP = 112.0  # pixels; mmhuman3d's crops have 224


def window_targets(
    batch: dict[str, np.ndarray], sources: Sequence[VideoSource], stores: np.ndarray, rows: np.ndarray
) -> dict[str, np.ndarray]:
    """A batch of `WindowDataset` under mmhuman3d's names.

    Invalid frames have no target: their confidences and flags are 0.

    Args:
        batch: B windows of T frames.
        sources: The sources of the windows.
        stores: (B,) index of each window's source.
        rows: (B, T) rows of the window's frames in that store.

    Returns:
        `features` (B, T, C); `keypoints2d` (B, T, 49, 3) pixels of crops of 224, and confidence; `keypoints3d`
        (B, T, 49, 4) metres and confidence; `smpl_body_pose` (B, T, 23, 3), `smpl_global_orient` (B, T, 3) radians;
        `smpl_betas` (B, T, 10); `smpl_transl` (B, T, 3); flags (B, T, 1) `has_keypoints2d`, `has_keypoints3d`,
        `has_smpl`, `frame_valid`.
    """
    valid = batch['frame_valid']  # (B, T)
    confidence, has_smpl, transl = _per_frame(batch, sources, stores, rows)
    keypoints2d = _crop_pixels(batch, np.array([source.box_scale for source in sources], np.float32)[stores])
    pose = batch['smpl_pose']
    return {
        'features': batch['features'],
        'keypoints2d': keypoints2d,
        'keypoints3d': np.concatenate([batch['keypoints3d'], confidence[..., None]], axis=-1),
        'has_keypoints2d': _flags(keypoints2d[..., 2].any(axis=2)),
        'has_keypoints3d': _flags(confidence.any(axis=2)),
        'smpl_body_pose': pose[..., 3:].reshape(*valid.shape, 23, 3),
        'smpl_global_orient': pose[..., :3],
        'smpl_betas': batch['smpl_betas'],
        'smpl_transl': transl,
        'has_smpl': _flags(has_smpl),
        'frame_valid': _flags(valid),
    }


def _crop_pixels(batch: dict[str, np.ndarray], box_scale: np.ndarray) -> np.ndarray:
    bbox = batch['bbox'].copy()
    bbox[..., 2:] *= box_scale[:, None, None]
    keypoints2d = normalize_keypoints2d(batch['keypoints2d'], bbox, box_scale=1.0)
    keypoints2d[..., :2] = (keypoints2d[..., :2] + 1) * HALF_CROP
    keypoints2d[~batch['frame_valid']] = 0
    return keypoints2d


def _per_frame(
    batch: dict[str, np.ndarray], sources: Sequence[VideoSource], stores: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """3D confidences (B, T, 49), which frames have SMPL parameters (B, T), and translations (B, T, 3)."""
    valid = batch['frame_valid']
    has_keypoints3d = batch['has_keypoints3d'][:, None] & valid
    confidence = np.repeat(has_keypoints3d[..., None], 49, axis=2).astype(np.float32)
    has_smpl = batch['has_smpl'][:, None] & valid
    transl = np.zeros((*valid.shape, 3), np.float32)
    for place, (number, window) in enumerate(zip(stores.tolist(), rows, strict=True)):
        source = sources[number]
        if source.keypoints3d_confidence is not None:
            confidence[place] *= source.keypoints3d_confidence[window]
        if source.has_smpl is not None:
            has_smpl[place] &= source.has_smpl[window]
        if source.smpl_transl is not None:
            transl[place] = source.smpl_transl[window]
    return confidence, has_smpl, transl


def _flags(values: np.ndarray) -> np.ndarray:
    """(B, T) bool as (B, T, 1) integers, mmhuman3d's kind of flag."""
    return values[..., None].astype(np.int64)
