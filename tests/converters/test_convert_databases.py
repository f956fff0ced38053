"""Databases in the real layouts, converted, and read as training and testing do: values compared."""

import numpy as np
import pytest

from glot_plugin.converters import DATABASES, convert_database, convert_databases, databases_in, find_databases
from glot_plugin.converters.keypoint_conventions import spin49_places
from glot_plugin.datasets import TrackDataset, TrackStore, WindowDataset
from glot_plugin.errors import InputError
from glot_plugin.transforms.normalize import normalize_keypoints2d


def convert(tmp_path, spec, **options):
    return convert_database(spec, tmp_path / 'root', tmp_path / 'out', progress=False, **options)


@pytest.mark.parametrize('name', [spec.name for spec in DATABASES])
def test_values_of_every_database(tmp_path, make_database, name):
    spec, database = make_database(name)
    store = TrackStore(convert(tmp_path, spec))
    assert store.path == tmp_path / 'out' / name
    assert list(store.track_names) == list(dict.fromkeys(database['vid_name'].tolist()))
    columns = store.columns
    np.testing.assert_array_equal(columns['features'], database['features'])
    np.testing.assert_array_equal(columns['frame_id'], database['frame_id'])
    places = spin49_places(database['joints2D'].shape[1], '')
    np.testing.assert_array_equal(columns['keypoints2d'][:, places], database['joints2D'].astype(np.float32))
    rest = [place for place in range(49) if place not in places]
    assert not columns['keypoints2d'][:, rest].any()
    expected_valid = database.get('valid', database.get('valid_i', np.ones(len(columns['valid'])))).reshape(-1) > 0
    np.testing.assert_array_equal(columns['valid'], expected_valid)
    assert ('keypoints3d' in columns) == spec.has_3d == store.track_has_keypoints3d.all()
    assert ('smpl_pose' in columns) == spec.has_smpl == store.track_has_smpl.all()
    if spec.has_3d:
        np.testing.assert_array_equal(columns['keypoints3d'], database['joints3D'].astype(np.float32))
        assert store.keypoints3d_joints == ('h36m14' if name in ('3dpw-val', '3dpw-test') else 'spin49')
    if spec.has_smpl:
        np.testing.assert_array_equal(columns['smpl_pose'], database['pose'].astype(np.float32))
        np.testing.assert_array_equal(columns['smpl_betas'], database['shape'].astype(np.float32))
    if spec.crop_size is None:
        np.testing.assert_array_equal(columns['bbox'], database['bbox'].astype(np.float32))


@pytest.mark.parametrize('name', ['3dpw-train', 'h36m-train-occluded', 'mpii3d-train', 'penn-action', 'posetrack'])
def test_training_reads_windows(tmp_path, make_database, people, name):
    spec, _ = make_database(name)
    windows = WindowDataset(convert(tmp_path, spec), pipeline=[{'type': 'NormalizeKeypoints2d'}])
    batch = windows.__getitems__([0, 1])
    first = people[0]
    np.testing.assert_array_equal(batch['features'][0], first.features[:16])
    # penn action gives LSP joints, too; the right knee is among the joints of every layout
    expected = normalize_keypoints2d(first.keypoints2d[:16], first.bbox[:16])[:, 26]
    np.testing.assert_allclose(batch['keypoints2d'][0, :, 26], expected, rtol=1e-5, atol=1e-6)
    assert batch['has_keypoints3d'].all() == spec.has_3d
    assert batch['has_smpl'].all() == spec.has_smpl
    if spec.has_smpl:
        np.testing.assert_array_equal(batch['smpl_pose'][0], first.smpl_pose[:16])


def test_testing_on_3dpw_leaves_out_frames_that_are_not_valid(tmp_path, make_database, people14):
    spec, database = make_database('3dpw-test')
    store = convert(tmp_path, spec)
    item = TrackDataset(store, drop_invalid=True)[0]
    kept = database['valid'][: len(people14[0].frame_id)] > 0
    assert 0 < kept.sum() < len(kept)
    np.testing.assert_array_equal(item['features'], people14[0].features[kept])
    np.testing.assert_array_equal(item['keypoints3d'], people14[0].keypoints3d[kept])
    assert item['keypoints3d_joints'] == 'h36m14'
    assert item['frame_valid'].all()
    assert len(TrackDataset(store)[0]['features']) == len(kept)


def test_testing_on_mpii3d_knows_valid_frames(tmp_path, make_database, people):
    spec, database = make_database('mpii3d-val')
    item = TrackDataset(convert(tmp_path, spec))[0]
    np.testing.assert_array_equal(item['frame_valid'], database['valid_i'][: len(people[0].frame_id), 0] > 0)


