"""Windows: against a naive baseline, and what happens at the edges of tracks and to bad input."""

import json
import pickle
import time

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from glot_plugin.datasets import BatchIndices, MixedBatchSampler, TrackStoreWriter, WindowDataset, as_fetched
from glot_plugin.datasets.window_dataset import window_table
from glot_plugin.errors import InputError
from glot_plugin.transforms import MaskFrames, NormalizeKeypoints2d, Pack

TARGETS = {'keypoints2d': (49, 3), 'bbox': (4,), 'keypoints3d': (49, 3), 'smpl_pose': (72,), 'smpl_betas': (10,)}


def naive_windows(tracks: list[dict], num_frames: int, stride: int) -> list[dict]:
    """Every window, frame by frame, from the columns that were written."""
    windows = []
    for track in tracks:
        length = len(track['features'])
        starts = range(0, length - num_frames + 1, stride) if length >= num_frames else [0]
        for start in starts:
            rows = [min(start + t, length - 1) for t in range(num_frames)]
            window = {
                'features': np.stack([track['features'][row] for row in rows]),
                'frame_valid': np.array([start + t < length and track['valid'][start + t] for t in range(num_frames)]),
                'has_keypoints3d': 'keypoints3d' in track,
                'has_smpl': 'smpl_pose' in track,
            }
            for name, shape in TARGETS.items():
                zeros = np.zeros(shape, np.float32)
                window[name] = np.stack([track[name][row] if name in track else zeros for row in rows])
            windows.append(window)
    return windows


def assert_same_batch(found: dict, expected: dict) -> None:
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


# ---- the table


@pytest.mark.parametrize(
    ('length', 'stride', 'starts'),
    [
        (16, 16, [0]),
        (17, 16, [0]),
        (32, 16, [0, 16]),
        (47, 16, [0, 16]),
        (20, 2, [0, 2, 4]),
        (18, 1, [0, 1, 2]),
        (40, 10, [0, 10, 20]),
        (15, 16, [0]),
        (1, 1, [0]),
    ],
)
def test_window_starts_of_one_track(length, stride, starts):
    found, tracks = window_table(np.array([0, length]), 16, stride)
    assert found.tolist() == starts
    assert tracks.tolist() == [0] * len(starts)


def test_windows_never_leave_their_track():
    offsets = np.array([0, 40, 41, 57, 100])
    starts, tracks = window_table(offsets, 16, 8)
    assert starts.tolist() == [0, 8, 16, 24, 40, 41, 57, 65, 73, 81]
    assert tracks.tolist() == [0, 0, 0, 0, 1, 2, 3, 3, 3, 3]


def test_table_of_a_million_frames_is_built_at_once():
    offsets = np.arange(0, 1_000_001, 50)
    start = time.perf_counter()
    starts, _ = window_table(offsets, 16, 1)
    assert time.perf_counter() - start < 0.5
    assert len(starts) == 20_000 * 35


# ---- against the naive baseline


@pytest.mark.parametrize(('num_frames', 'stride'), [(16, 16), (16, 3), (4, 4), (24, 1), (1, 1)])
def test_every_window_is_that_of_the_naive_twin(make_store, num_frames, stride):
    first, tracks = make_store('first', (40, 16, 5, 33), ('3d', '2d', 'smpl', '3d'))
    second, more = make_store('second', (18, 3), ('2d', '2d'), columns=('keypoints2d', 'bbox'))
    dataset = WindowDataset([first, second], num_frames, stride)
    expected = naive_windows(tracks + more, num_frames, stride)
    assert len(dataset) == len(expected)
    order = np.random.default_rng(0).permutation(len(expected)).tolist()
    batch = dataset.__getitems__(order)
    assert_same_batch(batch, {name: np.stack([expected[i][name] for i in order]) for name in batch})
    assert batch['features'].dtype == np.float32
    assert batch['features'].flags.c_contiguous
    for index in (0, len(expected) - 1):
        assert_same_batch(dataset[index], expected[index])
    assert len(list(dataset)) == len(expected)


def test_short_track_is_padded_with_its_last_frame(make_store):
    path, (track,) = make_store(lengths=(5,))
    dataset = WindowDataset(path)
    assert len(dataset) == 1
    window = dataset[0]
    np.testing.assert_array_equal(window['features'][:5], track['features'])
    np.testing.assert_array_equal(window['features'][5:], np.tile(track['features'][4], (11, 1)))
    np.testing.assert_array_equal(window['frame_valid'], [*track['valid'], *[False] * 11])


def test_half_precision_store_gives_float32(make_store):
    path, tracks = make_store(lengths=(40,), feature_dtype='float16')
    batch = WindowDataset(path).fetch([1, 0])
    assert batch['features'].dtype == np.float32
    np.testing.assert_array_equal(batch['features'][0], tracks[0]['features'][16:32].astype(np.float16))


def test_batches_own_their_memory(make_store):
    dataset = WindowDataset(make_store()[0])
    first, again = dataset.fetch([0]), dataset.fetch([0])
    first['features'][:] = 0
    assert again['features'].any()
    assert dataset.fetch([0])['features'].any()


