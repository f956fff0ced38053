"""Synthetic tracks: what is stored fits together, moves like a body, and is the same for the same seed."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import roma
import torch

from glot_plugin.body_model import project
from glot_plugin.body_model.joint_sets import SPIN49_NAMES
from glot_plugin.body_model.synthetic.files import FILES
from glot_plugin.datasets.synthetic import (
    features,
    generate_tracks,
    generator,
    motion,
    movements,
    stores,
    write_synthetic_dataset,
    write_synthetic_store,
)
from glot_plugin.datasets.synthetic.generator import OWNER_OF_SPIN49, is_2d_only, make_track, track_lengths
from glot_plugin.datasets.track_store import TrackStore
from glot_plugin.errors import InputError

LEFT_HIP, RIGHT_HIP, LEFT_KNEE, RIGHT_KNEE, LEFT_ELBOW, RIGHT_ELBOW = 1, 2, 4, 5, 18, 19


@pytest.fixture(scope='module', autouse=True)
def _one_torch_thread():
    """Tracks are small: torch's threads would cost more in waiting for each other than they bring."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope='module')
def tracks(body) -> list[generator.SyntheticTrack]:
    """3000 frames, 40 % of the tracks 2D-only."""
    return list(generate_tracks(body, 3000, seed=3))


@pytest.fixture(scope='module')
def motions() -> list[motion.Motion]:
    return [motion.draw_motion(120, 25.0, np.random.default_rng(seed)) for seed in range(60)]


def rotmats(track: generator.SyntheticTrack) -> torch.Tensor:
    return roma.rotvec_to_rotmat(torch.from_numpy(track.smpl_pose).view(-1, 24, 3))


def file_bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def same(one: generator.SyntheticTrack, other: generator.SyntheticTrack) -> bool:
    return all(np.array_equal(vars(one)[key], vars(other)[key]) for key in vars(one))


# Movement


def test_angles_stay_within_the_joint_limits(motions):
    limits = movements.joint_limits()
    for moved in motions:
        assert (moved.angles >= limits[..., 0] - 1e-9).all()
        assert (moved.angles <= limits[..., 1] + 1e-9).all()


def test_knees_and_elbows_bend_one_way_only(motions):
    """From the matrices: shins swing backwards of the thigh (-z), forearms forwards of the upper arm (+z)."""
    for moved in motions:
        for knee in (LEFT_KNEE, RIGHT_KNEE):
            shin = moved.rotmat[:, knee] @ np.array([0.0, -1.0, 0.0])
            bend = np.degrees(np.arctan2(-shin[:, 2], -shin[:, 1]))
            assert bend.min() > -1
            assert bend.max() < 141
        for elbow, outwards in ((LEFT_ELBOW, 1.0), (RIGHT_ELBOW, -1.0)):
            upper_arm = np.array([outwards, 0.0, 0.0])
            bend = np.degrees(np.arccos(moved.rotmat[:, elbow] @ upper_arm @ upper_arm))
            assert bend.max() < 141


def test_limits_are_approached_smoothly():
    limits = np.tile(np.array([-10.0, 30.0]), (24, 3, 1))
    wanted = np.linspace(-60, 80, 1401)
    got = motion.within_limits(np.tile(wanted[:, None, None], (1, 24, 3)), limits)[:, 5, 1]
    assert got.min() >= -10
    assert got.max() <= 30
    inside = (wanted > -6) & (wanted < 26)
    np.testing.assert_allclose(got[inside], wanted[inside])
    slope = np.diff(got) / np.diff(wanted)
    assert slope.min() >= 0
    assert np.abs(np.diff(slope)).max() < 0.05


def test_right_limits_mirror_left_ones():
    limits = movements.joint_limits()
    np.testing.assert_array_equal(limits[RIGHT_KNEE, 0], limits[LEFT_KNEE, 0])
    np.testing.assert_array_equal(limits[LEFT_ELBOW, 1], [-140, 3])
    np.testing.assert_array_equal(limits[RIGHT_ELBOW, 1], [-3, 140])


