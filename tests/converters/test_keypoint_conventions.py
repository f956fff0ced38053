"""Keypoint conventions: places worked out by hand from the lists of joints."""

import numpy as np
import pytest

from glot_plugin.body_model.joint_sets import SPIN49_NAMES
from glot_plugin.converters.keypoint_conventions import CONVENTIONS, as_spin49, spin49_places
from glot_plugin.errors import InputError


@pytest.mark.parametrize(
    ('count', 'places'),
    [
        (14, list(range(25, 39))),
        (13, [38, 34, 33, 35, 32, 36, 31, 28, 27, 29, 26, 30, 25]),
        (17, [38, 37, 33, 32, 31, 34, 35, 36, 27, 26, 25, 28, 29, 30, 39, 41, 43]),
        (25, [24, 10, 9, 12, 13, 21, 4, 3, 2, 5, 6, 7, 1, 38, 0, 16, 15, 18, 17, 19, 22, 20, 23, 14, 11]),
        (49, list(range(49))),
    ],
)
def test_places_among_the_49(count, places):
    assert spin49_places(count, 'db') == places
    assert len(CONVENTIONS[count]) == len(set(CONVENTIONS[count])) == count


def test_joints_move_by_name_and_the_rest_is_zero():
    joints = np.arange(2 * 13 * 3, dtype=np.float64).reshape(2, 13, 3) + 1
    out = as_spin49(joints, 'db')
    assert out.shape == (2, 49, 3)
    assert out.dtype == np.float32
    left_knee = SPIN49_NAMES.index('left_knee')
    np.testing.assert_array_equal(out[:, left_knee], joints[:, 9])
    absent = [place for place in range(49) if place not in spin49_places(13, '')]
    assert not out[:, absent].any()


def test_unknown_count():
    with pytest.raises(InputError, match=r'db.pt: joints2D: found 21 joints, expected .*13, 14, 17, 25, 49'):
        spin49_places(21, 'db.pt: joints2D')
