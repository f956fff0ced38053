"""HumanData files, written by mmhuman3d's own class, as track stores."""

import os

import numpy as np
import pytest
from human_data_files import make_tracks, write_human_data

import glot_plugin.framework  # noqa: F401 - before mmhuman3d
from glot_plugin.datasets import TrackStore
from glot_plugin.errors import InputError
from glot_plugin.framework.our_parts.human_data_file import HumanDataFile
from glot_plugin.framework.our_parts.human_data_store import open_source
from glot_plugin.framework.our_parts.person_tracks import person_tracks


@pytest.fixture(scope='module')
def tracks(body):
    return make_tracks(body, 150, seed=5)


@pytest.mark.parametrize('compress', [True, False])
def test_everything_arrives_in_its_column(tmp_path, tracks, compress):
    source = open_source(write_human_data(tmp_path / 'people.npz', tracks, compress=compress))
    store = source.store
    assert list(np.diff(store.track_offsets)) == [len(track.features) for track in tracks]
    assert store.track_gender.tolist() == ['m' if number % 2 == 0 else 'f' for number in range(len(tracks))]
    for number, track in enumerate(tracks):
        columns = store.track(number)
        np.testing.assert_array_equal(columns['features'], track.features)
        np.testing.assert_array_equal(columns['frame_id'], track.frame_id)
        np.testing.assert_allclose(columns['keypoints2d'], track.keypoints2d, atol=1e-4)
        np.testing.assert_allclose(columns['keypoints3d'], track.keypoints3d, atol=1e-6)
        np.testing.assert_allclose(columns['bbox'], track.bbox, atol=1e-3)
        np.testing.assert_array_equal(columns['smpl_pose'], track.smpl_pose)
        np.testing.assert_array_equal(columns['smpl_betas'], track.smpl_betas)
    assert np.all(source.keypoints3d_confidence == 1)
    assert source.box_scale == 1.0


def test_people_of_one_video_stay_apart(tmp_path, tracks):
    store = open_source(write_human_data(tmp_path / 'crowd.npz', tracks, one_video=True)).store
    assert list(np.diff(store.track_offsets)) == [len(track.features) for track in tracks]
    assert store.track_names.tolist() == [f'video#{number}' for number in range(len(tracks))]


def test_conversion_is_kept_until_the_file_changes(tmp_path, tracks):
    path = write_human_data(tmp_path / 'people.npz', tracks)
    cache = tmp_path / 'cache'
    open_source(path, cache_dir=cache)
    written = (cache / 'people.npz.tracks' / 'source.json').stat().st_mtime_ns
    open_source(path, cache_dir=cache)
    assert (cache / 'people.npz.tracks' / 'source.json').stat().st_mtime_ns == written
    write_human_data(path, tracks[:1])
    os.utime(path, ns=(1, 1))
    assert open_source(path, cache_dir=cache).store.num_tracks == 1
    assert [item.name for item in cache.iterdir()] == ['people.npz.tracks']
    assert not (tmp_path / 'people.npz.tracks').exists()


def test_partial_targets(tmp_path, tracks):
    path = write_human_data(tmp_path / 'people.npz', tracks)
    with np.load(path, allow_pickle=True) as file:
        entries = dict(file)
    num_frames = len(entries['features'])
    has_smpl = np.arange(num_frames) >= len(tracks[0].features)  # not the first track
    keypoints3d = entries['keypoints3d'].copy()
    keypoints3d[3, :, 3] = 0  # one frame without 3D
    entries.update(has_smpl=has_smpl, keypoints3d=keypoints3d)
    np.savez(path, **entries)
    source = open_source(path)
    assert source.store.track_has_smpl.tolist() == [False, *[True] * (len(tracks) - 1)]
    np.testing.assert_array_equal(source.has_smpl, has_smpl)
    assert source.keypoints3d_confidence[3].max() == 0
    assert source.keypoints3d_confidence[4].min() == 1


def test_a_track_store_is_taken_as_it_is(synthetic_data):
    source = open_source(synthetic_data / 'train')
    assert isinstance(source.store, TrackStore)
    assert source.box_scale == 1.2


def test_what_is_missing_is_named(tmp_path, tracks):
    path = write_human_data(tmp_path / 'people.npz', tracks[:1])
    with np.load(path, allow_pickle=True) as file:
        entries = dict(file)
    np.savez(path, **{key: value for key, value in entries.items() if key != 'features'})
    with pytest.raises(InputError, match=r"people.npz: no 'features', found .*image_path"):
        open_source(path)
    np.savez(path, **{**entries, 'has_smpl': np.ones(3)})
    with pytest.raises(InputError, match=f'has_smpl has 3 rows, expected {len(entries["features"])}, as features'):
        open_source(path)
    np.savez(path, **{**entries, 'features': entries['features'] * np.nan})
    with pytest.raises(InputError, match=r"track 'video_0', column features, row 0: found nan"):
        open_source(path)
    with pytest.raises(InputError, match='nowhere.npz: no such file'):
        open_source(tmp_path / 'nowhere.npz')
    (tmp_path / 'broken.npz').write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r'broken.npz: not a whole .npz file'):
        open_source(tmp_path / 'broken.npz')
    assert not [item for item in tmp_path.iterdir() if item.is_dir()]


class Trap:
    def __reduce__(self):
        return print, ('a data file ran code',)


def test_no_file_runs_code(tmp_path, tracks, capsys):
    path = write_human_data(tmp_path / 'people.npz', tracks[:1])
    with np.load(path, allow_pickle=True) as file:
        entries = dict(file)
    np.savez(path, **{**entries, 'meta': np.array({'gender': Trap()}, dtype=object)})
    with HumanDataFile(path) as file, pytest.raises(InputError, match='refused to load builtins.print'):
        file.value('meta')
    assert capsys.readouterr().out == ''


def test_tracks_by_frame_numbers(tmp_path):
    paths = np.array(['a/1.jpg', 'a/2.jpg', 'a/9.jpg', 'a/1.jpg', 'a/2.jpg', 'b/10.jpg', 'b/11.jpg'])
    offsets, names, frame_id = person_tracks(tmp_path, paths)
    assert offsets.tolist() == [0, 3, 5, 7]
    assert names == ['a#0', 'a#1', 'b']
    assert frame_id.tolist() == [1, 2, 9, 1, 2, 10, 11]


def test_the_next_person_may_begin_where_the_last_one_ended(tmp_path):
    paths = np.array(['a/1.jpg', 'a/2.jpg', 'a/3.jpg', 'a/3.jpg', 'a/4.jpg', 'a/5.jpg'])
    assert person_tracks(tmp_path, paths)[0].tolist() == [0, 3, 6]


def test_people_that_alternate(tmp_path):
    paths = np.array(['a/1.jpg', 'a/1.jpg', 'a/2.jpg', 'a/2.jpg', 'a/3.jpg', 'a/3.jpg'])
    with pytest.raises(InputError, match="'a/1.jpg' in rows 0 and 1.*track_id"):
        person_tracks(tmp_path, paths)
    people = [np.array([0, 0, 0, 1, 1, 1])]
    assert person_tracks(tmp_path, paths[[0, 2, 4, 1, 3, 5]], people=people)[0].tolist() == [0, 3, 6]


def test_tracks_by_name_alone(tmp_path):
    names = np.array(['walk_0'] * 3 + ['walk_1'] * 2)
    offsets, found, frame_id = person_tracks(tmp_path, names, only_vid_name=True)
    assert (offsets.tolist(), found, frame_id.tolist()) == ([0, 3, 5], ['walk_0', 'walk_1'], [0, 1, 2, 0, 1])
