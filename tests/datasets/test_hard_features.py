"""The hard data set: one frame hides depth, sides and hidden limbs; several frames tell them; all of it is recorded."""

from dataclasses import asdict

import numpy as np
import pytest

from glot_plugin.datasets.synthetic import write_synthetic_store
from glot_plugin.datasets.synthetic.generator import Bodies, make_track
from glot_plugin.datasets.synthetic.hard_features import Difficulty, hard_features, hard_scenario, write_hard_dataset
from glot_plugin.datasets.track_store import TrackStore

EASY = Difficulty(jitter=0, depth_noise=0, occlusions=0, swaps=0, looks=0, feature_noise=0)


@pytest.fixture
def standing(body) -> Bodies:
    """64 times the same pose, an arm and a leg forwards, seen from the front."""
    track = make_track(body, 0, 1)
    joints = np.tile(track.keypoints3d[:1], (64, 1, 1))
    hidden = np.zeros((64, 24), dtype=bool)
    eye = np.tile(np.eye(3), (64, 24, 1, 1))
    return Bodies(eye, np.zeros((64, 10)), np.tile(track.camera[:1], (64, 1)), hidden, joints)


def mirrored_in_depth(bodies: Bodies) -> Bodies:
    pelvis = bodies.joints[:, 8:9]
    joints = pelvis + (bodies.joints - pelvis) * (1, 1, -1)
    return Bodies(bodies.rotmat, bodies.betas, bodies.camera, bodies.hidden, joints)


def with_hand(bodies: Bodies, depth: float) -> Bodies:
    """The same with the left elbow and wrist at a depth relative to the left shoulder, metres."""
    joints = bodies.joints.copy()
    for joint, share in ((6, 0.5), (7, 1.0)):
        joints[:, joint, 2] = joints[:, 5, 2] + share * depth
    return Bodies(bodies.rotmat, bodies.betas, bodies.camera, bodies.hidden, joints)


def seen(bodies: Bodies, difficulty: Difficulty, seed: int = 0) -> np.ndarray:
    return hard_features(bodies, difficulty, np.random.default_rng(seed))


def test_depth_of_a_limb_is_lost_in_one_frame_and_told_by_many(standing):
    """The left hand 20 cm before the shoulder or behind it, told apart by the direction in which the two differ."""
    forwards, backwards = with_hand(standing, -0.2), with_hand(standing, 0.2)
    clear = seen(forwards, EASY)[0] - seen(backwards, EASY)[0]
    assert np.linalg.norm(clear) > 0.1
    difficulty = Difficulty(looks=0, swaps=0)
    noisy = [seen(bodies, difficulty, seed) @ clear for seed, bodies in ((1, forwards), (2, backwards))]
    spread = np.concatenate([side - side.mean() for side in noisy]).std()
    distance = noisy[0].mean() - noisy[1].mean()
    assert distance < 2 * spread  # one frame errs in at least one of six
    assert distance > 4 * spread / np.sqrt(16)  # the mean of a window does not


def test_looks_are_a_persons_and_say_nothing_of_the_pose(standing):
    looks = Difficulty(**{**asdict(EASY), 'looks': 1.0})
    one, other = seen(standing, looks, 1), seen(standing, looks, 2)
    np.testing.assert_array_equal(one, np.tile(one[:1], (64, 1)))
    assert np.abs(one - other).mean() > 0.1


def test_sides_are_exchanged_in_bursts(standing):
    swaps = Difficulty(**{**asdict(EASY), 'swaps': 0.05, 'swap_frames': 3})
    features, usual = seen(standing, swaps), seen(standing, EASY)[0]
    exchanged = (np.abs(features - usual) > 1e-6).any(1)
    assert 0 < exchanged.sum() < 32


def test_a_hidden_body_leaves_no_trace(standing):
    all_hidden = np.ones_like(standing.hidden)
    bodies = [
        Bodies(b.rotmat, b.betas, b.camera, all_hidden, b.joints) for b in (standing, mirrored_in_depth(standing))
    ]
    moved = Bodies(standing.rotmat, standing.betas, standing.camera * 0.8, all_hidden, standing.joints * 1.1)
    np.testing.assert_array_equal(seen(bodies[0], Difficulty()), seen(bodies[1], Difficulty()))
    np.testing.assert_array_equal(seen(bodies[0], Difficulty()), seen(moved, Difficulty()))


def test_the_bodies_are_not_changed(standing):
    joints, hidden = standing.joints.copy(), standing.hidden.copy()
    seen(standing, Difficulty(swaps=0.5))
    np.testing.assert_array_equal(standing.joints, joints)
    np.testing.assert_array_equal(standing.hidden, hidden)


def test_a_track_depends_on_seed_and_number_alone(body):
    one, again = (make_track(body, 3, 4, scenario=hard_scenario()) for _ in range(2))
    np.testing.assert_array_equal(one.features, again.features)
    assert one.features.shape[1] == Difficulty().feature_dim == 256


def test_stores_record_the_difficulty_and_are_made_anew_when_it_changes(body_dir, tmp_path):
    paths = write_hard_dataset(tmp_path, body_dir, 200, 60, 60, progress=False)
    with TrackStore(paths['train']) as store:
        recorded = store.meta['synthetic']
        assert store.track_has_smpl.all()
        assert store.feature_dim == 256
    assert recorded['scenario'] == 'hard image features'
    assert asdict(Difficulty()).items() <= recorded.items()
    before = (paths['train'] / 'features.npy').stat().st_mtime_ns
    write_hard_dataset(tmp_path, body_dir, 200, 60, 60, progress=False)
    assert (paths['train'] / 'features.npy').stat().st_mtime_ns == before
    write_hard_dataset(tmp_path, body_dir, 200, 60, 60, progress=False, difficulty=Difficulty(feature_dim=128))
    with TrackStore(paths['train']) as store:
        assert store.feature_dim == 128


def test_the_usual_data_set_records_nothing_new(body_dir, tmp_path):
    with TrackStore(write_synthetic_store(tmp_path / 'store', body_dir, 60, 0, progress=False)) as store:
        assert set(store.meta['synthetic']) == {
            'generator_version', 'num_frames', 'seed', 'share_2d', 'joints3d', 'feature_dtype', 'body',
        }  # fmt: skip
