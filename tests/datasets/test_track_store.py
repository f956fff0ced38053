"""Track stores: what is written is read back, and nothing broken is ever taken for a store."""

import json
import multiprocessing
import os
import pickle
import time
from multiprocessing.synchronize import Event as EventType
from pathlib import Path

import numpy as np
import pytest

from glot_plugin.datasets import TrackStore, TrackStoreWriter
from glot_plugin.datasets.track_store import open_stores
from glot_plugin.errors import InputError

FEATURES = np.arange(12, dtype=np.float32).reshape(3, 4)


def writer_for(path: Path, **options: object) -> TrackStoreWriter:
    return TrackStoreWriter(path, **{'source': 'test', 'feature_dim': 4, **options})


def hidden_folders(path: Path) -> list[str]:
    return [entry.name for entry in path.iterdir() if entry.name.startswith('.')]


# ---- round trip


def test_round_trip_of_all_columns(make_store):
    path, tracks = make_store(lengths=(7, 3, 9), kinds=('3d', '2d', 'smpl'), meta={'split': 'train'})
    store = TrackStore(path)
    assert (store.num_frames, store.num_tracks, store.feature_dim) == (19, 3, 8)
    assert store.track_offsets.tolist() == [0, 7, 10, 19]
    assert store.track_names.tolist() == ['store/0', 'store/1', 'store/2']
    assert store.track_has_keypoints3d.tolist() == [True, False, False]
    assert store.track_has_smpl.tolist() == [True, False, True]
    assert store.meta == {'split': 'train'}
    assert store.source == 'random'
    assert store.keypoints3d_joints == 'spin49'
    for number, track in enumerate(tracks):
        found = store.track(number)
        for name, values in track.items():
            np.testing.assert_array_equal(found[name], values)
        assert found['keypoints3d'].shape == (len(track['features']), 49, 3)
    assert not store.track(1)['keypoints3d'].any()
    assert not store.track(1)['smpl_pose'].any()


def test_columns_are_plain_npy_files(make_store):
    path, tracks = make_store(lengths=(4, 5))
    features = np.load(path / 'features.npy', allow_pickle=False)
    np.testing.assert_array_equal(features, np.concatenate([track['features'] for track in tracks]))
    assert np.load(path / 'track_names.npy', allow_pickle=False).dtype.kind == 'U'
    assert json.loads((path / 'store.json').read_text())['columns']['valid'] == {'dtype': 'bool', 'shape': [9]}


def test_defaults_of_columns_that_are_not_given(tmp_path):
    with writer_for(tmp_path / 's') as writer:
        writer.add_track('a', FEATURES)
    track = TrackStore(tmp_path / 's').track(0)
    assert track['frame_id'].tolist() == [0, 1, 2]
    assert track['valid'].tolist() == [True, True, True]
    assert not track['keypoints2d'].any()


def test_only_chosen_columns_are_written(tmp_path):
    with writer_for(tmp_path / 's', columns=('keypoints2d', 'bbox')) as writer:
        writer.add_track('a', FEATURES)
    store = TrackStore(tmp_path / 's')
    assert set(store.columns) == {'features', 'keypoints2d', 'bbox', 'frame_id', 'valid'}
    assert store.keypoints3d_joints is None
    assert not (tmp_path / 's' / 'smpl_pose.npy').exists()


def test_half_precision_features_and_h36m_joints(tmp_path):
    options = {'feature_dtype': 'float16', 'keypoints3d_joints': 'h36m14'}
    with writer_for(tmp_path / 's', **options) as writer:
        writer.add_track('a', FEATURES / 3, keypoints3d=np.ones((3, 14, 3)))
    store = TrackStore(tmp_path / 's')
    assert store.columns['features'].dtype == np.float16
    assert store.columns['keypoints3d'].shape == (3, 14, 3)
    out = np.empty((2, 4), np.float32)
    store.read_rows('features', 1, out)
    np.testing.assert_array_equal(out, (FEATURES / 3)[1:].astype(np.float16).astype(np.float32))


def test_read_rows_agrees_with_the_memory_map(make_store):
    store = TrackStore(make_store(lengths=(20, 30))[0])
    for name, column in store.columns.items():
        out = np.empty((11, *column.shape[1:]), column.dtype)
        store.read_rows(name, 15, out)
        np.testing.assert_array_equal(out, column[15:26])


def test_memory_maps_are_read_only(make_store):
    column = TrackStore(make_store()[0]).columns['features']
    with pytest.raises(ValueError, match='read-only'):
        column[0] = 0


