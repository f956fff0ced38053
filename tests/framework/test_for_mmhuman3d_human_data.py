"""HumanData files, written by mmhuman3d's own class, as track stores."""

import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from human_data_files import make_tracks, write_human_data

import glot_plugin.framework  # noqa: F401 - before mmhuman3d
from glot_plugin.datasets import TrackStore
from glot_plugin.errors import InputError
from glot_plugin.framework.for_mmhuman3d.human_data_file import HumanDataFile
from glot_plugin.framework.for_mmhuman3d.human_data_store import open_source
from glot_plugin.framework.for_mmhuman3d.person_tracks import person_tracks


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
    with pytest.raises(InputError, match=f'has_smpl has 3 rows, expected {len(entries["features"])}, as image_path'):
        open_source(path)
    with pytest.raises(InputError, match='nowhere.npz: no such file'):
        open_source(tmp_path / 'nowhere.npz')
    (tmp_path / 'broken.npz').write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r'broken.npz: not a valid .npz file'):
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


def entries_of(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=True) as file:
        return dict(file)


def as_entry(value: object) -> np.ndarray:
    entry = np.empty((), dtype=object)
    entry[()] = value
    return entry


def with_row(values: np.ndarray, row: int) -> np.ndarray:
    """A copy with NaN in one row."""
    values = np.array(values, np.float32)
    values[row] = np.nan
    return values


WRONG = [
    (lambda e: {'features': with_row(e['features'], 7)}, 'features, row 7: NaN'),
    (lambda e: {'bbox_xywh': with_row(e['bbox_xywh'], 7)}, 'bbox_xywh, row 7: NaN'),
    (lambda e: {'bbox_xywh': e['bbox_xywh'][:, :3]}, r'bbox_xywh is \(\d+, 3\), expected \(N, 4 or 5\)'),
    (lambda e: {'keypoints2d': with_row(e['keypoints2d'], 7)}, 'keypoints2d, row 7: NaN'),
    (lambda e: {'keypoints2d': e['keypoints2d'].astype(object)}, 'keypoints2d: found type object, expected numbers'),
    (lambda e: {'keypoints3d_mask': np.ones(10)}, r'keypoints3d_mask is \(10,\), expected \(190,\) for human_data'),
    (lambda e: {'smpl': np.arange(3)}, 'smpl is of type ndarray, expected a dict'),
    (lambda e: {'smpl': as_entry(['betas'])}, 'smpl is of type list, expected a dict'),
    (lambda e: {'meta': np.arange(3)}, 'meta is of type ndarray, expected a dict'),
    (lambda e: {'meta': as_entry({'gender': ['m']})}, r"meta\['gender'\] has 1 rows, expected"),
    (lambda e: {'has_smpl': e['image_path']}, 'has_smpl: found type <U.*, expected numbers'),
    (lambda e: {'track_id': np.arange(3)}, 'track_id has 3 rows, expected'),
    (lambda e: {key: e[key][:0] for key in ('features', 'image_path')}, 'image_path has no rows'),
]


@pytest.mark.parametrize(('change', 'message'), WRONG)
def test_wrong_values_are_named_by_file_key_and_row(tmp_path, tracks, change, message):
    path = write_human_data(tmp_path / 'people.npz', tracks[:1])
    entries = entries_of(path)
    np.savez(path, **{**entries, **change(entries)})
    with pytest.raises(InputError, match=f'people.npz: {message}'):
        open_source(path)
    assert [item.name for item in tmp_path.iterdir()] == ['people.npz']


@pytest.mark.parametrize(
    ('key', 'wrong', 'message'),
    [
        ('betas', lambda v: np.full((len(v), 10), 'x'), 'found type <U1, expected numbers'),
        ('betas', lambda v: np.zeros((len(v), 16)), r'is \(\d+, 16\), expected \(N, 10\)'),
        ('body_pose', lambda v: with_row(v, 7), 'row 7: NaN'),
        ('global_orient', lambda v: v[:5], 'has 5 rows, expected'),
    ],
)
def test_wrong_smpl_values(tmp_path, tracks, key, wrong, message):
    path = write_human_data(tmp_path / 'people.npz', tracks[:1])
    entries = entries_of(path)
    smpl = entries['smpl'].item()
    np.savez(path, **{**entries, 'smpl': as_entry({**smpl, key: wrong(smpl[key])})})
    with pytest.raises(InputError, match=rf"people.npz: smpl\['{key}'\]:?,? {message}"):
        open_source(path)


