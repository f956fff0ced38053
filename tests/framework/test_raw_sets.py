"""Raw data sets in the layouts of their makers, through mmhuman3d's converters."""

import os
import pickle

import cv2
import h5py
import numpy as np
import pytest

from glot_plugin.converters.raw_sets import RAW_SETS, find_raw_sets
from glot_plugin.datasets import TrackStore
from glot_plugin.errors import InputError
from glot_plugin.framework.raw_sets import convert_raw_sets

NUM_FRAMES = 5


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.remove, (str(self.path),)


def write_3dpw(root, split, **changes):
    """Two people in one sequence, frame 1 of whom is not valid, in a pickle of Python 2 as 3DPW's own."""
    generator = np.random.default_rng(0)
    sequence = {
        'sequence': f'walk_{split}',
        'genders': ['m', 'f'],
        'poses': [generator.normal(0, 0.1, (NUM_FRAMES, 72)) for _ in range(2)],
        'betas': [generator.normal(0, 1, 300) for _ in range(2)],
        'trans': [np.zeros((NUM_FRAMES, 3))] * 2,
        'poses2d': [generator.uniform(1, 7, (NUM_FRAMES, 3, 18)) for _ in range(2)],
        'cam_poses': np.stack([np.eye(4)] * NUM_FRAMES),
        'cam_intrinsics': np.eye(3),
        'campose_valid': [np.arange(NUM_FRAMES) != 1] * 2,
        'img_frame_ids': np.arange(NUM_FRAMES),
        **changes,
    }
    folder = root / 'pw3d' / 'sequenceFiles' / split
    folder.mkdir(parents=True)
    (folder / f'walk_{split}.pkl').write_bytes(pickle.dumps(sequence, protocol=2))
    pictures = root / 'pw3d' / 'imageFiles' / f'walk_{split}'
    pictures.mkdir(parents=True)
    for frame in range(NUM_FRAMES):
        cv2.imwrite(str(pictures / f'image_{frame:05d}.jpg'), np.zeros((8, 8, 3), np.uint8))


def convert(tmp_path, name):
    (tmp_path / 'out').mkdir(exist_ok=True)
    return convert_raw_sets(find_raw_sets([name]), tmp_path / 'root', tmp_path / 'out')


def test_every_raw_data_set_has_a_converter_and_its_modes():
    from mmhuman3d.data.data_converters.builder import DATA_CONVERTERS

    for raw_set in RAW_SETS:
        converter = DATA_CONVERTERS.get(raw_set.converter)
        assert converter is not None, raw_set
        assert set(raw_set.modes) <= set(converter.ACCEPTED_MODES or ()), raw_set


def test_3dpw_becomes_human_data(tmp_path):
    write_3dpw(tmp_path / 'root', 'train')
    write_3dpw(tmp_path / 'root', 'test')
    out = tmp_path / 'out'
    assert convert(tmp_path, 'raw:pw3d') == {
        'raw:pw3d pw3d_train': out / 'pw3d_train.npz',
        'raw:pw3d pw3d_test': out / 'pw3d_test.npz',
    }
    assert sorted(os.listdir(out)) == ['pw3d_test.npz', 'pw3d_train.npz']
    with np.load(out / 'pw3d_test.npz') as arrays:
        frames = [f'imageFiles/walk_test/image_{frame:05d}.jpg' for frame in (0, 2, 3, 4)]
        assert arrays['image_path'].tolist() == frames * 2  # one person after the other, valid frames


def test_a_part_that_is_missing_does_not_keep_the_others_from_being_converted(tmp_path):
    write_3dpw(tmp_path / 'root', 'test')
    results = convert(tmp_path, 'raw:pw3d')
    assert results['raw:pw3d pw3d_test'].is_file()
    assert isinstance(results['raw:pw3d train'], InputError)
    assert f'{tmp_path}/root/pw3d/sequenceFiles/train' in str(results['raw:pw3d train'])


def test_features_become_a_track_store(tmp_path):
    path = tmp_path / 'root' / 'vibe_data' / 'insta_train_db.h5'
    path.parent.mkdir(parents=True)
    features = np.random.default_rng(0).normal(size=(6, 2048)).astype(np.float32)
    with h5py.File(path, 'w') as file:
        file['vid_name'] = np.array(['a.tfrecord-0'] * 3 + ['a.tfrecord-1'] * 3, 'S')
        file['frame_id'] = np.tile(np.arange(3), 2)
        file['joints2D'] = np.concatenate(
            [np.random.default_rng(1).uniform(1, 223, (6, 25, 2)), np.ones((6, 25, 1))], -1
        )
        file['features'] = features
    (store,) = convert(tmp_path, 'raw:instavariety_vibe').values()
    assert store == tmp_path / 'out' / 'insta_variety'
    assert TrackStore(store).track_names.tolist() == ['a.tfrecord-0', 'a.tfrecord-1']
    np.testing.assert_array_equal(TrackStore(store).columns['features'], features)


def picture_missing(root):
    write_3dpw(root, 'train')
    (root / 'pw3d' / 'imageFiles' / 'walk_train' / 'image_00003.jpg').unlink()


BAD = {
    'pw3d: no such folder, expected the raw data set': lambda root: None,
    'image_00003.jpg: no such image': picture_missing,
    'cannot read it .KeyError: 0': lambda root: write_3dpw(root, 'train', betas={}),
    'finds no frame in it': lambda root: (root / 'pw3d' / 'sequenceFiles' / 'train').mkdir(parents=True),
}


@pytest.mark.parametrize('message', BAD)
def test_bad_input_is_named_and_nothing_is_left(tmp_path, message):
    BAD[message](tmp_path / 'root')
    results = convert(tmp_path, 'raw:pw3d')
    with pytest.raises(InputError, match=message):
        raise results['raw:pw3d train']
    assert not os.listdir(tmp_path / 'out')


def test_an_error_without_words_shows_what_was_asked(tmp_path):
    (tmp_path / 'root' / 'h36m').mkdir(parents=True)
    with pytest.raises(InputError, match=r'h36m: .* \(AssertionError: assert os.path.exists\(self.metadata\)\)'):
        raise convert(tmp_path, 'raw:h36m_p2')['raw:h36m_p2 valid']


def test_code_in_a_raw_pickle_is_refused_and_not_run(tmp_path):
    victim = tmp_path / 'victim'
    victim.touch()
    write_3dpw(tmp_path / 'root', 'train', trans=Hostile(victim))
    with pytest.raises(InputError, match=r'walk_train.pkl: refused to load \w+.remove'):
        raise convert(tmp_path, 'raw:pw3d')['raw:pw3d train']
    assert victim.exists()