def test_pickled_store_reopens_by_path(make_store):
    store = TrackStore(make_store()[0])
    store.read_rows('features', 0, np.empty((1, 8), np.float32))
    copy = pickle.loads(pickle.dumps(store))
    assert len(pickle.dumps(store)) < 1000
    np.testing.assert_array_equal(copy.columns['features'], store.columns['features'])


def test_closed_store_opens_its_files_again(make_store):
    path, tracks = make_store()
    out = np.empty((1, 8), np.float32)
    with TrackStore(path) as store:
        store.read_rows('features', 0, out)
    open_before = len(os.listdir('/proc/self/fd'))
    store.read_rows('features', 1, out)
    assert len(os.listdir('/proc/self/fd')) == open_before + 1
    np.testing.assert_array_equal(out[0], tracks[0]['features'][1])
    store.close()
    assert len(os.listdir('/proc/self/fd')) == open_before


# ---- size


def test_a_million_frames_open_at_once(million_frames):
    start = time.perf_counter()
    store = TrackStore(million_frames)
    assert time.perf_counter() - start < 1
    assert store.num_frames == 1_000_000
    assert len(store.columns['features']) == 1_000_000


# ---- whole or not at all


def test_exception_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), writer_for(tmp_path / 's') as writer:  # noqa: PT012
        writer.add_track('a', FEATURES)
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_store_appears_only_at_the_end(tmp_path):
    with writer_for(tmp_path / 's') as writer:
        writer.add_track('a', FEATURES)
        assert not (tmp_path / 's').exists()
    assert hidden_folders(tmp_path) == []
    assert TrackStore(tmp_path / 's').num_tracks == 1


def write_and_wait(path: Path, written: EventType) -> None:
    with writer_for(path) as writer:
        writer.add_track('a', FEATURES)
        written.set()
        time.sleep(60)


def test_killed_writer_leaves_no_store_and_is_cleaned_up(tmp_path):
    context = multiprocessing.get_context('fork')
    written = context.Event()
    process = context.Process(target=write_and_wait, args=(tmp_path / 's', written))
    process.start()
    assert written.wait(30)
    with writer_for(tmp_path / 's') as writer:  # the other one lives: its folder is left alone
        assert len(hidden_folders(tmp_path)) == 2
        writer.add_track('b', FEATURES)
    process.kill()
    process.join()
    (left,) = hidden_folders(tmp_path)
    assert TrackStore(tmp_path / 's').track_names.tolist() == ['b']
    with pytest.raises(InputError, match='store.json: not found'):
        TrackStore(tmp_path / left)
    with writer_for(tmp_path / 's', overwrite=True) as writer:
        assert left not in hidden_folders(tmp_path)
        writer.add_track('c', FEATURES)
    assert hidden_folders(tmp_path) == []


def test_existing_store_is_kept_unless_asked(make_store):
    path, _ = make_store()
    with pytest.raises(InputError, match='already exists'):
        writer_for(path)


def test_overwriting_replaces_the_store_at_the_end_only(make_store):
    path, _ = make_store(lengths=(4,))
    with pytest.raises(InputError, match='no track was added'), writer_for(path, overwrite=True):
        pass
    assert TrackStore(path).num_frames == 4
    with writer_for(path, overwrite=True) as writer:
        writer.add_track('a', FEATURES)
    assert TrackStore(path).num_frames == 3
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_folder_that_is_no_store_is_never_overwritten(tmp_path):
    (tmp_path / 'precious.txt').write_text('mine')
    with pytest.raises(InputError, match='has no store.json, so it is not overwritten'):
        writer_for(tmp_path, overwrite=True)
    assert (tmp_path / 'precious.txt').read_text() == 'mine'


def test_store_that_appeared_meanwhile_is_not_replaced(tmp_path):
    with pytest.raises(InputError, match='already exists'), writer_for(tmp_path / 's') as late:  # noqa: PT012
        with writer_for(tmp_path / 's') as early:
            early.add_track('early', FEATURES)
        late.add_track('late', FEATURES)
    assert TrackStore(tmp_path / 's').track_names.tolist() == ['early']
    assert hidden_folders(tmp_path) == []


