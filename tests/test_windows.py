"""Windows of tracks."""

import pytest
import torch

from glot_plugin.windows import clamped_windows, disjoint_windows


def test_clamped_windows_by_hand():
    assert clamped_windows(4, 3).tolist() == [[0, 0, 0, 1], [0, 0, 1, 2], [0, 1, 2, 2]]


def test_clamped_windows_of_the_last_frame():
    assert clamped_windows(4, 3, target_frame=3).tolist() == [[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 2]]


def test_disjoint_windows_by_hand():
    windows, kept = disjoint_windows(4, 6)
    assert windows.tolist() == [[0, 1, 2, 3], [2, 3, 4, 5]]
    assert kept.tolist() == [[True] * 4, [False, False, True, True]]


def test_track_shorter_than_a_window_is_clamped():
    windows, kept = disjoint_windows(4, 2)
    assert windows.tolist() == [[0, 1, 1, 1]]
    assert kept.tolist() == [[True, True, False, False]]


@pytest.mark.parametrize('length', [1, 3, 4, 5, 8, 11])
def test_disjoint_windows_keep_every_frame_once_in_order(length):
    windows, kept = disjoint_windows(4, length)
    assert len(windows) == -(-length // 4)
    assert torch.equal(windows[kept], torch.arange(length))
    assert (windows.diff(dim=1) >= 0).all()
