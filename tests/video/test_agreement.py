"""Agreement of bodies with landmarks: known distances give known numbers."""

import numpy as np
import pytest

from glot_plugin.errors import InputError
from glot_plugin.features.landmarks import SPIN49_OF_BLAZEPOSE21, landmark_features
from glot_plugin.video.agreement import agreement, agreement_lines, jitter
from glot_plugin.video.result import PersonTrack


def person(frames: int = 6, seed: int = 0) -> tuple[PersonTrack, np.ndarray, np.ndarray, np.ndarray]:
    """A track whose joints are the landmarks exactly, and these: world, pixels, visibility."""
    random = np.random.default_rng(seed)
    joints3d, joints2d = random.normal(0, 0.3, (1, 49, 3)), random.uniform(100, 300, (1, 49, 2))
    joints3d, joints2d = np.repeat(joints3d, frames, axis=0), np.repeat(joints2d, frames, axis=0)
    box = np.tile([200.0, 200.0, 200.0, 250.0], (frames, 1))
    track = PersonTrack(
        3, np.arange(frames), box, np.tile(np.eye(3), (frames, 24, 1, 1)), np.zeros((frames, 10)),
        np.ones((frames, 3)), np.zeros((frames, 3)), joints3d, joints2d,
    )  # fmt: skip
    points = list(SPIN49_OF_BLAZEPOSE21)
    return track, joints3d[:, points], joints2d[:, points], np.ones((frames, 21))


def test_the_same_points_agree():
    track, world, points2d, visibility = person()
    found = agreement(track, landmark_features(world, points2d, visibility, track.box))
    assert found.frames == 6
    assert found.picture == pytest.approx(0, abs=1e-4)
    assert found.world == pytest.approx(0, abs=1e-3)
    assert found.joint_jitter == pytest.approx(0, abs=1e-6)


def test_distances_in_percent_of_the_side_and_in_millimetres():
    track, world, points2d, visibility = person()
    moved = world.copy()
    moved[:, [*range(11), *range(13, 21)], 2] += 0.05  # all but the hips, which are the origin
    found = agreement(track, landmark_features(moved, points2d + [0.0, 6.0], visibility, track.box))
    assert found.picture == pytest.approx(100 * 6 / (1.2 * 250), rel=1e-4)
    assert found.world == pytest.approx(50, rel=1e-4)


def test_jitter_of_frames_that_follow_each_other():
    points = np.zeros((6, 2, 3))
    points[:, :, 0] = np.array([0, 1, 0, 1, 0, 1])[:, None]
    assert jitter(points, np.arange(6)) == pytest.approx(2)
    assert jitter(points, np.array([0, 1, 2, 9, 10, 11])) == pytest.approx(2)
    assert np.isnan(jitter(points, 2 * np.arange(6)))
    bend = np.array([0, 0, 1, 5, 5, 5.0])[:, None, None] * np.ones((6, 1, 3))
    assert jitter(bend, np.array([0, 1, 2, 9, 10, 11])) == pytest.approx((np.sqrt(3) + 0) / 2)


def test_filled_in_frames_are_left_out():
    track, world, points2d, visibility = person()
    visibility[2:4] = 0
    points2d[2:4] += 500
    found = agreement(track, landmark_features(world, points2d, visibility, track.box))
    assert found.frames == 4
    assert found.picture == pytest.approx(0, abs=1e-4)
    assert np.isnan(found.joint_jitter)
    with pytest.raises(InputError, match='person 3: no frame with landmarks'):
        agreement(track, landmark_features(world, points2d, 0 * visibility, track.box))
    with pytest.raises(InputError, match='person 3: 5 frames of landmarks, expected 6'):
        agreement(track, landmark_features(world, points2d, visibility, track.box)[:5])


def test_table_has_a_line_a_person():
    track, world, points2d, visibility = person()
    found = agreement(track, landmark_features(world, points2d, visibility, track.box))
    lines = agreement_lines([found, found]).splitlines()
    assert len(lines) == 3
    assert lines[1].split()[:3] == ['3', '6', '0.00']