def test_path_that_cannot_be_written(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(InputError, match='file/s: cannot be written'), writer_for(tmp_path / 'file' / 's'):
        pass


def test_full_disk_keeps_nothing(tmp_path, monkeypatch):
    def full(self, *_):
        raise OSError(28, 'No space left on device')

    writer = writer_for(tmp_path / 's')
    with pytest.raises(InputError, match='only partly written'), writer:  # noqa: PT012
        writer._files['frame_id'] = type('Full', (), {'write': full, 'close': lambda self: None})()
        with pytest.raises(InputError, match=r'/s: cannot be written \(No space left on device; '):
            writer.add_track('a', FEATURES)
    assert list(tmp_path.iterdir()) == []


# ---- bad tracks


@pytest.mark.parametrize(
    ('columns', 'message'),
    [
        ({'features': FEATURES * [1, 1, np.nan, 1]}, "track 'a', column features, row 0: found nan"),
        ({'features': FEATURES, 'smpl_pose': np.zeros((3, 72)), 'smpl_betas': np.full((3, 10), np.inf)},
         'column smpl_betas, row 0: found inf'),
        ({'features': FEATURES[:, :3]}, r'column features: found shape \(3, 3\), expected \(3, 4\)'),
        ({'features': FEATURES, 'frame_id': np.arange(4)}, r'column frame_id: found shape \(4,\), expected \(3,\)'),
        ({'features': FEATURES.astype(np.int64)}, 'column features: found type int64, expected floating point'),
        ({'features': FEATURES.astype(object)}, 'column features: found type object'),
        ({'features': FEATURES, 'valid': np.ones(3)}, 'column valid: found type float64, expected bool'),
        ({'features': FEATURES, 'frame_id': np.ones(3)}, 'column frame_id: found type float64, expected integers'),
        ({'features': FEATURES[:0]}, 'has no frames'),
        ({'features': FEATURES, 'smpl_pose': np.zeros((3, 72))}, 'smpl_pose without smpl_betas'),
        ({'features': FEATURES, 'keypoints2d': np.ones((3, 49, 3))}, 'keypoints2d without bbox'),
        ({'features': FEATURES, 'keypoints2d': np.ones((3, 49, 3)), 'bbox': np.zeros((3, 4))},
         'column bbox, row 0: found width and height 0 x 0'),
        ({'features': FEATURES, 'keypoints3d': np.ones((3, 14, 3))}, r'expected \(3, 49, 3\)'),
    ],
)  # fmt: skip
def test_bad_track_is_refused_and_the_store_stays_good(tmp_path, columns, message):
    with writer_for(tmp_path / 's') as writer:
        with pytest.raises(InputError, match=message):
            writer.add_track('a', **columns)
        writer.add_track('a', FEATURES)
    np.testing.assert_array_equal(TrackStore(tmp_path / 's').columns['features'], FEATURES)


def test_value_too_large_for_half_precision(tmp_path):
    with writer_for(tmp_path / 's', feature_dtype='float16') as writer:
        with pytest.raises(InputError, match='row 1: found 70000.0, expected values that are finite as float16'):
            writer.add_track('a', np.array([[1, 2, 3, 4], [5, 6, 7, 70000]], np.float32))
        writer.add_track('a', FEATURES)


def test_large_finite_values_are_accepted(tmp_path):
    huge = np.full((3, 4), 3e38, np.float32)  # their sum overflows
    with writer_for(tmp_path / 's') as writer:
        writer.add_track('a', huge)
    np.testing.assert_array_equal(TrackStore(tmp_path / 's').columns['features'], huge)


def test_track_names_are_unique_and_not_empty(tmp_path):
    with writer_for(tmp_path / 's') as writer:
        writer.add_track('a', FEATURES)
        with pytest.raises(InputError, match="track 'a': is already in the store"):
            writer.add_track('a', FEATURES)
        with pytest.raises(InputError, match='a track name must be a non-empty string'):
            writer.add_track('', FEATURES)
    assert TrackStore(tmp_path / 's').num_tracks == 1


def test_column_that_the_store_does_not_have(tmp_path):
    with writer_for(tmp_path / 's', columns=()) as writer:
        with pytest.raises(InputError, match='column bbox was given, the store has features, frame_id, valid'):
            writer.add_track('a', FEATURES, bbox=np.ones((3, 4)))
        writer.add_track('a', FEATURES)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'columns': ('keypoints',)}, 'columns names keypoints, expected some of features'),
        ({'columns': ('keypoints2d',)}, 'column keypoints2d without bbox'),
        ({'columns': ('smpl_betas',)}, 'column smpl_betas without smpl_pose'),
        ({'keypoints3d_joints': 'coco'}, "keypoints3d_joints is 'coco', expected one of spin49, h36m14"),
        ({'feature_dtype': 'float64'}, "feature_dtype is 'float64', expected float32 or float16"),
        ({'feature_dim': 0}, 'feature_dim is 0, expected a positive integer'),
        ({'meta': {'when': np.float32(1)}}, 'meta is not plain JSON'),
        ({'meta': ['a']}, 'meta is a list, expected a dict'),
    ],
)
def test_bad_options_of_the_writer(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        writer_for(tmp_path / 's', **options)


# ---- broken stores


def edit_index(path: Path, **changes: object) -> None:
    index = json.loads((path / 'store.json').read_text())
    (path / 'store.json').write_text(json.dumps({**index, **changes}))


def test_path_without_a_store(tmp_path):
    with pytest.raises(InputError, match='nowhere: no such track store'):
        TrackStore(tmp_path / 'nowhere')
    with pytest.raises(InputError, match='store.json: not found'):
        TrackStore(tmp_path)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'schema_version': 2}, 'store.json: found schema version 2, expected 1; update glot_plugin'),
        ({'schema_version': '1'}, "found schema version '1', expected 1; write the store again"),
        ({'schema_version': 0}, 'found schema version 0, expected 1; write the store again'),
        ({'num_frames': '21'}, "num_frames is '21', expected a positive integer"),
        ({'num_tracks': 0}, 'num_tracks is 0, expected a positive integer'),
        ({'columns': {}}, 'no column features, which every track store has'),
        ({'columns': {'depth': {}}}, 'unknown column depth'),
        ({'columns': {'features': {'dtype': 'float32'}}}, 'column features is .*, expected its dtype and shape'),
        ({'keypoints3d_joints': 'coco'}, "keypoints3d_joints is 'coco'"),
        ({'num_frames': 22}, r'column features is declared as float32 \(21, 8\), expected .* \(22, 8\)'),
        ({'num_tracks': 3}, r'track_offsets.npy: found int64 \(3,\), expected int64 \(4,\)'),
        ({'feature_dim': 9}, r'expected float32 or float16 \(21, 9\)'),
        ({'meta': None}, 'meta is None, expected a dict'),
    ],
)
def test_broken_index(make_store, changes, message):
    path, _ = make_store(lengths=(16, 5))
    edit_index(path, **changes)
    with pytest.raises(InputError, match=message):
        TrackStore(path)


