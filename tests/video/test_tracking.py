"""Identities of people who move, are hidden for a while, cross each other or leave."""

import numpy as np
import pytest

from glot_plugin.video.appearance import clothes_colors, color_difference
from glot_plugin.video.tracking import IdentityTracker, Observation, TrackingRules, observe_box

pytest.importorskip('norfair')
RED, BLUE = np.tile([[50.0, 70, 50]], (2, 1)), np.tile([[50.0, 20, -70]], (2, 1))


def at(x: float, colors: np.ndarray | None = None) -> Observation:
    """A person of 200 pixels whose middle is at x."""
    return observe_box(np.array([x, 300, 80, 200]))._replace(colors=colors)


def test_people_keep_their_identities():
    tracker = IdentityTracker(TrackingRules(), fps=10)
    first = tracker([at(100), at(500)])
    assert len(set(first)) == 2
    for step in range(1, 20):
        order = [at(500 - 5 * step), at(100 + 5 * step)]  # in another order than before
        assert tracker(order) == first[::-1]
    assert set(tracker([at(105 + 95), at(300), at(900)])) > {first[0]}


def test_a_short_absence_is_survived_and_a_long_one_is_not():
    tracker = IdentityTracker(TrackingRules(gap_seconds=1), fps=10)
    for step in range(15):
        (identity,) = tracker([at(100 + 4 * step)])
    for _ in range(8):
        assert tracker([]) == []
    assert tracker([at(100 + 4 * 23)]) == [identity]
    for _ in range(14):
        tracker([])
    assert tracker([at(200)]) != [identity]


def test_a_jump_is_another_person():
    tracker = IdentityTracker(TrackingRules(), fps=10)
    for _ in range(5):
        (identity,) = tracker([at(100)])
    assert tracker([at(400)]) != [identity]


def test_colors_tell_who_is_who_after_two_people_met():
    """Both stop where they meet, one is hidden, and each goes back: by motion alone they would have passed."""
    tracker = IdentityTracker(TrackingRules(), fps=10)
    for step in range(11):
        left, right = tracker([at(100 + 15 * step, RED), at(430 - 15 * step, BLUE)])
    assert left != right
    for _ in range(3):
        assert tracker([at(260, BLUE)]) == [right]
    for step in range(6):
        assert tracker([at(240 - 15 * step, RED), at(275 + 15 * step, BLUE)]) == [left, right]


def test_colors_of_clothes():
    image = np.zeros((200, 100, 3), np.uint8)
    image[:100], image[100:] = (255, 0, 0), (0, 0, 255)  # a red shirt and blue trousers
    landmarks = np.full((33, 2), 50.0)
    landmarks[[11, 12]], landmarks[[23, 24]], landmarks[[25, 26]] = (50, 20), (50, 95), (50, 180)
    colors = clothes_colors(image, landmarks)
    np.testing.assert_allclose(colors, [[53.2, 80.1, 67.2], [32.3, 79.2, -107.9]], atol=0.5)  # red and blue in CIELAB
    assert color_difference(colors, colors) == 0
    assert color_difference(colors, colors[::-1]) == 1
    assert 0 < color_difference(colors, colors + 10) < 0.6
    clothes_colors(image, landmarks + 1000)  # outside: the nearest pixels
