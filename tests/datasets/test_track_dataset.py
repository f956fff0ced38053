"""Whole tracks as items, and as batches of one."""

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from glot_plugin.datasets import TrackDataset, TrackStoreWriter, WindowDataset, as_fetched
from glot_plugin.errors import InputError


def test_items_are_the_tracks_of_all_stores(make_store):
    first, tracks = make_store('first', (40, 5), ('3d', '2d'))
    second, more = make_store('second', (7,), ('smpl',))
    dataset = TrackDataset([first, second])
    assert len(dataset) == 3
    assert dataset.track_lengths.tolist() == [40, 5, 7]
    names = [('first', 'first/0'), ('first', 'first/1'), ('second', 'second/0')]
    for item, track, (store, name) in zip(dataset, tracks + more, names, strict=True):
        assert (item['store_name'], item['track_name']) == (store, name)
        assert item['has_keypoints3d'] is ('keypoints3d' in track)
        assert item['has_smpl'] is ('smpl_pose' in track)
        assert item['keypoints3d_joints'] == ('spin49' if 'keypoints3d' in track else None)
        np.testing.assert_array_equal(item['frame_valid'], track.pop('valid'))
        for key, values in track.items():
            np.testing.assert_array_equal(item[key], values)
        given = {'store_name', 'track_name', 'has_keypoints3d', 'has_smpl', 'keypoints3d_joints', 'frame_valid'}
        assert item.keys() == track.keys() | given | {'gender'}  # no target that the track does not have


def test_gender_of_each_track(tmp_path):
    features = np.zeros((3, 2), np.float32)
    with TrackStoreWriter(tmp_path / 'known', 'test', columns=(), feature_dim=2) as writer:
        writer.add_track('she', features, gender='f')
        writer.add_track('nobody knows', features)
    with TrackStoreWriter(tmp_path / 'unknown', 'test', columns=(), feature_dim=2) as writer:
        writer.add_track('any', features)
    dataset = TrackDataset([tmp_path / 'known', tmp_path / 'unknown'])
    assert [item['gender'] for item in dataset] == ['f', None, None]


def test_h36m_joints_and_half_precision(make_store):
    path, tracks = make_store(lengths=(9,), keypoints3d_joints='h36m14', feature_dtype='float16')
    item = TrackDataset(path)[0]
    assert item['keypoints3d'].shape == (9, 14, 3)
    assert item['keypoints3d_joints'] == 'h36m14'
    assert item['features'].dtype == np.float32
    np.testing.assert_array_equal(item['features'], tracks[0]['features'].astype(np.float16))


def test_store_without_optional_columns(make_store):
    item = TrackDataset(make_store(columns=())[0])[0]
    assert 'keypoints2d' not in item
    assert item['features'].shape == (40, 8)


def test_invalid_frames_are_dropped_on_request(tmp_path):
    features = np.arange(10, dtype=np.float32).reshape(5, 2)
    with TrackStoreWriter(tmp_path / 's', 'test', columns=(), feature_dim=2) as writer:
        writer.add_track('some', features, valid=np.array([True, False, True, True, False]))
        writer.add_track('none', features, valid=np.zeros(5, bool))
        writer.add_track('all', features)
    dataset = TrackDataset(tmp_path / 's', drop_invalid=True)
    assert [item['track_name'] for item in dataset] == ['some', 'all']
    assert dataset.track_lengths.tolist() == [3, 5]
    assert dataset[0]['features'][:, 0].tolist() == [0, 4, 6]
    assert dataset[0]['frame_id'].tolist() == [0, 2, 3]
    assert dataset[0]['frame_valid'].all()
    kept = TrackDataset(tmp_path / 's')
    assert len(kept) == 3
    assert kept[0]['frame_valid'].tolist() == [True, False, True, True, False]


def test_pipeline_gets_the_item(make_store):
    path, tracks = make_store(lengths=(6,))
    item = TrackDataset(path, pipeline=[{'type': 'NormalizeKeypoints2d', 'box_scale': 1.0}])[0]
    box = tracks[0]['bbox'][2]
    expected = 2 * (tracks[0]['keypoints2d'][2, 5, 1] - box[1]) / box[2:].max()
    assert item['keypoints2d'][2, 5, 1] == pytest.approx(expected, rel=1e-5)
    assert 'bbox' not in item


@pytest.mark.parametrize('batch_size', [1, None])
@pytest.mark.parametrize('workers', [0, 1])
def test_mmengine_builds_the_loader_from_a_config(make_store, batch_size, workers):
    path, tracks = make_store()
    config = {
        'batch_size': batch_size,
        'num_workers': workers,
        'dataset': {'type': 'TrackDataset', 'stores': str(path)},
        'sampler': {'type': 'DefaultSampler', 'shuffle': False, 'round_up': False},
        'collate_fn': {'type': 'glot.as_fetched'},
    }
    with DefaultScope.overwrite_default_scope('glot'):
        loader = Runner.build_dataloader(config, seed=0)
    batches = list(loader)
    assert [batch['track_name'] for batch in batches] == ['store/0', 'store/1', 'store/2']
    assert torch.equal(batches[1]['features'], torch.from_numpy(tracks[1]['features']))
    assert batches[1]['frame_valid'].dtype == torch.bool


def test_several_tracks_are_not_stacked(make_store):
    dataset = TrackDataset(make_store()[0])
    with pytest.raises(InputError, match='batch_size is 2, expected 1: whole tracks are not stacked'):
        as_fetched([dataset[0], dataset[1]])


@pytest.mark.parametrize('index', [-1, 3])
def test_track_index_out_of_range(make_store, index):
    with pytest.raises(InputError, match=f'track index {index} is out of range: the data set has 3 tracks'):
        TrackDataset(make_store()[0])[index]


def test_nonfinite_feature_names_store_track_and_frame(make_store):
    path, _ = make_store(lengths=(40, 16))
    features = np.load(path / 'features.npy')
    features[45, 0] = np.nan
    np.save(path / 'features.npy', features)
    dataset = TrackDataset(path)
    dataset[0]
    with pytest.raises(InputError, match=r'store: track 1 \(store/1\), frame 5: NaN or infinite features'):
        dataset[1]


def test_wrong_width(make_store):
    with pytest.raises(InputError, match='features are 8 wide, expected 2048 as feature_dim says'):
        TrackDataset(make_store()[0], feature_dim=2048)


@pytest.mark.parametrize(('kind', 'stores'), [(TrackDataset, [3]), (TrackDataset, None), (WindowDataset, None)])
def test_stores_that_are_no_paths(kind, stores):
    with pytest.raises(InputError, match='stores has (3|None), expected the path of a track store'):
        kind(stores)