def test_pool_indices(make_store):
    path, _ = make_store(lengths=(32, 16, 5, 16), kinds=('3d', '2d', 'smpl', '2d'))
    pools = WindowDataset(path).pool_indices
    assert pools['3d'].tolist() == [0, 1, 3]
    assert pools['2d'].tolist() == [2, 4]


def test_smpl_of_a_store_can_be_left_out(make_store):
    path, tracks = make_store(lengths=(16, 16), kinds=('3d', 'smpl'))
    dataset = WindowDataset([{'path': path, 'use_smpl': False}])
    batch = dataset.fetch([0, 1])
    assert not batch['has_smpl'].any()
    assert not batch['smpl_pose'].any()
    np.testing.assert_array_equal(batch['keypoints3d'][0], tracks[0]['keypoints3d'])
    assert dataset.pool_indices['2d'].tolist() == [1]


def test_only_chosen_columns_are_fetched(make_store):
    batch = WindowDataset(make_store()[0], columns=('keypoints3d',)).fetch([0])
    assert set(batch) == {'features', 'keypoints3d', 'frame_valid', 'has_keypoints3d', 'has_smpl'}


# ---- pipeline and loader

PIPELINE = [{'type': 'NormalizeKeypoints2d'}, {'type': 'MaskFrames', 'mask_ratio': 0.5}, {'type': 'Pack'}]


def test_pipeline_acts_on_the_whole_batch(make_store):
    dataset = WindowDataset(make_store()[0], pipeline=PIPELINE)
    raw, batch = dataset.fetch([0, 2]), dataset.__getitems__([0, 2])
    assert 'bbox' not in batch
    assert batch['frame_mask'].shape == (2, 16)
    assert batch['frame_mask'].sum(axis=1).tolist() == [8, 8]
    side = 1.2 * raw['bbox'][1, 3, 2:].max()
    expected = 2 * (raw['keypoints2d'][1, 3, 7, 0] - raw['bbox'][1, 3, 0]) / side
    assert batch['keypoints2d'][1, 3, 7, 0] == pytest.approx(expected, rel=1e-5)


def test_random_transforms_depend_on_the_seed_of_the_batch_alone(make_store):
    dataset = WindowDataset(make_store()[0], pipeline=[MaskFrames()])
    mask = [dataset.__getitems__(BatchIndices([0, 1], seed=seed))['frame_mask'] for seed in (1, 2, 1)]
    np.testing.assert_array_equal(mask[0], mask[2])
    assert (mask[0] != mask[1]).any()
    plain = [dataset.__getitems__(indices)['frame_mask'] for indices in ([0, 1], [0, 1], [1, 0])]
    np.testing.assert_array_equal(plain[0], plain[1])
    assert (plain[0] != plain[2]).any()


def batches_of(dataset: WindowDataset, workers: int, context: str | None = None) -> list[dict]:
    sampler = MixedBatchSampler(DefaultSampler(dataset, seed=3), batch_size=5)
    loader = DataLoader(
        dataset, batch_sampler=sampler, num_workers=workers, collate_fn=as_fetched, multiprocessing_context=context
    )
    return [batch for batch, _ in zip(loader, range(6), strict=False)]


def test_workers_give_the_same_batches(make_store):
    path, _ = make_store(lengths=(100, 90), kinds=('3d', '2d'))
    dataset = WindowDataset(path, stride=4, pipeline=[NormalizeKeypoints2d(), MaskFrames(), Pack()])
    expected, found = batches_of(dataset, 0), batches_of(dataset, 2, 'fork')
    assert len(found) == 6
    for one, other in zip(expected, found, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            assert isinstance(one[name], torch.Tensor)
            assert torch.equal(one[name], other[name]), name


def test_data_set_survives_pickling(make_store):
    dataset = WindowDataset(make_store()[0], pipeline=PIPELINE)
    before = dataset.__getitems__([0, 1])
    assert_same_batch(pickle.loads(pickle.dumps(dataset)).__getitems__([0, 1]), before)


def test_mmengine_builds_the_loader_from_a_config(make_store):
    path, _ = make_store(lengths=(100, 90), kinds=('3d', '2d'))
    config = {
        'batch_size': 10,
        'num_workers': 0,
        'dataset': {'type': 'WindowDataset', 'stores': [str(path)], 'pipeline': PIPELINE},
        'sampler': {'type': 'DefaultSampler'},
        'batch_sampler': {'type': 'MixedBatchSampler', 'share_2d': 0.6},
        'collate_fn': {'type': 'glot.as_fetched'},
    }
    with DefaultScope.overwrite_default_scope('glot'):
        loader = Runner.build_dataloader(config, seed=5)
    assert loader.batch_sampler.seed == 5
    batch = next(iter(loader))
    assert batch['features'].shape == (10, 16, 8)
    assert batch['has_keypoints3d'].tolist() == [False] * 6 + [True] * 4
    assert batch['frame_mask'].dtype == torch.bool


# ---- memory


def resident_bytes() -> int:
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * 4096


def test_a_million_frames_take_little_time_and_memory(million_frames):
    """Opened with every window there is, and 100 batches fetched (0.9 GB of features)."""
    before, start = resident_bytes(), time.perf_counter()
    dataset = WindowDataset(million_frames, stride=1)
    assert time.perf_counter() - start < 2
    assert len(dataset) == 20_000 * 35
    for number in range(100):
        dataset.fetch(range(number * 6000, number * 6000 + 64))
    assert resident_bytes() - before < 100 * 2**20


def test_fetching_leaves_no_pages_of_the_store_mapped(tmp_path):
    """64 MB of features pass through batches of 8; what stays resident is far less."""
    with TrackStoreWriter(tmp_path / 's', 'zeros', columns=()) as writer:
        for number in range(8):
            writer.add_track(f'{number}', np.zeros((1024, 2048), np.float32))
    dataset = WindowDataset(tmp_path / 's', columns=())
    dataset.fetch(range(8))
    before = resident_bytes()
    for start in range(0, len(dataset), 8):
        dataset.fetch(range(start, start + 8))
    assert resident_bytes() - before < 16 * 2**20


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='pinned memory needs a CUDA device')
def test_batches_can_be_pinned(make_store):
    loader = DataLoader(WindowDataset(make_store()[0]), batch_size=2, collate_fn=as_fetched, pin_memory=True)
    assert all(value.is_pinned() for value in next(iter(loader)).values())


