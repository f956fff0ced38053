"""What a live window shows, without one."""

import numpy as np
import pytest

from glot_plugin.body_model.joint_sets import LSP14
from glot_plugin.errors import InputError
from glot_plugin.live import window
from glot_plugin.live.session import LiveBodies
from glot_plugin.live.source import LiveFrame
from glot_plugin.video.bodies import PlacedBodies
from glot_plugin.video.clip import Frame


def standing(x: float) -> np.ndarray:
    """49 joints (49, 2): those that are drawn on a vertical line."""
    joints = np.full((49, 2), np.nan)
    joints[list(LSP14)] = np.stack([np.full(14, x), np.linspace(5, 45, 14)], axis=1)
    return joints


def test_skeletons():
    image = np.zeros((50, 60, 3), np.uint8)
    drawn = window.draw_skeletons(image, np.stack([standing(15), standing(40)]), np.array([1, 2]))
    assert image.max() == 0
    columns = np.flatnonzero(drawn.any(axis=(0, 2)))
    assert set(columns) <= {*range(12, 19), *range(37, 44)}
    assert drawn[25, 15].tolist() != drawn[25, 40].tolist()  # a colour each
    assert drawn[25, 40].any()
    far = np.stack([standing(1e9)])
    assert not window.draw_skeletons(image, far, np.array([1])).any()


def test_bodies_are_shown_over_their_own_frames(monkeypatch):
    shown = []
    monkeypatch.setenv('DISPLAY', ':0')
    for name in ('namedWindow', 'waitKey', 'destroyWindow'):
        monkeypatch.setattr(window.cv2, name, lambda *_: None)
    monkeypatch.setattr(window.cv2, 'imshow', lambda title, image: shown.append(image))
    live = window.LiveWindow('live')
    none = np.zeros(0, np.int64)
    for number in range(3):
        image = np.full((50, 60, 3), 10 * number, np.uint8)
        empty = LiveBodies([], none, np.zeros((0, 4)), PlacedBodies(*(none,) * 6))
        joints2d = standing(15)[None]
        ready = LiveBodies([1], np.array([number - 1]), np.zeros((1, 4)), PlacedBodies(*(none,) * 5, joints2d))
        live(LiveFrame(Frame(number, 0.0, image), 0.0), ready if number else empty)
    live.close()
    assert [int(image[0, 0, 0]) for image in shown] == [0, 10]
    assert shown[0][25, 15].any()


def test_without_a_display(monkeypatch):
    monkeypatch.delenv('DISPLAY', raising=False)
    monkeypatch.delenv('WAYLAND_DISPLAY', raising=False)
    monkeypatch.setattr(window.sys, 'platform', 'linux')
    with pytest.raises(InputError, match='--show: there is no display'):
        window.LiveWindow('live')
