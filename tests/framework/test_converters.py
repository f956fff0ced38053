"""Between track stores, HumanData and mmhuman3d's data converters."""

import warnings

import joblib
import numpy as np
import pytest
from human_data_files import make_tracks, write_human_data

from glot_plugin.converters import export_human_data
from glot_plugin.converters.human_data_archive import HUMAN_DATA_PLACES, SPIN49_IN_THAT_ORDER
from glot_plugin.datasets import TrackDataset, TrackStore, TrackStoreWriter
from glot_plugin.errors import InputError
from glot_plugin.framework.converters import convert_human_data_file, convert_human_data_files
from glot_plugin.transforms.normalize import normalize_keypoints2d


@pytest.fixture(scope='module')
def people(body):
    return make_tracks(body, 130, seed=5)


def write_store(path, people, **options):
    """Two people of each video, videos that are not sorted, some frames not valid."""
    with TrackStoreWriter(path, 'test', **options) as writer:
        for number, track in enumerate(people):
            columns = {key: value for key, value in vars(track).items() if key not in ('name', 'camera')}
            valid = np.arange(len(track.frame_id)) % 7 != 3
            writer.add_track(f'video_{9 - number // 2}_{number % 2}', valid=valid, gender='fm'[number % 2], **columns)
    return path


def test_their_own_class_reads_what_is_exported(tmp_path, people):
    from mmhuman3d.core.conventions.keypoints_mapping import convert_kps
    from mmhuman3d.data.data_structures.human_data import HumanData

    store = TrackStore(write_store(tmp_path / 'store', people))
    human_data = HumanData.fromfile(str(export_human_data(store.path, tmp_path / 'out.npz')))
    assert human_data.check_keypoints_compressed()
    human_data.decompress_keypoints()
    rows = np.flatnonzero(store.columns['valid'])
    assert human_data.data_len == len(rows) < store.num_frames
    columns = {key: np.asarray(values)[rows] for key, values in store.columns.items()}
    np.testing.assert_array_equal(human_data['features'], columns['features'])
    for key, width in (('keypoints2d', 3), ('keypoints3d', 4)):
        spin49, mask = convert_kps(human_data[key], src='human_data', dst='smpl_49', mask=human_data[f'{key}_mask'])
        assert mask.all()
        assert spin49.shape[-1] == width
        np.testing.assert_array_equal(spin49[..., :3], columns[key])
    np.testing.assert_array_equal(human_data['smpl']['global_orient'], columns['smpl_pose'][:, :3])
    np.testing.assert_array_equal(human_data['smpl']['body_pose'], columns['smpl_pose'][:, 3:].reshape(-1, 23, 3))
    np.testing.assert_array_equal(human_data['smpl']['betas'], columns['smpl_betas'])
    side = columns['bbox'][:, 2:] * 1.2
    np.testing.assert_allclose(human_data['bbox_xywh'][:, :2], columns['bbox'][:, :2] - side / 2, rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(human_data['bbox_xywh'][:, 2:4], side, rtol=1e-6)
    assert set(human_data['meta']['gender']) == {'f', 'm'}


def test_two_people_of_one_video_never_merge(tmp_path, people):
    """By mmhuman3d's own grouping, which goes by the folder of `image_path`."""
    from mmhuman3d.data.data_structures.human_data import HumanData
    from mmhuman3d.data.datasets.human_video_dataset import split_into_chunks

    store = TrackStore(write_store(tmp_path / 'store', people))
    human_data = HumanData.fromfile(str(export_human_data(store.path, tmp_path / 'out.npz')))
    chunks = split_into_chunks(human_data['image_path'], 8, 8, False, False)
    folders = np.array([path.rpartition('/')[0] for path in human_data['image_path']])
    assert len(chunks) > store.num_tracks
    for first, last, *_ in chunks:
        assert len(set(folders[first : last + 1])) == 1
    assert set(folders) == set(store.track_names)


def test_evaluation_joints_become_the_lsp_joints(tmp_path, body):
    from mmhuman3d.core.conventions.keypoints_mapping import convert_kps
    from mmhuman3d.data.data_structures.human_data import HumanData

    from glot_plugin.datasets.synthetic import generate_tracks

    people = list(generate_tracks(body, 60, 1, share_2d=0.0, joints3d='h36m14', workers=1))
    store = write_store(tmp_path / 'store', people, keypoints3d_joints='h36m14')
    human_data = HumanData.fromfile(str(export_human_data(store, tmp_path / 'out.npz')))
    human_data.decompress_keypoints()
    assert human_data['keypoints3d_mask'].sum() == 14
    lsp, _ = convert_kps(human_data['keypoints3d'], src='human_data', dst='lsp', mask=human_data['keypoints3d_mask'])
    columns = TrackStore(store).columns
    np.testing.assert_array_equal(lsp[..., :3], columns['keypoints3d'][columns['valid']])


def test_there_and_back(tmp_path, people):
    """Export, then conversion: the valid frames, with the same targets in the same crops."""
    store = TrackStore(write_store(tmp_path / 'store', people))
    file = export_human_data(store.path, tmp_path / 'mine.npz')
    back = TrackStore(convert_human_data_file(file, tmp_path / 'back', progress=False))
    there = {item['track_name']: item for item in TrackDataset(store.path, drop_invalid=True)}
    found = {item['track_name']: item for item in TrackDataset(back.path)}
    assert there.keys() == found.keys()
    for name, item in there.items():
        for key in ('features', 'frame_id', 'keypoints3d', 'smpl_pose', 'smpl_betas'):
            np.testing.assert_array_equal(found[name][key], item[key])
        normalised = [normalize_keypoints2d(x['keypoints2d'], x['bbox']) for x in (item, found[name])]
        np.testing.assert_allclose(normalised[1], normalised[0], atol=2e-5)
        assert found[name]['gender'] == item['gender']


def test_a_human_data_of_theirs_becomes_a_store(tmp_path, people):
    file = write_human_data(tmp_path / 'theirs.npz', people)
    results = convert_human_data_files([file, tmp_path / 'absent.npz'], tmp_path, half=True, progress=False)
    store = TrackStore(results['theirs.npz'])
    assert store.columns['features'].dtype == np.float16
    np.testing.assert_allclose(store.columns['bbox'][:, 2:], np.concatenate([p.bbox for p in people])[:, 2:] / 1.2)
    np.testing.assert_array_equal(store.columns['smpl_pose'], np.concatenate([p.smpl_pose for p in people]))
    assert 'absent.npz: no such file' in str(results['absent.npz'])
    inode = store.path.stat().st_ino
    convert_human_data_files([file], tmp_path, half=True, progress=False)
    assert store.path.stat().st_ino == inode  # kept
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith('.')]


