"""The batch sampler: shares, passes, ranks, seeds and resuming."""

import copy
import pickle
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler
from torch.utils.data import DataLoader

from glot_plugin.datasets import BatchIndices, MixedBatchSampler
from glot_plugin.datasets.samplers import ShuffledPool
from glot_plugin.errors import InputError


class PooledDataset:
    """Windows 0 … n2-1 are 2D-only, the rest are 3D."""

    def __init__(self, num_2d: int, num_3d: int) -> None:
        self.pool_indices = {'2d': np.arange(num_2d), '3d': np.arange(num_2d, num_2d + num_3d)}

    def __len__(self) -> int:
        return sum(map(len, self.pool_indices.values()))

    def __getitems__(self, indices: list[int]) -> dict:
        return {'indices': np.array(indices), 'seed': indices.seed}


def make_sampler(num_2d: int = 100, num_3d: int = 80, batch_size: int = 10, **options: object) -> MixedBatchSampler:
    inner = SimpleNamespace(dataset=PooledDataset(num_2d, num_3d), seed=7)
    return MixedBatchSampler(inner, batch_size, **options)


def first(sampler: MixedBatchSampler, number: int) -> list[BatchIndices]:
    return list(islice(iter(sampler), number))


def test_paper_batch_is_38_and_26():
    batch = make_sampler(1000, 1000, batch_size=64, share_2d=0.6).batch(0)
    assert len(batch) == 64
    assert sum(index < 1000 for index in batch) == 38


@pytest.mark.parametrize(
    ('batch_size', 'share', 'num_2d'), [(10, 0.6, 6), (100, 0.29, 29), (64, 0, 0), (7, 1, 7), (3, 0.5, 1)]
)
def test_share_of_every_batch(batch_size, share, num_2d):
    for batch in first(make_sampler(batch_size=batch_size, share_2d=share), 30):
        assert len(batch) == batch_size
        assert sum(index < 100 for index in batch) == num_2d


def test_each_pass_over_a_pool_visits_every_window_once_in_another_order():
    stream = np.array(first(make_sampler(num_2d=30, num_3d=20), 15))  # 6 from 2D and 4 from 3D: passes of 5 batches
    for columns, pool in ((slice(0, 6), range(30)), (slice(6, 10), range(30, 50))):
        passes = stream[:, columns].reshape(3, -1)
        for indices in passes:
            assert sorted(indices) == list(pool)
        assert (passes[0] != passes[1]).any()
        assert (passes[1] != passes[2]).any()


def test_batches_run_across_the_end_of_a_pass():
    stream = np.array(first(make_sampler(num_2d=7, num_3d=3), 7))[:, :6].ravel()  # 42 = 6 passes over 7
    for indices in stream.reshape(6, 7):
        assert sorted(indices) == list(range(7))


def test_pool_smaller_than_a_batch_is_repeated():
    assert sorted(make_sampler(num_2d=2, num_3d=1, share_2d=0.6).batch(3)) == [0, 0, 0, 1, 1, 1, 2, 2, 2, 2]


@pytest.mark.parametrize('start', [0, 1, 17, 1000])
def test_resuming_needs_no_replay(start):
    straight = first(make_sampler(), start + 5)[start:]
    resumed = make_sampler()
    resumed.set_start(start)
    found = first(resumed, 5)
    assert found == straight
    assert [batch.seed for batch in found] == [batch.seed for batch in straight]


def test_far_batches_are_reached_directly():
    sampler = make_sampler()
    far = sampler.batch(10**12)
    sampler.batch(3)
    assert sampler.batch(10**12) == far


def test_seeds_make_different_streams():
    streams = [first(make_sampler(seed=seed), 4) for seed in (1, 2, 1)]
    assert streams[0] == streams[2]
    assert streams[0] != streams[1]


def test_transforms_get_another_seed_for_every_batch_and_rank():
    seeds = [batch.seed for rank in range(2) for batch in first(make_sampler(rank=rank, world_size=2), 50)]
    assert len(set(seeds)) == 100
    assert {batch.seed for batch in first(make_sampler(seed=8), 50)}.isdisjoint(seeds)


def test_ranks_share_each_pass_without_overlap():
    ranks = [make_sampler(num_2d=36, num_3d=24, rank=rank, world_size=3) for rank in range(3)]
    batches = np.array([first(sampler, 4) for sampler in ranks])  # (rank, batch, 10)
    passes_2d = np.moveaxis(batches[..., :6], 0, 1).reshape(2, 36)  # two global batches of 18 a pass
    passes_3d = np.moveaxis(batches[..., 6:], 0, 1).reshape(2, 24)
    for indices in passes_2d:
        assert sorted(indices) == list(range(36))
    for indices in passes_3d:
        assert sorted(indices) == list(range(36, 60))


def test_ranks_together_see_what_one_process_with_the_whole_batch_sees():
    together = [make_sampler(rank=rank, world_size=2).batch(5) for rank in range(2)]
    alone = make_sampler(batch_size=20).batch(5)
    assert sorted(together[0] + together[1]) == sorted(alone)


