"""Batches with a fixed share of 2D-only clips, the same for any number of workers and after a resume."""

import logging
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from mmengine.logging import print_log

from glot_plugin.errors import InputError
from glot_plugin.registry import DATA_SAMPLERS

PAPER_SHARE_2D = 0.6  # 64 = 38 clips from 2D + 26 from 3D sets


class BatchIndices(list):
    """Indices of the windows of one batch, with the seed of its random transforms."""

    def __init__(self, indices: Iterable[int] = (), seed: int = 0) -> None:
        super().__init__(indices)
        self.seed = seed


class ShuffledPool:
    """An endless stream over a pool of indices, shuffled anew in every pass, that can be read at any position.

    Args:
        indices: (n,) the pool.
    """

    def __init__(self, indices: np.ndarray) -> None:
        self.indices = indices
        self._shuffle: tuple[int, ...] = ()  # seed and pass of the current order
        self._order = indices

    def take(self, position: int, number: int, seed: tuple[int, ...]) -> np.ndarray:
        """Entries `position:position + number` of the stream of this seed; a jump costs one shuffle of the pool."""
        taken = [self.indices[:0]]
        while number > 0:
            pass_, offset = divmod(position, len(self.indices))
            chunk = self._shuffled((*seed, pass_))[offset : offset + number]
            taken.append(chunk)
            position, number = position + len(chunk), number - len(chunk)
        return np.concatenate(taken)

    def _shuffled(self, shuffle: tuple[int, ...]) -> np.ndarray:
        if shuffle != self._shuffle:
            self._order = np.random.default_rng(shuffle).permutation(self.indices)
            self._shuffle = shuffle
        return self._order


@DATA_SAMPLERS.register_module()
class MixedBatchSampler:
    """An endless stream of batches with a fixed number of 2D-only clips, the rest with 3D (the paper: 38 of 64).

    Batch `k` is a function of seed, world size and `k` alone, so a run that resumes at iteration `k` calls
    `set_start(k)` before the data loader is iterated and replays nothing. Every rank takes its own part of the global
    batch of `world_size * batch_size` clips; within one pass over a pool no window comes twice.

    Args:
        sampler: provides `dataset` (with `pool_indices`: `WindowDataset`) and, unless `seed` is given, its `seed`;
            mmengine builds it from the config's `sampler` with the runner's seed. Its order is not used.
        batch_size: clips per batch on each rank.
        share_2d: share of 2D-only windows in a batch: `int(batch_size * share_2d)` clips. None: the paper's 0.6, or,
            with a logged warning, only the other kind where there are no 2D-only or no 3D windows. A share that is
            given is never adjusted: it is an error if it cannot be filled.
        seed: None: that of `sampler`, else one that all ranks agree on.
        rank: of this process; None: taken from mmengine.
        world_size: number of processes; None: taken from mmengine.

    Raises:
        InputError: share outside [0, 1], a share of windows that do not exist, an empty data set.
    """

    def __init__(
        self,
        sampler: Any,
        batch_size: int,
        share_2d: float | None = None,
        seed: int | None = None,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        if not isinstance(batch_size, int) or batch_size < 1:
            raise InputError(f'batch_size is {batch_size!r}, expected a positive integer')
        self.sampler = sampler  # mmengine's hooks look for it
        self.batch_size = batch_size
        current_rank, current_world_size = get_dist_info()
        self.rank = current_rank if rank is None else rank
        self.world_size = current_world_size if world_size is None else world_size
        dataset = getattr(sampler, 'dataset', None)
        if not hasattr(dataset, 'pool_indices'):
            raise InputError(
                f'sampler is {sampler!r} over {type(dataset).__name__}, expected one over data with pool_indices: '
                "sampler=dict(type='DefaultSampler') and dataset=dict(type='WindowDataset', …)"
            )
        pools = dataset.pool_indices
        self.num_2d = _num_2d(batch_size, share_2d, len(pools['2d']), len(pools['3d']))
        self._pool_2d = ShuffledPool(pools['2d'])
        self._pool_3d = ShuffledPool(pools['3d'])
        seed = getattr(sampler, 'seed', None) if seed is None else seed
        self.seed = sync_random_seed() if seed is None else seed  # a resumed run may set another one
        self._start = 0

    def set_start(self, batch: int) -> None:
        """Let the next iteration begin with this batch; call it before the data loader makes its iterator."""
        if batch < 0:
            raise InputError(f'the first batch is {batch}, expected 0 or more')
        self._start = batch

    def batch(self, number: int) -> BatchIndices:
        """Batch `number` of this rank: 2D-only clips first."""
        num_3d = self.batch_size - self.num_2d
        part = number * self.world_size + self.rank
        clips = [
            self._pool_2d.take(part * self.num_2d, self.num_2d, (self.seed, 2)),
            self._pool_3d.take(part * num_3d, num_3d, (self.seed, 3)),
        ]
        seed = np.random.SeedSequence((self.seed, self.rank, number)).generate_state(1, np.uint64)[0]
        return BatchIndices(np.concatenate(clips).tolist(), seed=int(seed))

    def __iter__(self) -> Iterator[BatchIndices]:
        for number in count(self._start):
            yield self.batch(number)

    def __len__(self) -> int:
        """Number of batches after which every pool in use has been passed once; the stream itself does not end."""
        shares = ((self._pool_2d, self.num_2d), (self._pool_3d, self.batch_size - self.num_2d))
        return max(-(-len(pool.indices) // (share * self.world_size)) for pool, share in shares if share)


def _num_2d(batch_size: int, share: float | None, windows_2d: int, windows_3d: int) -> int:
    """Number of 2D-only clips of a batch, checked against the windows that there are."""
    if windows_2d + windows_3d == 0:
        raise InputError('the data set has no windows, expected at least one')
    if share is None:
        share = PAPER_SHARE_2D
        if not windows_2d or not windows_3d:
            share = float(windows_3d == 0)
            kind = '3D' if share else '2D-only'
            print_log(f'no {kind} windows: batches hold only the other kind', logger='current', level=logging.WARNING)
    if not 0 <= share <= 1:
        raise InputError(f'share_2d is {share}, expected 0 to 1')
    num_2d = int(batch_size * share + 1e-9)  # 100 * 0.29 is 28.999…
    for number, windows, kind, fix in (
        (num_2d, windows_2d, '2D-only', 0),
        (batch_size - num_2d, windows_3d, '3D', 1),
    ):
        if number and not windows:
            raise InputError(
                f'share_2d is {share}: {number} of {batch_size} clips must be {kind}, but the data set has none; '
                f'add a store with them or set share_2d={fix}'
            )
        if windows and not number:
            print_log(f'share_2d is {share}: none of the {windows} {kind} windows is used', 'current', logging.WARNING)
    return num_2d