def test_incomplete_3d_is_left_out_and_said(tmp_path, people):
    """A store has no 3D confidence: a track without some LSP joint would be trained towards zero there."""
    from mmhuman3d.data.data_structures.human_data import HumanData

    file = write_human_data(tmp_path / 'theirs.npz', people, compress=False)
    human_data = HumanData.fromfile(str(file))
    right_ankle = HUMAN_DATA_PLACES[SPIN49_IN_THAT_ORDER.index(25)]
    human_data['keypoints3d'][3, right_ankle, 3] = 0
    human_data.dump(str(file))
    with pytest.warns(UserWarning, match='3D keypoints lack LSP joints in 1 tracks'):
        store = TrackStore(convert_human_data_file(file, tmp_path / 'out', progress=False))
    assert store.track_has_keypoints3d.tolist() == [False] + [True] * (len(people) - 1)


def test_wrong_width_and_hostile_members(tmp_path, people):
    file = write_human_data(tmp_path / 'theirs.npz', people)
    with pytest.raises(InputError, match=r'theirs.npz: features are 2048 wide, expected 512'):
        convert_human_data_file(file, tmp_path / 'out', feature_dim=512, progress=False)
    with np.load(file, allow_pickle=True) as members:
        arrays = dict(members)
    arrays['smpl'] = np.array({'betas': warnings.warn}, dtype=object)
    np.savez(file, **arrays)
    with pytest.raises(InputError, match=r'theirs.npz: smpl: refused to load \w*warnings.warn'):
        convert_human_data_file(file, tmp_path / 'out', progress=False)
    assert not (tmp_path / 'out').exists()