def damaged(path: Path, key: str, offset: int) -> None:
    """Flip the bits of a byte, `offset` bytes after the beginning of a member's header or from its end."""
    with zipfile.ZipFile(path) as file:
        member = file.getinfo(f'{key}.npy')
    data = bytearray(path.read_bytes())
    start = member.header_offset
    name_and_extra = sum(struct.unpack('<HH', data[start + 26 : start + 30]))  # lengths; a header has 30 bytes
    end = start + 30 + name_and_extra + member.compress_size
    data[(end if offset < 0 else start) + offset] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize('save', [np.savez, np.savez_compressed])
@pytest.mark.parametrize('key', ['features', 'keypoints2d', 'bbox_xywh', 'smpl'])
@pytest.mark.parametrize('offset', [0, 300, -3])
def test_damage_is_named_by_file_and_key(tmp_path, tracks, save, key, offset):
    path = write_human_data(tmp_path / 'people.npz', tracks[:1])
    save(path, **entries_of(path))
    damaged(path, key, offset)
    with pytest.raises(InputError, match=f'people.npz: {key}'):
        open_source(path)


def test_a_damaged_header_does_not_hide_the_rest_of_a_member(tmp_path):
    """The checksum is compared at the end of a member, which the rows of a smaller array never reach."""
    path = tmp_path / 'file.npz'
    np.savez(path, features=np.ones((100, 512), np.float32))
    path.write_bytes(path.read_bytes().replace(b'(100, 512)', b'(100, 510)'))
    with (
        HumanDataFile(path) as file,
        pytest.raises(InputError, match='features: .* found 204928 bytes, expected 204128'),
    ):
        file.stream('features')


@pytest.mark.parametrize('save', [np.savez, np.savez_compressed])
def test_the_checksum_is_compared_with_the_last_row(tmp_path, save):
    path = tmp_path / 'file.npz'
    save(path, features=np.random.default_rng(0).normal(size=(100, 512)))
    with zipfile.ZipFile(path) as file:
        checksum = file.getinfo('features.npy').CRC.to_bytes(4, 'little')
    path.write_bytes(path.read_bytes().replace(checksum, bytes(4)))
    with HumanDataFile(path) as file:
        stream = file.stream('features')
        stream.read(99)
        with pytest.raises(InputError, match='features: damaged'):
            stream.read(1)


def test_people_that_alternate_become_a_track_each(tmp_path, tracks):
    path = write_human_data(tmp_path / 'people.npz', tracks[:2], one_video=True)
    entries = entries_of(path)
    length = min(len(track.features) for track in tracks[:2])
    frames = np.arange(length).repeat(2)
    starts = np.array([0, len(tracks[0].features)])
    rows = np.tile(starts, length) + frames  # a frame of the one, then of the other, and so on
    total = len(entries['features'])
    alternating = {key: value[rows] for key, value in entries.items() if value.shape[:1] == (total,)}
    smpl = {key: value[rows] for key, value in entries['smpl'].item().items()}
    smpl['transl'] = np.arange(6 * length, dtype=np.float32).reshape(-1, 3)
    alternating |= {
        'image_path': np.array([f'video/{frame:05d}.jpg' for frame in frames]),
        'track_id': np.tile([5, 3], length),
        'has_smpl': np.tile([1, 0], length),
        'smpl': as_entry(smpl),
        'meta': as_entry({}),
    }
    np.savez(path, **{**entries, **alternating})
    source = open_source(path)
    assert source.store.track_names.tolist() == ['video#0', 'video#1']
    assert source.store.track_offsets.tolist() == [0, length, 2 * length]
    for number, track in enumerate(tracks[:2]):
        columns = source.store.track(number)
        np.testing.assert_array_equal(columns['features'], track.features[:length])
        np.testing.assert_allclose(columns['keypoints2d'], track.keypoints2d[:length], atol=1e-4)
        np.testing.assert_array_equal(columns['frame_id'], np.arange(length))
        rows = slice(*source.store.track_rows(number))
        np.testing.assert_array_equal(source.smpl_transl[rows], smpl['transl'][number::2])
    np.testing.assert_array_equal(source.has_smpl, np.arange(2 * length) < length)


