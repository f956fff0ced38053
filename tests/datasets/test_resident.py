"""Windows gathered from frames on a device against those that the data set makes itself."""

import numpy as np
import pytest
import torch

from glot_plugin.datasets import TrackStoreWriter, WindowDataset, as_fetched
from glot_plugin.datasets.resident import ResidentWindows
from glot_plugin.errors import InputError

CPU = torch.device('cpu')
NORMALIZED = ({'type': 'NormalizeKeypoints2d'}, {'type': 'Pack'})


def assert_same_batches(resident: ResidentWindows, seed: int = 0) -> None:
    dataset = resident.dataset
    indices = np.random.default_rng(seed).permutation(len(dataset)).tolist()
    expected, found = dataset.__getitems__(indices), resident.fetch(indices)
    assert list(found) == list(expected)
    for name, values in expected.items():
        assert found[name].numpy().dtype == values.dtype, name
        np.testing.assert_array_equal(found[name].numpy(), values, err_msg=name)


@pytest.fixture
def stores(make_store) -> list:
    """All kinds of tracks, some shorter than a window; a store without 3D, one without boxes, one with boxes alone."""
    return [
        make_store('first', (40, 16, 5, 33), ('3d', '2d', 'smpl', '3d'))[0],
        {'path': make_store('second', (18, 3), ('3d', '3d'))[0], 'use_smpl': False},
        make_store('third', (18, 3), ('2d', '2d'), columns=('keypoints2d', 'bbox'))[0],
        make_store('fourth', (20,), ('3d',), columns=('keypoints3d',))[0],
        make_store('fifth', (20,), ('2d',), columns=('bbox',))[0],
    ]


@pytest.mark.parametrize('pipeline', [(), NORMALIZED], ids=['as stored', 'normalized'])
@pytest.mark.parametrize(('num_frames', 'stride'), [(16, 16), (16, 3), (4, 4)])
def test_batches_have_the_same_bits(stores, monkeypatch, num_frames, stride, pipeline):
    monkeypatch.setattr('glot_plugin.datasets.resident.CHUNK_BYTES', 7 * 4 * 8)  # 7 frames at a time
    dataset = WindowDataset(stores, num_frames, stride, pipeline)
    assert_same_batches(ResidentWindows(dataset, CPU))


def test_chosen_columns(stores):
    dataset = WindowDataset(stores, columns=('keypoints3d',))
    assert_same_batches(ResidentWindows(dataset, CPU))


def test_half_precision_stores_stay_half_and_give_the_same_bits(make_store):
    path, _ = make_store(lengths=(40, 5), feature_dtype='float16')
    half = ResidentWindows(WindowDataset(path, pipeline=NORMALIZED), CPU)
    assert_same_batches(half)
    full, _ = make_store('full', lengths=(40, 5))
    assert ResidentWindows(WindowDataset(full), CPU).num_bytes - half.num_bytes > 45 * 8 * 2
    assert_same_batches(ResidentWindows(WindowDataset([path, full]), CPU))  # together: float32


def test_features_rounded_to_half_precision(make_store):
    dataset = WindowDataset(make_store()[0])
    found = ResidentWindows(dataset, CPU, half_features=True).fetch([2, 0])
    expected = dataset.fetch([2, 0])
    assert found['features'].dtype == torch.float32
    np.testing.assert_array_equal(found['features'], expected['features'].astype(np.float16))
    np.testing.assert_array_equal(found['keypoints3d'], expected['keypoints3d'])


def test_features_that_half_precision_cannot_hold(tmp_path):
    features = np.ones((16, 4), np.float32)
    features[5, 2] = 1e5
    with TrackStoreWriter(tmp_path / 's', 'large', columns=(), feature_dim=4) as writer:
        writer.add_track('a', features)
    with pytest.raises(InputError, match=r's: row 5 has features up to 100000, more than half precision can hold'):
        ResidentWindows(WindowDataset(tmp_path / 's'), CPU, half_features=True)


@pytest.mark.parametrize('column', ['features', 'smpl_betas'])
def test_broken_values_are_found_when_they_are_loaded(make_store, column):
    path, _ = make_store()
    values = np.load(path / f'{column}.npy')
    values[59, 0] = np.nan
    np.save(path / f'{column}.npy', values)
    with pytest.raises(InputError, match=rf'store: track 2 \(store/2\), frame 3: NaN or infinite {column}'):
        ResidentWindows(WindowDataset(path), CPU)


def test_only_some_stores_are_loaded(stores):
    dataset = WindowDataset(stores, pipeline=NORMALIZED)
    some = ResidentWindows(dataset, CPU, stores=[0, 3])
    whole = ResidentWindows(dataset, CPU)
    assert some.num_bytes < whole.num_bytes
    indices = np.flatnonzero(np.isin(dataset.window_rows(range(len(dataset)))[0], [0, 3]))
    expected = whole.fetch(indices)
    for name, values in some.fetch(indices).items():
        assert torch.equal(values, expected[name]), name


def test_transforms_that_need_whole_batches(make_store):
    dataset = WindowDataset(make_store()[0], pipeline=[{'type': 'MaskFrames'}, {'type': 'Pack'}])
    with pytest.raises(InputError, match='resident: MaskFrames in the pipeline needs whole batches; expected'):
        ResidentWindows(dataset, CPU)


def test_a_transform_that_lies_about_frames(make_store):
    class Sum:
        frame_wise = True

        def __call__(self, batch, rng):
            return {**batch, 'sum': batch['keypoints3d'].sum(axis=1)}

    with pytest.raises(InputError, match=r'the pipeline makes sum of shape \(1, 49, 3\) of 1 windows of one frame'):
        ResidentWindows(WindowDataset(make_store()[0], pipeline=[Sum()]), CPU)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')
def test_on_a_gpu_batches_have_the_same_bits_and_the_host_does_not_wait(stores):
    dataset = WindowDataset(stores, pipeline=NORMALIZED)
    resident = ResidentWindows(dataset, torch.device('cuda'))
    indices = list(range(len(dataset)))
    resident.fetch(indices)
    torch.cuda.set_sync_debug_mode('error')
    try:
        found = resident.fetch(indices)
    finally:
        torch.cuda.set_sync_debug_mode('default')
    for name, values in dataset.__getitems__(indices).items():
        np.testing.assert_array_equal(found[name].cpu().numpy(), values, err_msg=name)


def test_windows_of_other_stores_come_from_the_host(stores):
    dataset = WindowDataset(stores, pipeline=NORMALIZED)
    indices = np.random.default_rng(0).permutation(len(dataset)).tolist()
    expected = dataset.__getitems__(indices)
    resident = ResidentWindows(dataset, CPU, stores=[0, 2])
    dataset.leave_out(resident.stores)
    for chosen in (indices, [0, 1]):  # the second has nothing from the host
        part = as_fetched(dataset.__getitems__(chosen))
        assert len(part['features']) == np.isin(dataset.window_rows(chosen)[0], [1, 3, 4]).sum()
        found = resident.complete(part)
        for name, values in found.items():
            np.testing.assert_array_equal(values.numpy(), expected[name][[indices.index(i) for i in chosen]])


def test_frames_that_do_not_fit(make_store, monkeypatch):
    def no_memory(*args, **options):
        raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2 TB')

    dataset = WindowDataset(make_store()[0])
    monkeypatch.setattr(torch, 'empty', no_memory)
    with pytest.raises(InputError, match=r"which do not fit on cpu \(.*CUDA out.*expected resident='auto'"):
        ResidentWindows(dataset, CPU)