def test_an_interrupted_conversion_goes_on_where_it_was(tmp_path, people, monkeypatch):
    file = write_human_data(tmp_path / 'theirs.npz', people)
    original, written = TrackStoreWriter.add_track, []

    def add_track(writer, name, **columns):
        if interrupt and len(written) == 2:
            raise KeyboardInterrupt
        written.append(name)
        original(writer, name, **columns)

    monkeypatch.setattr(TrackStoreWriter, 'add_track', add_track)
    interrupt = True
    with pytest.raises(KeyboardInterrupt):
        convert_human_data_file(file, tmp_path / 'out' / 'store', progress=False)
    assert [path.name[0] for path in (tmp_path / 'out').iterdir()] == ['.']
    interrupt = False
    convert_human_data_file(file, tmp_path / 'out' / 'store', progress=False)
    assert written == [f'video_{number}' for number in range(len(people))]
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['store']
    convert_human_data_file(file, tmp_path / 'at once', progress=False)
    for part in (tmp_path / 'at once').iterdir():
        assert (tmp_path / 'out' / 'store' / part.name).read_bytes() == part.read_bytes(), part.name


def test_a_store_of_another_file_is_not_replaced(tmp_path, people):
    file = write_human_data(tmp_path / 'theirs.npz', people)
    write_store(tmp_path / 'extracted', people[:1])
    with pytest.raises(InputError, match=r'extracted: was made from test, not from theirs.npz; remove it'):
        convert_human_data_file(file, tmp_path / 'extracted', progress=False)
    store = convert_human_data_file(file, tmp_path / 'store', progress=False)
    other = file.rename(tmp_path / 'other.npz')
    with pytest.raises(InputError, match=r'store: was made from theirs.npz, not from other.npz; remove it'):
        convert_human_data_file(other, store, progress=False)
    assert TrackStore(store).meta['converted_from']['file'] == 'theirs.npz'


def test_a_store_without_valid_frames_and_a_wrong_name(tmp_path, people):
    with TrackStoreWriter(tmp_path / 's', 'test', ('features',)) as writer:
        writer.add_track('a', people[0].features, valid=np.zeros(len(people[0].features), bool))
    with pytest.raises(InputError, match='has no valid frame'):
        export_human_data(tmp_path / 's', tmp_path / 'x.npz')
    assert not (tmp_path / 'x.npz').exists()
    with pytest.raises(InputError, match='ends in .npz'):
        export_human_data(tmp_path / 's', tmp_path / 'x.pkl')


def test_registered_with_their_converters(tmp_path, people):
    from mmhuman3d.data.data_converters import build_data_converter

    names = np.array(['a_0', 'a_1'])[(np.arange(40) >= 25).astype(int)]
    track = people[0]
    joblib.dump(
        {
            'vid_name': names,
            'frame_id': np.concatenate([np.arange(25), np.arange(15)]),
            'features': track.features[:40],
            'joints2D': track.keypoints2d[:40],
            'bbox': track.bbox[:40],
        },
        tmp_path / 'posetrack_train_db.pt',
    )
    converter = build_data_converter({'type': 'glot.DatabaseConverter', 'modes': ['posetrack']})
    converter.convert(str(tmp_path), str(tmp_path / 'out'))
    with np.load(tmp_path / 'out' / 'posetrack.npz') as file:
        assert file['image_path'][[0, 24, 25]].tolist() == ['a_0/000000.jpg', 'a_0/000024.jpg', 'a_1/000000.jpg']
        np.testing.assert_array_equal(file['features'], track.features[:40])
    with pytest.raises(InputError, match='unknown data set pw3d'):
        build_data_converter({'type': 'glot.DatabaseConverter', 'modes': ['pw3d']})


def test_their_converters_are_not_imported_for_it(run_python):
    code = "import sys, glot_plugin.framework; print(any(name.startswith('mmhuman3d.') for name in sys.modules))"
    assert run_python(code).strip().endswith('False')