def rows_of(*arguments: object, **options: object) -> dict[str, list[int]]:
    return {track.name: track.rows.tolist() for track in person_tracks(Path('x.npz'), *arguments, **options)}


def test_tracks_by_frame_numbers():
    paths = np.array(['a/1.jpg', 'a/2.jpg', 'a/9.jpg', 'a/1.jpg', 'a/2.jpg', 'b/10.jpg', 'b/11.jpg'])
    assert rows_of(paths) == {'a#0': [0, 1, 2], 'a#1': [3, 4], 'b': [5, 6]}
    frames = [track.frame_id.tolist() for track in person_tracks(Path('x.npz'), paths)]
    assert frames == [[1, 2, 9], [1, 2], [10, 11]]


def test_frame_numbers_of_any_length():
    paths = np.array(['a/11700000000000000000000.jpg', 'a/11700000000000000000001.jpg'])
    assert [track.frame_id.tolist() for track in person_tracks(Path('x.npz'), paths)] == [[0, 1]]


def test_the_next_person_may_begin_where_the_last_one_ended():
    paths = np.array(['a/1.jpg', 'a/2.jpg', 'a/3.jpg', 'a/3.jpg', 'a/4.jpg', 'a/5.jpg'])
    assert rows_of(paths) == {'a#0': [0, 1, 2], 'a#1': [3, 4, 5]}


ALTERNATING = np.array(['a/1.jpg', 'a/1.jpg', 'a/2.jpg', 'a/2.jpg', 'a/3.jpg', 'a/3.jpg'])


def test_people_that_alternate():
    with pytest.raises(InputError, match="'a/1.jpg' in rows 0 and 1.*track_id"):
        rows_of(ALTERNATING)
    people = {'track_id': np.array([7, 2, 7, 2, 2, 7])}
    assert rows_of(ALTERNATING, people=people) == {'a#0': [0, 2, 5], 'a#1': [1, 3, 4]}
    with pytest.raises(InputError, match=r'rows 0 and 1 \(a/1.jpg, a/1.jpg\) are one frame of one person by track_id'):
        rows_of(ALTERNATING, people={'track_id': np.zeros(6)})


def test_genders_tell_nobody_apart_by_themselves():
    with pytest.raises(InputError, match='people alternate'):
        rows_of(ALTERNATING, genders=np.array(['m', 'f'] * 3))
    rising = np.array([f'a/{frame}.jpg' for frame in range(6)])
    assert rows_of(rising, genders=np.array(['m'] * 4 + ['f'] * 2)) == {'a#0': [0, 1, 2, 3], 'a#1': [4, 5]}


def test_rows_of_a_person_may_be_anywhere_and_in_any_order():
    paths = np.array(['a/2.jpg', 'b/1.jpg', 'a/1.jpg', 'b/2.jpg', 'a/1.jpg'])
    people = {'track_id': np.array([0, 0, 0, 0, 1]), 'person_id': np.zeros(5)}
    assert rows_of(paths, people=people) == {'a#0': [2, 0], 'b': [1, 3], 'a#1': [4]}


def test_tracks_by_name_alone():
    names = np.array(['walk_0'] * 3 + ['walk_1'] * 2)
    assert rows_of(names, only_vid_name=True) == {'walk_0': [0, 1, 2], 'walk_1': [3, 4]}
    frames = [track.frame_id.tolist() for track in person_tracks(Path('x.npz'), names, only_vid_name=True)]
    assert frames == [[0, 1, 2], [0, 1]]
