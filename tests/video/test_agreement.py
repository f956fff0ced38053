"""Agreement of bodies with landmarks: known distances give known numbers."""

import numpy as np
import pytest

from glot_plugin.datasets import TrackStore, TrackStoreWriter
from glot_plugin.errors import InputError
from glot_plugin.features.landmarks import SPIN49_OF_BLAZEPOSE21, landmark_features
from glot_plugin.video.agreement import agreement, agreement_table, clip_agreement, jitter
from glot_plugin.video.result import PersonTrack, VideoResult


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
    lines = agreement_table([found, found]).splitlines()
    assert len(lines) == 4  # a heading and its line
    assert lines[2].replace('|', '').split()[:4] == ['3', '6', '0.00', '%']


def write_store(path, names, features, **columns) -> TrackStore:
    with TrackStoreWriter(path, source='test', columns=(), feature_dim=features.shape[1]) as writer:
        for name in names:
            writer.add_track(name, features=features, **columns)
    return TrackStore(path)


def test_people_and_frames_are_found_in_the_store(tmp_path):
    track, world, points2d, visibility = person()
    features = landmark_features(world, points2d, visibility, track.box)
    features = np.concatenate([features[:1] + 9, features])  # a frame that was not predicted
    result = VideoResult('clip', (400, 400), 25.0, np.arange(7) / 25, 500.0, (track,))
    store = write_store(tmp_path / 'store', ['1', '3'], features, frame_id=np.arange(-1, 6))
    (found,) = clip_agreement(result, store)
    assert (found.person, found.frames) == (3, 6)
    assert found.world == pytest.approx(0, abs=1e-3)


def test_stores_that_do_not_fit(tmp_path):
    track, world, points2d, visibility = person()
    features = landmark_features(world, points2d, visibility, track.box)
    result = VideoResult('clip', (400, 400), 25.0, np.arange(6) / 25, 500.0, (track,))
    others = write_store(tmp_path / 'others', ['1', '2'], features)
    with pytest.raises(InputError, match='others: no track 3, found 1, 2'):
        clip_agreement(result, others)
    short = write_store(tmp_path / 'short', ['3'], features[:4])
    with pytest.raises(InputError, match='short: track 3 has no frame 4'):
        clip_agreement(result, short)
    wide = write_store(tmp_path / 'wide', ['3'], np.concatenate([features, features[:, :1]], axis=1))
    with pytest.raises(InputError, match='wide: features are 127 wide, expected the 126 of landmarks'):
        clip_agreement(result, wide)