def test_default_share_fills_batches_from_the_pool_there_is(monkeypatch):
    messages = []
    monkeypatch.setattr('glot_plugin.datasets.samplers.print_log', lambda message, *_, **__: messages.append(message))
    assert make_sampler().num_2d == 6
    assert messages == []
    sampler = make_sampler(num_2d=0, num_3d=50)
    assert sampler.num_2d == 0
    assert len(sampler.batch(0)) == len(sampler.batch(1)) == 10
    assert make_sampler(num_2d=50, num_3d=0).num_2d == 10
    assert messages == [f'no {kind} windows: batches hold only the other kind' for kind in ('2D-only', '3D')]


def test_share_that_is_asked_for_is_kept_to():
    with pytest.raises(InputError, match='share_2d is 0.6: 6 of 10 clips must be 2D-only, but the data set has none'):
        make_sampler(num_2d=0, share_2d=0.6)
    with pytest.raises(InputError, match='4 of 10 clips must be 3D, but the data set has none; .* share_2d=1'):
        make_sampler(num_3d=0, share_2d=0.6)
    assert make_sampler(num_2d=0, share_2d=0).num_2d == 0


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'share_2d': 1.5}, 'share_2d is 1.5, expected 0 to 1'),
        ({'share_2d': -0.1}, 'share_2d is -0.1, expected 0 to 1'),
        ({'batch_size': 0}, 'batch_size is 0, expected a positive integer'),
        ({'num_2d': 0, 'num_3d': 0}, 'no windows'),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        make_sampler(**options)


def test_negative_start():
    with pytest.raises(InputError, match='first batch is -1'):
        make_sampler().set_start(-1)


def test_length_is_that_of_the_longer_pass():
    assert len(make_sampler(num_2d=100, num_3d=80)) == 20  # 4 of 80 a batch takes longer than 6 of 100
    assert len(make_sampler(num_2d=100, num_3d=80, world_size=2, rank=0)) == 10
    assert len(make_sampler(num_2d=101, num_3d=80, share_2d=1)) == 11


def test_seed_comes_from_the_sampler_of_the_config():
    inner = DefaultSampler(PooledDataset(20, 20), seed=11)
    assert MixedBatchSampler(inner, 10).seed == 11
    assert MixedBatchSampler(inner, 10, seed=3).seed == 3
    drawn = MixedBatchSampler(SimpleNamespace(dataset=PooledDataset(20, 20), seed=None), 10).seed
    assert isinstance(int(drawn), int)


def test_indices_keep_their_seed_when_pickled_and_copied():
    batch = BatchIndices([3, 1], seed=2**63)
    for other in (pickle.loads(pickle.dumps(batch)), copy.deepcopy(batch)):
        assert other == [3, 1]
        assert isinstance(other, BatchIndices)
        assert other.seed == 2**63


@pytest.mark.parametrize('workers', [0, 2])
def test_indices_reach_the_data_set_with_their_seed(workers):
    sampler = make_sampler()
    loader = DataLoader(sampler.sampler.dataset, batch_sampler=sampler, num_workers=workers, collate_fn=dict)
    for number, found in zip(range(5), loader, strict=False):
        expected = sampler.batch(number)
        assert found['indices'].tolist() == expected
        assert found['seed'] == expected.seed


def test_global_random_state_is_left_alone():
    np.random.seed(0)
    torch.manual_seed(0)
    before = np.random.get_state()[1].tolist(), torch.get_rng_state()
    first(make_sampler(), 10)
    assert np.random.get_state()[1].tolist() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])


def test_pool_stream_is_the_same_from_any_position():
    pool = np.array([5, 9, 2, 4, 7])
    stream = ShuffledPool(pool).take(0, 50, (1,))
    for position in (0, 3, 5, 31, 44):
        np.testing.assert_array_equal(ShuffledPool(pool).take(position, 6, (1,)), stream[position : position + 6])


def test_seed_may_be_set_later():
    sampler = make_sampler(seed=1)
    sampler.batch(0)
    sampler.seed = 2
    assert first(sampler, 3) == first(make_sampler(seed=2), 3)


def test_persistent_workers_start_where_the_sampler_is_set():
    sampler = make_sampler()
    loader = DataLoader(
        sampler.sampler.dataset, batch_sampler=sampler, num_workers=2, collate_fn=dict, persistent_workers=True
    )
    next(iter(loader))  # the workers have fetched ahead by now
    sampler.set_start(10)
    batches = iter(loader)
    for number in (10, 11, 12):
        assert next(batches)['indices'].tolist() == sampler.batch(number)


@pytest.mark.parametrize('sampler', [None, SimpleNamespace(dataset=[1, 2], seed=0)])
def test_sampler_without_windows(sampler):
    with pytest.raises(InputError, match='expected one over data with pool_indices'):
        MixedBatchSampler(sampler, 10)
