"""Crops against a naive computation, and against the coordinates of normalised keypoints."""

import numpy as np
import pytest
from picture_files import random_picture

from glot_plugin.errors import InputError
from glot_plugin.features.crops import check_box_inside, check_box_size, crop_square
from glot_plugin.transforms.normalize import normalize_keypoints2d


def naive_crop(image: np.ndarray, bbox: np.ndarray, size: int) -> np.ndarray:
    """Bilinear interpolation, pixel by pixel; black outside."""
    height, width = image.shape[:2]
    side = 1.2 * max(bbox[2], bbox[3])
    out = np.zeros((size, size, 3))
    for v in range(size):
        for u in range(size):
            x, y = bbox[0] + (u / size - 0.5) * side, bbox[1] + (v / size - 0.5) * side
            left, top = int(np.floor(x)), int(np.floor(y))
            for column, row in ((left, top), (left + 1, top), (left, top + 1), (left + 1, top + 1)):
                if 0 <= column < width and 0 <= row < height:
                    out[v, u] += (1 - abs(x - column)) * (1 - abs(y - row)) * image[row, column]
    return out


@pytest.mark.parametrize(
    'bbox', [(40, 30, 20, 30), (40.3, 29.6, 31.7, 12.2), (3, 55, 30, 40)], ids=['plain', 'fractions', 'over the edge']
)
def test_is_the_naive_crop(bbox):
    image, bbox = random_picture(0), np.array(bbox, float)
    # OpenCV interpolates between positions of 1/32 pixel
    assert np.abs(crop_square(image, bbox, 32) - naive_crop(image, bbox, 32)).max() <= 6


def test_outside_is_black():
    crop = crop_square(np.full((60, 80, 3), 200, np.uint8), np.array([0, 30, 50, 50]), 60)  # 1 pixel a pixel
    assert (crop[:, :30] == 0).all()  # left half: x < 0
    assert (crop[:, 30:] == 200).all()  # y from 0 to 59


def test_a_point_lies_where_its_normalised_coordinates_say():
    image = np.zeros((100, 120, 3), np.uint8)
    image[20:23, 70:73] = 255  # around (71, 21)
    bbox = np.array([60, 40, 30, 50])
    normal = normalize_keypoints2d(np.array([[71, 21, 1.0]]), bbox)[0]
    row, column = np.array(np.nonzero(crop_square(image, bbox, 240)[..., 0] > 127)).mean(axis=1)
    assert column == pytest.approx(120 * (1 + normal[0]), abs=0.6)
    assert row == pytest.approx(120 * (1 + normal[1]), abs=0.6)


def test_boxes_that_cannot_be_cropped():
    image = random_picture(0)
    for bbox in ((10, 10, 0, 5), (10, 10, 5, -1), (np.nan, 1, 2, 2)):
        with pytest.raises(InputError, match=r'track a: the box is .*expected finite numbers and a width and height'):
            check_box_size(np.array(bbox), 'track a')
    for bbox in ((100, 30, 40, 20), (40, -20, 10, 40), (-5, 30, 10, 10), (40, 75, 10, 30)):
        with pytest.raises(InputError, match=r'frame 3: the box .* lies outside the picture of 80 x 60 pixels'):
            check_box_inside(np.array(bbox), image, 'frame 3')
    check_box_inside(np.array([99, 30, 40, 20]), image, '')  # one column of pixels