@pytest.mark.parametrize(
    ('name', 'sign'), [('walk', -1), ('run', -1), ('turn', -1), ('squat', 1), ('jump', 1), ('sit and stand', 1)]
)
def test_legs_alternate_in_gaits_and_move_together_in_squats(monkeypatch, name, sign):
    kind = next(movement for movement in movements.MOVEMENTS if movement.name == name)
    monkeypatch.setattr(motion, 'MOVEMENTS', (kind, kind))
    moved = motion.draw_motion(250, 25.0, np.random.default_rng(0))
    hips = moved.angles[:, [LEFT_HIP, RIGHT_HIP], 0]
    assert sign * np.corrcoef(hips.T)[0, 1] > 0.7
    assert np.ptp(hips, axis=0).min() > 25


def test_every_kind_of_movement_occurs_and_some_people_turn(motions):
    names = set(itertools.chain.from_iterable(moved.name.split(', then ') for moved in motions))
    assert names == {movement.name for movement in movements.MOVEMENTS}
    turned = []
    for moved in motions:
        facing = moved.rotmat[:, 0] @ np.array([0.0, 0.0, 1.0])
        turned.append(np.ptp(np.unwrap(np.arctan2(facing[:, 0], facing[:, 2]))))
    assert np.max(turned) > np.radians(180)
    assert np.median(turned) < np.radians(120)


def test_people_stand_upright_in_the_camera_frame(motions):
    up = np.stack([moved.rotmat[:, 0] @ np.array([0.0, 1.0, 0.0]) for moved in motions])
    assert up[..., 1].mean() < -0.85  # y down
    assert up[..., 1].max() < 0


def test_movement_is_smooth(tracks):
    """Speeds below 12 m/s and accelerations below 200 m/s² at every joint, and mostly far below."""
    accelerations = []
    for track in tracks:
        if track.keypoints3d is None:
            continue
        assert np.linalg.norm(np.diff(track.keypoints3d, axis=0), axis=-1).max(initial=0) < 12 / 25
        accelerations.append(np.linalg.norm(np.diff(track.keypoints3d, 2, axis=0), axis=-1).ravel())
    accelerations = np.concatenate(accelerations)
    assert accelerations.max() < 200 / 25**2
    assert 0.0005 < np.median(accelerations) < 0.01


# What is stored


@pytest.mark.parametrize('num_frames', [1, 100, 257, 2000])
def test_any_number_of_frames_is_met(body, num_frames):
    made = list(generate_tracks(body, num_frames, seed=0))
    assert sum(len(track.features) for track in made) == num_frames
    assert [len(track.features) for track in made] == track_lengths(num_frames, 0)
    assert len({track.name for track in made}) == len(made)
    if num_frames >= 100:
        assert {track.smpl_pose is None for track in made} == {True, False}


def test_large_sets_have_long_tracks_and_a_few_that_are_shorter_than_a_window():
    lengths = np.array(track_lengths(100_000, seed=0))
    assert lengths.sum() == 100_000
    assert 390 <= lengths.max() <= 400
    assert 0.02 < (lengths < 16).mean() < 0.07
    assert not ((lengths[:-1] > 15) & (lengths[:-1] < 40)).any()


def test_2d_only_tracks_are_spread_evenly():
    kinds = [is_2d_only(track, 0.4) for track in range(100)]
    assert sum(kinds) == 40
    assert max(len(list(group)) for _, group in itertools.groupby(kinds)) <= 2
    assert not any(is_2d_only(track, 0.0) for track in range(100))


def test_2d_only_tracks_have_neither_3d_nor_smpl(tracks):
    flags = [(track.keypoints3d is None, track.smpl_pose is None, track.smpl_betas is None) for track in tracks]
    assert set(flags) == {(True,) * 3, (False,) * 3}
    assert sum(flag[0] for flag in flags) == int(0.4 * len(tracks))


@pytest.mark.parametrize('joints3d', ['spin49', 'h36m14'])
def test_3d_joints_are_the_body_s(body, joints3d):
    track = make_track(body, 0, 1, joints3d=joints3d)
    joints = body.joints(rotmats(track), torch.from_numpy(track.smpl_betas), joints3d)
    assert track.keypoints3d.shape == tuple(joints.shape)
    np.testing.assert_allclose(track.keypoints3d, joints.numpy(), atol=1e-5)


def test_2d_keypoints_are_the_projected_3d_ones(tracks):
    for track in tracks:
        if track.keypoints3d is None:
            continue
        projected = project(torch.from_numpy(track.keypoints3d), torch.from_numpy(track.camera)).numpy()
        side = 1.2 * track.bbox[:, 2:].max(1)
        normalised = 2 * (track.keypoints2d[..., :2] - track.bbox[:, None, :2]) / side[:, None, None]
        np.testing.assert_allclose(normalised, projected, atol=1e-5)