@pytest.mark.parametrize('text', ['{"schema_version": 1', '[]', '\x00'])
def test_index_that_is_no_json_object(make_store, text):
    path, _ = make_store()
    (path / 'store.json').write_text(text)
    with pytest.raises(InputError, match='store.json: (not readable as JSON|found schema version None)'):
        TrackStore(path)


@pytest.mark.parametrize('name', ['features', 'valid', 'keypoints3d', 'track_offsets', 'track_has_smpl'])
def test_missing_column_file(make_store, name):
    path, _ = make_store()
    (path / f'{name}.npy').unlink()
    with pytest.raises(InputError, match=f'{name}.npy: no such column file'):
        TrackStore(path)


@pytest.mark.parametrize('name', ['features', 'smpl_pose', 'track_offsets'])
def test_truncated_column(make_store, name):
    path, _ = make_store()
    file = path / f'{name}.npy'
    size = file.stat().st_size
    os.truncate(file, size - 3)
    with pytest.raises(InputError, match=f'{name}.npy: truncated: found {size - 3} bytes, expected {size}'):
        TrackStore(path)
    os.truncate(file, 20)
    with pytest.raises(InputError, match=f'{name}.npy: not a valid .npy file'):
        TrackStore(path)


def test_column_cut_short_after_opening(make_store):
    path, _ = make_store(lengths=(40,))
    store = TrackStore(path)
    os.truncate(path / 'features.npy', 1000)
    with pytest.raises(InputError, match='features.npy: truncated since it was opened'):
        store.read_rows('features', 0, np.empty((40, 8), np.float32))


@pytest.mark.parametrize(
    ('name', 'values', 'message'),
    [
        ('features', np.zeros((21, 7), np.float32), r'features.npy: found float32 \(21, 7\), expected .* \(21, 8\)'),
        ('features', np.zeros((20, 8), np.float32), r'features.npy: found float32 \(20, 8\)'),
        ('features', np.zeros((21, 8)), 'features.npy: found float64'),
        ('features', np.zeros((8, 21), np.float32).T, 'features.npy: the array is column-major'),
        ('valid', np.zeros(21, np.int64), 'valid.npy: found int64'),
        ('track_offsets', np.array([0, 16, 20]), 'track_offsets.npy: runs from 0 to 20, expected 0 to 21'),
        ('track_offsets', np.array([0, 21, 21]), r'track_offsets.npy: track 1 \(store/1\) goes from row 21 to 21'),
        ('track_has_smpl', np.array([1, 0]), 'track_has_smpl.npy: found int64'),
    ],
)  # fmt: skip
def test_column_of_another_shape_or_type(make_store, name, values, message):
    path, _ = make_store(lengths=(16, 5))
    np.save(path / f'{name}.npy', values)
    with pytest.raises(InputError, match=message):
        TrackStore(path)