def test_the_two_people_of_a_video_stay_apart_in_any_order_of_rows(tmp_path, make_database, people):
    def shuffle(database):
        order = np.random.default_rng(0).permutation(len(database['vid_name']))
        database.update({key: values[order] for key, values in database.items()})

    spec, _ = make_database('h36m-train', shuffle)
    store = TrackStore(convert(tmp_path, spec))
    assert store.num_tracks == len(people)
    number = list(store.track_names).index('downtown_video_00_1')
    track = store.track(number)
    np.testing.assert_array_equal(track['features'], people[1].features)
    np.testing.assert_array_equal(track['frame_id'], people[1].frame_id)


def test_object_arrays_lists_and_half_precision(tmp_path, make_database, people):
    def as_objects(database):
        database['vid_name'] = database['vid_name'].astype(object)
        joints = np.empty(len(database['joints2D']), dtype=object)
        joints[:] = list(database['joints2D'])
        database['joints2D'] = joints
        database['frame_id'] = database['frame_id'].tolist()
        del database['img_name']

    spec, _ = make_database('posetrack', as_objects)
    store = TrackStore(convert(tmp_path, spec, half=True))
    np.testing.assert_array_equal(store.track(0)['keypoints2d'], people[0].keypoints2d)
    assert store.columns['features'].dtype == np.float16
    np.testing.assert_array_equal(store.track(0)['features'], people[0].features.astype(np.float16))


@pytest.mark.filterwarnings('error')
def test_compressed_databases_give_the_same_store(tmp_path, make_database):
    spec, database = make_database('posetrack', compress=3)
    np.testing.assert_array_equal(TrackStore(convert(tmp_path, spec)).columns['features'], database['features'])
    half = TrackStore(convert(tmp_path, spec, half=True)).columns['features']
    np.testing.assert_array_equal(half, database['features'].astype(np.float16))


def test_finished_stores_are_kept_until_their_file_or_the_settings_change(tmp_path, make_database):
    spec, _ = make_database('penn-action')
    store = convert(tmp_path, spec)
    inode = store.stat().st_ino
    assert convert(tmp_path, spec).stat().st_ino == inode
    inode_half = convert(tmp_path, spec, half=True).stat().st_ino
    assert inode_half != inode
    make_database('penn-action', lambda database: database.update(bbox=database['bbox'] + 1))
    convert(tmp_path, spec, half=True)
    assert store.stat().st_ino != inode_half


def test_an_interrupted_conversion_goes_on_where_it_was(tmp_path, make_database, people, monkeypatch):
    from glot_plugin.converters import convert as module

    make_database('posetrack')
    make_database('penn-action')
    specs = find_databases(['penn-action', 'posetrack'])
    original, converted = module._track_columns, []

    def interrupted(database, spec, track):
        if spec.name == 'posetrack' and converted.count('posetrack') == 2:
            raise KeyboardInterrupt
        converted.append(spec.name)
        return original(database, spec, track)

    monkeypatch.setattr(module, '_track_columns', interrupted)
    with pytest.raises(KeyboardInterrupt):
        convert_databases(specs, tmp_path / 'root', tmp_path / 'out', progress=False)
    assert [path.name for path in (tmp_path / 'out').iterdir() if path.name[0] != '.'] == ['penn-action']
    converted.clear()
    monkeypatch.setattr(module, '_track_columns', lambda *args: converted.append(args[1].name) or original(*args))
    convert_databases(specs, tmp_path / 'root', tmp_path / 'out', progress=False)
    assert converted == ['posetrack'] * (len(people) - 2)  # neither penn-action nor the first two tracks again
    monkeypatch.setattr(module, '_track_columns', original)
    convert_databases(specs, tmp_path / 'root', tmp_path / 'at once', progress=False)
    for file in (tmp_path / 'at once' / 'posetrack').iterdir():
        assert (tmp_path / 'out' / 'posetrack' / file.name).read_bytes() == file.read_bytes(), file.name


def test_one_bad_database_does_not_keep_the_others(tmp_path, make_database):
    make_database('penn-action', lambda database: database.pop('bbox'))
    make_database('posetrack')
    results = convert_databases(databases_in(tmp_path / 'root'), tmp_path / 'root', tmp_path / 'out', progress=False)
    assert isinstance(results['penn-action'], InputError)
    assert TrackStore(results['posetrack']).num_frames == 150
    assert set(results) == {'penn-action', 'posetrack'}


def test_names():
    assert [spec.name for spec in find_databases(['posetrack', '3dpw-val', 'posetrack'])] == ['posetrack', '3dpw-val']
    with pytest.raises(InputError, match='unknown data set 3dpw: expected some of 3dpw-train'):
        find_databases(['3dpw'])


def test_empty_root(tmp_path):
    with pytest.raises(InputError, match='no database there; expected some of 3dpw_train_db.pt'):
        databases_in(tmp_path)
    with pytest.raises(InputError, match='no such folder'):
        databases_in(tmp_path / 'absent')