def test_people_fill_their_crops_and_stay_inside(tracks):
    for track in tracks:
        side = 1.2 * track.bbox[:, 2:].max(1)
        normalised = 2 * (track.keypoints2d[..., :2] - track.bbox[:, None, :2]) / side[:, None, None]
        assert np.abs(normalised).max() < 1.3
        assert np.ptp(normalised[..., 1], axis=1).min() > 0.4
        assert ((track.bbox[:, :2] > 0) & (track.bbox[:, :2] < (1920, 1080))).all()


def test_shape_is_one_for_a_track_and_differs_between_tracks(tracks):
    shapes = []
    for track in tracks:
        if track.smpl_betas is not None:
            assert (track.smpl_betas == track.smpl_betas[0]).all()
            shapes.append(track.smpl_betas[0])
    shapes = np.stack(shapes)
    assert np.abs(shapes).max() <= 2.5
    assert len(np.unique(shapes[:, 0])) == len(shapes)
    assert 0.6 < shapes.std() < 1.3


def test_camera_drifts_slowly(tracks):
    drift = np.concatenate([np.ptp(track.camera, axis=0)[None] for track in tracks if len(track.camera) > 100])
    assert (drift > 0.002).all()
    assert drift.max() < 0.2
    assert max(np.abs(np.diff(track.camera, axis=0)).max(initial=0) for track in tracks) < 0.01


# Occlusion and features


def test_each_of_the_49_joints_hangs_on_a_joint_of_its_own_side():
    right = list(movements.LEFT_RIGHT.values())
    for name, owner in zip(SPIN49_NAMES, OWNER_OF_SPIN49, strict=True):
        face = any(part in name for part in ('eye', 'ear'))
        assert (owner == 15) == (face or name in ('nose_openpose', 'nose', 'jaw_extra', 'head_extra', 'headtop')), name
        if not face:
            assert (owner in movements.LEFT_RIGHT) == name.startswith('left_'), name
            assert (owner in right) == name.startswith('right_'), name


def test_occlusion_comes_in_bursts_of_a_share_of_the_frames():
    hidden = features.draw_occlusion(100_000, np.random.default_rng(0))
    assert 0.08 < hidden.any(1).mean() < 0.2
    edges = np.diff(hidden[:, 20].astype(int), prepend=0, append=0)
    lengths = np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
    assert lengths.min() >= 3
    assert np.quantile(lengths, 0.9) <= 12


def test_hidden_joints_lose_their_confidence(tracks):
    confidence = np.concatenate([track.keypoints2d for track in tracks])[..., 2]
    low = confidence < 0.5
    assert ((confidence[low] >= 0) & (confidence[low] < 0.2)).all()
    assert ((confidence[~low] >= 0.7) & (confidence[~low] <= 1)).all()
    assert 0.02 < low.mean() < 0.15
    for owner in set(OWNER_OF_SPIN49):  # all joints of one owner vanish together
        columns = low[:, owner == OWNER_OF_SPIN49]
        assert (columns.all(1) == columns.any(1)).all()


def test_a_hidden_body_leaves_no_trace_in_the_features():
    poses = [np.tile(np.eye(3), (3, 24, 1, 1)), roma.random_rotmat((3, 24)).double().numpy()]
    betas, camera = np.zeros((3, 10)), np.tile([0.9, 0.0, 0.1], (3, 1))

    def seen(pose, hidden):
        return features.frame_features(pose, betas, camera, hidden, np.random.default_rng(0))

    hidden = np.ones((3, 24), dtype=bool)
    np.testing.assert_array_equal(seen(poses[0], hidden), seen(poses[1], hidden))
    assert np.abs(seen(poses[0], ~hidden) - seen(poses[1], ~hidden)).mean() > 0.1


def test_features_look_like_pooled_activations(tracks):
    values = np.concatenate([track.features for track in tracks])
    assert values.dtype == np.float32
    assert values.shape[1] == features.FEATURE_DIM == 2048
    assert values.min() == 0
    assert 0.35 < values.mean() < 0.5
    assert values.std(0).min() > 0
    assert np.median(values.std(0)) > 0.3