def test_object_arrays_are_never_unpickled(make_store):
    path, _ = make_store()
    np.save(path / 'track_names.npy', np.array(['a', 'b', 'c'], object), allow_pickle=True)
    with pytest.raises(InputError, match='track_names.npy: the array is of type object'):
        TrackStore(path)


@pytest.mark.parametrize('index', [-1, 3, 100])
def test_track_index_out_of_range(make_store, index):
    with pytest.raises(InputError, match=f'track index {index} is out of range: the store has 3 tracks'):
        TrackStore(make_store()[0]).track(index)


def test_rows_out_of_range(make_store):
    with pytest.raises(InputError, match='rows 60:62 .* the column has 61'):
        TrackStore(make_store()[0]).read_rows('features', 60, np.empty((2, 8), np.float32))


def test_stores_of_one_width(make_store):
    first, second = make_store('first')[0], make_store('second')[0]
    assert [store.path for store in open_stores([first, second])] == [first, second]
    assert open_stores(str(first), 8)[0].path == first
    with pytest.raises(InputError, match='first: features are 8 wide, expected 16 as feature_dim says'):
        open_stores([first, second], 16)
    with pytest.raises(InputError, match='stores is empty'):
        open_stores([])


def test_stores_of_differing_width(make_store, tmp_path):
    first = make_store('first')[0]
    with writer_for(tmp_path / 'narrow') as writer:
        writer.add_track('a', FEATURES)
    with pytest.raises(InputError, match='narrow: features are 4 wide, expected 8 as in .*first'):
        open_stores([first, tmp_path / 'narrow'])


# ---- genders, which a store may have


def gendered_store(path: Path) -> Path:
    with writer_for(path, columns=()) as writer:
        for name, gender in (('he', 'm'), ('she', 'f'), ('they', 'n'), ('unknown', None)):
            writer.add_track(name, FEATURES, gender=gender)
    return path


def test_genders_of_tracks(tmp_path):
    path = gendered_store(tmp_path / 's')
    assert TrackStore(path).track_gender.tolist() == ['m', 'f', 'n', '']
    assert np.load(path / 'track_gender.npy', allow_pickle=False).dtype == np.dtype('<U1')


def test_stores_without_genders_are_as_they_were(make_store):
    """Written without any gender, or before there were genders: the same files, and no gender is known."""
    path, _ = make_store()
    assert not (path / 'track_gender.npy').exists()
    assert TrackStore(path).track_gender.tolist() == ['', '', '']
    index = json.loads((path / 'store.json').read_text())
    assert index['schema_version'] == 1
    del index['track_columns']
    (path / 'store.json').write_text(json.dumps(index))
    assert TrackStore(path).track_gender.tolist() == ['', '', '']


def test_unknown_gender(tmp_path):
    with (
        pytest.raises(InputError, match="track 'a': gender is 'male', expected one of m, f, n, or None"),
        writer_for(tmp_path / 's') as writer,
    ):
        writer.add_track('a', FEATURES, gender='male')
    assert not (tmp_path / 's').exists()


@pytest.mark.parametrize(
    ('genders', 'message'),
    [
        (np.array(['m', 'x', 'f', 'y']), r"track_gender.npy: track 1 \(she\) has 'x', expected one of m, f, n"),
        (np.array(['m', 'f']), r'track_gender.npy: found <U1 \(2,\), expected text \(4,\)'),
        (np.zeros(4, bool), 'track_gender.npy: found bool'),
        (None, 'track_gender.npy: no such column file'),
    ],
)
def test_broken_genders(tmp_path, genders, message):
    path = gendered_store(tmp_path / 's')
    (path / 'track_gender.npy').unlink()
    if genders is not None:
        np.save(path / 'track_gender.npy', genders)
    with pytest.raises(InputError, match=message):
        TrackStore(path)


@pytest.mark.parametrize('declared', [['track_age'], 'track_gender', None])
def test_unknown_track_columns(tmp_path, declared):
    path = gendered_store(tmp_path / 's')
    index = json.loads((path / 'store.json').read_text())
    (path / 'store.json').write_text(json.dumps({**index, 'track_columns': declared}))
    with pytest.raises(InputError, match='store.json: track_columns is .* expected a list of some of track_gender'):
        TrackStore(path)
