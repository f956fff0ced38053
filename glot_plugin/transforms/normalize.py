"""Conversion of 2D keypoints from pixels to crop coordinates."""

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.registry import TRANSFORMS


def normalize_keypoints2d(keypoints2d: np.ndarray, bbox: np.ndarray, box_scale: float = 1.2) -> np.ndarray:
    """Pixels to [-1, 1] over a square crop around the box: x' = 2 (x - cx) / side, side = box_scale * max(w, h).

    Frames without a box (side 0) and without a confident keypoint become zeros.

    Args:
        keypoints2d: (..., J, 3) pixels x, y and confidence.
        bbox: (..., 4) centre x, centre y, width, height in pixels.
        box_scale: side of the crop divided by the larger side of the box.

    Returns:
        (..., J, 3) x and y in crop coordinates (outside [-1, 1] where a keypoint is outside the crop), confidence.

    Raises:
        InputError: a box without size under keypoints with confidence.
    """
    side = box_scale * bbox[..., 2:].max(axis=-1)[..., None, None]  # (..., 1, 1)
    empty = side <= 0
    if (empty & (keypoints2d[..., 2:] > 0)).any():
        place = tuple(int(axis[0]) for axis in np.nonzero((empty & (keypoints2d[..., 2:] > 0)).any(axis=(-2, -1))))
        raise InputError(f'bbox at {place} has no size, but its frame has keypoints with confidence')
    out = np.empty_like(keypoints2d)
    centred = keypoints2d[..., :2] - bbox[..., None, :2]
    out[..., :2] = np.where(empty, 0, centred * (2 / np.where(empty, 1, side)))
    out[..., 2] = keypoints2d[..., 2]
    return out


@TRANSFORMS.register_module()
class NormalizeKeypoints2d:
    """Convert `keypoints2d` from pixels to [-1, 1] over the square crop around `bbox`, and remove `bbox`.

    Args:
        box_scale: side of the crop divided by the larger side of the box.
    """

    frame_wise = True

    def __init__(self, box_scale: float = 1.2) -> None:
        if not box_scale > 0:
            raise InputError(f'box_scale is {box_scale}, expected a positive number')
        self.box_scale = box_scale

    def __call__(self, batch: dict, rng: np.random.Generator | None = None) -> dict:
        rest = {name: value for name, value in batch.items() if name not in ('keypoints2d', 'bbox')}
        missing = [name for name in ('keypoints2d', 'bbox') if name not in batch]
        if len(missing) == 2:  # a test track without 2D annotation
            return rest
        if missing:
            raise InputError(f'NormalizeKeypoints2d: no {missing[0]} in the batch, found {", ".join(batch)}')
        return {**rest, 'keypoints2d': normalize_keypoints2d(batch['keypoints2d'], batch['bbox'], self.box_scale)}