def smoothed(values: np.ndarray, reach: int = 4) -> np.ndarray:
    """Mean over neighbouring frames (N, C), weighted by their closeness."""
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / 1.5) ** 2)
    padded = np.pad(values, ((reach, reach), (0, 0)), mode='edge')
    return sum(w * padded[i : i + len(values)] for i, w in enumerate(kernel / kernel.sum()))


def test_features_tell_the_pose_and_neighbouring_frames_tell_it_better(body):
    """Ridge regression of the 6D pose on new tracks, against the mean pose."""

    def samples(seed, count):
        made = list(generate_tracks(body, count, seed, share_2d=0.0))
        single = np.concatenate([track.features[:, ::4] for track in made])
        several = np.concatenate([smoothed(track.features[:, ::4]) for track in made])
        pose = np.concatenate([rotmats(track)[..., :2].reshape(-1, 144).numpy() for track in made])
        return single, several, pose

    train, test = samples(0, 8000), samples(1, 2000)
    mean_pose = train[2].mean(0)
    errors = [((test[2] - mean_pose) ** 2).mean()]
    for inputs, test_inputs in ((train[0], test[0]), (train[1], test[1])):
        centre = inputs.mean(0)
        gram = (inputs - centre).T @ (inputs - centre) + 100 * np.eye(inputs.shape[1])
        weights = np.linalg.solve(gram, (inputs - centre).T @ (train[2] - mean_pose))
        errors.append(((test[2] - mean_pose - (test_inputs - centre) @ weights) ** 2).mean())
    of_mean_pose, of_one_frame, of_several = errors
    assert of_one_frame < 0.5 * of_mean_pose
    assert of_several < 0.8 * of_one_frame


# Seeds and order


def test_a_track_depends_on_seed_and_number_alone(body, tracks):
    longest = generator.longest_track(3000)
    again = make_track(body, 3, 4, longest, only_2d=is_2d_only(4, 0.4))
    assert same(again, tracks[4])
    other = make_track(body, 4, 4, longest)
    assert other.features[0, :50].tolist() != again.features[0, :50].tolist()


def test_tracks_do_not_depend_on_the_number_of_threads(body):
    alone, several = (list(generate_tracks(body, 600, seed=1, workers=workers)) for workers in (1, 3))
    assert len(alone) == len(several)
    assert all(same(one, other) for one, other in zip(alone, several, strict=True))


def test_tracks_are_made_a_few_ahead_and_torch_keeps_its_threads(body, monkeypatch):
    made = []
    make = generator.make_track
    monkeypatch.setattr(generator, 'make_track', lambda *args: made.append(args[2]) or make(*args))
    threads = 2
    torch.set_num_threads(threads)
    stream = generate_tracks(body, 1_000_000, seed=0, workers=2)
    for _ in range(3):
        next(stream)
    assert len(made) <= 3 + 2 * 2 + 1
    stream.close()
    assert torch.get_num_threads() == threads
    torch.set_num_threads(1)


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        ({'num_frames': 0}, 'num_frames is 0, expected at least 1'),
        ({'num_frames': 10, 'share_2d': 1.5}, 'share_2d is 1.5, expected a share between 0 and 1'),
        ({'num_frames': 10, 'joints3d': 'coco'}, "joints3d is 'coco', expected spin49 or h36m14"),
    ],
)
def test_bad_settings_are_refused(body, option, message):
    with pytest.raises(InputError, match=message):
        generate_tracks(body, seed=0, **option)


# Stores


def test_same_seed_gives_the_same_files_byte_for_byte(body_dir, tmp_path):
    one, two, three = (
        write_synthetic_store(tmp_path / name, body_dir, 300, seed, progress=False)
        for name, seed in (('one', 5), ('two', 5), ('three', 6))
    )
    assert file_bytes(one) == file_bytes(two)
    assert file_bytes(one)['features.npy'] != file_bytes(three)['features.npy']


def test_store_holds_the_tracks(body, body_dir, tmp_path):
    store = TrackStore(write_synthetic_store(tmp_path / 'store', body_dir, 500, 2, progress=False))
    made = list(generate_tracks(body, 500, 2))
    assert store.track_names.tolist() == [track.name for track in made]
    assert 'no benchmark' in store.source
    for number, track in enumerate(made):
        columns = store.track(number)
        np.testing.assert_array_equal(columns['features'], track.features)
        np.testing.assert_array_equal(columns['keypoints2d'], track.keypoints2d)
        assert store.track_has_smpl[number] == (track.smpl_pose is not None)
        if track.smpl_pose is not None:
            np.testing.assert_array_equal(columns['smpl_pose'], track.smpl_pose)
    store.close()


