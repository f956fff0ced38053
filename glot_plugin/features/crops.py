"""Square crops around boxes, the backbone's input."""

import cv2
import numpy as np

from glot_plugin.errors import InputError

BOX_SCALE = 1.2  # side of a crop relative to the larger side of its box, as in track stores


def crop_square(image: np.ndarray, bbox: np.ndarray, size: int, box_scale: float = BOX_SCALE) -> np.ndarray:
    """The square of side `box_scale * max(w, h)` around the centre of a box, resized; black outside the picture.

    A pixel's x in the picture is mapped to `size / 2 * (1 + x')` in the crop, where x' is the coordinate that
    `NormalizeKeypoints2d` gives for it; the same holds for y. The crops are those of VIBE and TCMR.

    Args:
        image: (H, W, 3) uint8.
        bbox: (4,) centre x, centre y, width, height in pixels.
        size: Side of the result in pixels.
        box_scale: Side of the crop relative to the larger side of the box.

    Returns:
        (size, size, 3) uint8.
    """
    cx, cy, width, height = (float(value) for value in bbox)
    scale = size / (box_scale * max(width, height))
    matrix = np.array([[scale, 0, size / 2 - scale * cx], [0, scale, size / 2 - scale * cy]])
    return cv2.warpAffine(
        image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(0, 0, 0)
    )


def check_box_size(bbox: np.ndarray, where: str) -> None:
    """Raise `InputError` for a box that is not finite or has no width or height; `where` names track and frame."""
    if not np.isfinite(bbox).all() or min(bbox[2:]) <= 0:
        raise InputError(
            f'{where}: the box is {_as_text(bbox)}, expected finite numbers and a width and height above 0'
        )


def crop_squares(image: np.ndarray, boxes: np.ndarray, crop_size: int) -> np.ndarray:
    """The crops (P, crop_size, crop_size, 3) of P ≥ 1 boxes (P, 4) in one picture; see `crop_square`."""
    return np.stack([crop_square(image, bbox, crop_size) for bbox in boxes])


def check_box_inside(bbox: np.ndarray, image: np.ndarray, where: str) -> None:
    """Raise `InputError` if a box does not overlap the picture (H, W, 3)."""
    height, width = image.shape[:2]
    left, top = bbox[:2] - bbox[2:] / 2
    right, bottom = bbox[:2] + bbox[2:] / 2
    if left >= width or top >= height or right <= 0 or bottom <= 0:
        raise InputError(
            f'{where}: the box {_as_text(bbox)} lies outside the picture of {width} x {height} pixels; expected '
            'centre x, centre y, width, height in pixels of this picture'
        )


def _as_text(bbox: np.ndarray) -> str:
    return '(' + ', '.join(f'{value:g}' for value in bbox) + ')'