# ---- bad input


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_nonfinite_feature_names_store_track_and_frame(make_store, value):
    path, _ = make_store(lengths=(40, 40))
    features = np.load(path / 'features.npy')
    features[40 + 19, 3] = value
    np.save(path / 'features.npy', features)
    dataset = WindowDataset(path)
    dataset.fetch([0, 1, 2])
    with pytest.raises(InputError, match=r'store: track 1 \(store/1\), frame 19: NaN or infinite features'):
        dataset.fetch([0, 3])


def test_nonfinite_target_is_found_too(make_store):
    path, _ = make_store(lengths=(20,))
    betas = np.load(path / 'smpl_betas.npy')
    betas[0, 0] = np.nan
    np.save(path / 'smpl_betas.npy', betas)
    with pytest.raises(InputError, match='frame 0: NaN or infinite smpl_betas'):
        WindowDataset(path).fetch([0])


def test_large_finite_features_are_no_error(tmp_path):
    with TrackStoreWriter(tmp_path / 's', 'huge', columns=(), feature_dim=4) as writer:
        writer.add_track('a', np.full((16, 4), 3e38, np.float32))
    assert WindowDataset(tmp_path / 's').fetch([0])['features'].max() == np.float32(3e38)


@pytest.mark.parametrize('index', [-1, 4, 1000])
def test_window_index_out_of_range(make_store, index):
    dataset = WindowDataset(make_store()[0])
    with pytest.raises(InputError, match=f'window index {index} is out of range: the data set has 4 windows'):
        dataset.__getitems__([0, index])


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'num_frames': 0}, 'num_frames is 0, expected a positive integer'),
        ({'stride': 1.5}, 'stride is 1.5, expected a positive integer'),
        ({'columns': ('pose',)}, 'columns names pose, expected some of keypoints2d'),
        ({'feature_dim': 2048}, 'store: features are 8 wide, expected 2048'),
    ],
)
def test_bad_options(make_store, options, message):
    path, _ = make_store()
    with pytest.raises(InputError, match=message):
        WindowDataset(path, **options)


def test_bad_entry_of_stores(make_store):
    with pytest.raises(InputError, match='expected a path or dict'):
        WindowDataset([{'path': make_store()[0], 'ratio': 2}])
    with pytest.raises(InputError, match='stores is empty'):
        WindowDataset([])


def test_other_3d_joints_are_for_testing_only(make_store):
    path, _ = make_store(keypoints3d_joints='h36m14')
    with pytest.raises(InputError, match="store: keypoints3d has the joints 'h36m14', training windows need 'spin49'"):
        WindowDataset(path)
    assert len(WindowDataset(path, columns=('smpl_pose', 'smpl_betas'))) == 4


def test_broken_store_is_named(make_store):
    path, _ = make_store()
    index = json.loads((path / 'store.json').read_text())
    (path / 'store.json').write_text(json.dumps({**index, 'schema_version': 7}))
    with pytest.raises(InputError, match='store/store.json: found schema version 7'):
        WindowDataset(path)


def test_window_rows_say_where_frames_come_from(make_store):
    paths = [make_store('a', (20, 5))[0], make_store('b', (17,))[0]]
    dataset = WindowDataset(paths, num_frames=8, stride=8)
    stores, rows = dataset.window_rows([3, 2, 1])
    assert stores.tolist() == [1, 0, 0]
    assert rows.tolist() == [list(range(8)), [20, 21, 22, 23, 24, 24, 24, 24], list(range(8, 16))]
    features = dataset.fetch([3, 2, 1])['features']
    for place, (store, frames) in enumerate(zip(stores, rows, strict=True)):
        np.testing.assert_array_equal(features[place], dataset.stores[store].columns['features'][frames])
    with pytest.raises(IndexError, match='window index 9 is out of range'):
        dataset.window_rows([9])
