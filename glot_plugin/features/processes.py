"""Sharing an extraction among processes started by torchrun."""

import os
from collections.abc import Sequence
from datetime import timedelta

import torch
import torch.distributed as dist
from mmengine.dist import get_dist_info


def join_processes() -> tuple[int, int]:
    """Join torchrun's processes, if any, and return the rank and the number of processes.

    They use gloo even with GPUs, since they only wait for each other, for as long as the longest track takes.
    """
    if int(os.environ.get('WORLD_SIZE', 1)) == 1:
        return 0, 1
    if not dist.is_initialized():
        dist.init_process_group('gloo', timeout=timedelta(days=7))
    return get_dist_info()


def default_device() -> torch.device:
    """The GPU of this process, or the CPU if there is no GPU."""
    if not torch.cuda.is_available():
        return torch.device('cpu')
    return torch.device('cuda', int(os.environ.get('LOCAL_RANK', 0)) % torch.cuda.device_count())


def share(lengths: Sequence[int], tracks: Sequence[int], rank: int, world_size: int) -> list[int]:
    """The tracks of one process: the longest are assigned first, each to the process with the fewest frames so far."""
    loads = [0] * world_size
    mine = []
    for track in sorted(tracks, key=lambda index: (-lengths[index], index)):
        process = loads.index(min(loads))
        loads[process] += lengths[track]
        if process == rank:
            mine.append(track)
    return sorted(mine)