def test_half_precision_features_are_the_same_rounded(body_dir, tmp_path):
    full, half = (
        TrackStore(write_synthetic_store(tmp_path / dtype, body_dir, 100, 0, feature_dtype=dtype, progress=False))
        for dtype in ('float32', 'float16')
    )
    assert half.columns['features'].dtype == np.float16
    np.testing.assert_array_equal(half.columns['features'], full.columns['features'].astype(np.float16))


def test_progress_is_shown(body_dir, tmp_path, capsys):
    write_synthetic_store(tmp_path / 'store', body_dir, 100, 0)
    output = capsys.readouterr().out
    assert 'store: 100 frames' in output
    assert '100%' in output


def test_splits_have_their_joints_and_share_no_frame(body_dir, tmp_path):
    paths = write_synthetic_dataset(tmp_path, body_dir, 400, 200, 200, progress=False)
    assert {name: path.name for name, path in paths.items()} == {name: name for name in ('train', 'val', 'test')}
    opened = {name: TrackStore(path) for name, path in paths.items()}
    assert {name: store.num_frames for name, store in opened.items()} == {'train': 400, 'val': 200, 'test': 200}
    assert {name: store.keypoints3d_joints for name, store in opened.items()} == {
        'train': 'spin49',
        'val': 'h36m14',
        'test': 'h36m14',
    }
    assert not opened['train'].track_has_smpl.all()
    assert opened['val'].track_has_smpl.all()
    assert opened['test'].track_has_keypoints3d.all()
    rows = np.concatenate([store.columns['features'] for store in opened.values()])
    assert len(np.unique(rows[:, :16], axis=0)) == len(rows)
    other_seed = write_synthetic_dataset(tmp_path / 'other', body_dir, 400, 200, 200, seed=1, progress=False)
    rows = np.concatenate([rows, *(TrackStore(path).columns['features'] for path in other_seed.values())])
    assert len(np.unique(rows[:, :16], axis=0)) == len(rows)


def test_complete_splits_are_kept_and_the_broken_or_changed_ones_are_rewritten(body_dir, tmp_path):
    def write(val_frames):
        write_synthetic_dataset(tmp_path, body_dir, 150, val_frames, 100, progress=False)
        return {path.name: (path / 'store.json').stat().st_ino for path in tmp_path.iterdir()}

    first = write(100)
    intact = file_bytes(tmp_path / 'test')
    assert write(100) == first
    with open(tmp_path / 'test' / 'features.npy', 'r+b') as file:
        file.truncate(5000)
    second = write(120)
    assert second['train'] == first['train']
    assert second['val'] != first['val']
    assert file_bytes(tmp_path / 'test') == intact
    assert TrackStore(tmp_path / 'val').num_frames == 120


def test_an_interrupted_store_leaves_nothing_and_is_written_next_time(body_dir, tmp_path, monkeypatch):
    real = stores.generate_tracks

    def interrupted(*args, **options):
        yield from itertools.islice(real(*args, **options), 1)
        raise KeyboardInterrupt

    monkeypatch.setattr(stores, 'generate_tracks', interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_synthetic_store(tmp_path / 'store', body_dir, 300, 0, progress=False)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(stores, 'generate_tracks', real)
    assert TrackStore(write_synthetic_store(tmp_path / 'store', body_dir, 300, 0, progress=False)).num_frames == 300


def test_another_body_gives_another_store(body_dir, tmp_path):
    slim = tmp_path / 'slim'
    slim.mkdir()
    for source, name in (('SMPL_FEMALE.pkl', 'SMPL_NEUTRAL.pkl'), *((name, name) for name in FILES if '.npy' in name)):
        (slim / name).write_bytes((body_dir / source).read_bytes())
    write_synthetic_store(tmp_path / 'store', body_dir, 100, 0, progress=False)
    before = file_bytes(tmp_path / 'store')
    write_synthetic_store(tmp_path / 'store', slim, 100, 0, progress=False)
    after = file_bytes(tmp_path / 'store')
    assert after['features.npy'] == before['features.npy']
    assert after['keypoints3d.npy'] != before['keypoints3d.npy']
