"""Speed of fetching batches from a large track store, and the cost of opening one."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from rich.progress import track as progress

from glot_plugin.benchmark.timing import Comparison, compare
from glot_plugin.datasets import TrackStore, TrackStoreWriter, WindowDataset, as_fetched
from glot_plugin.datasets.resident import ResidentWindows
from glot_plugin.datasets.samplers import MixedBatchSampler
from glot_plugin.errors import InputError
from glot_plugin.live.threads import torch_threads

TRACK_FRAMES = 500
PIPELINE = ({'type': 'NormalizeKeypoints2d'}, {'type': 'Pack'})
# Run in a fresh process to measure the cost of opening a store: resident memory before and after, and seconds.
_OPENING = """
import os, sys, time
import glot_plugin
from glot_plugin.datasets import WindowDataset

def resident_mb():
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 2**20

before, start = resident_mb(), time.perf_counter()
dataset = WindowDataset(sys.argv[1])
print(time.perf_counter() - start, resident_mb() - before, len(dataset))
"""


def write_large_store(path: Path, num_frames: int, feature_dtype: str = 'float32') -> Path:
    """A store of `num_frames` frames in tracks of 500, 40 % of them 2D-only; an existing one is kept."""
    try:
        if TrackStore(path).num_frames == num_frames:
            return path
    except InputError:
        pass
    rng = np.random.default_rng(0)
    columns = {
        'features': rng.random((TRACK_FRAMES, 2048), dtype=np.float32),
        'keypoints2d': rng.random((TRACK_FRAMES, 49, 3), dtype=np.float32),
        'bbox': np.full((TRACK_FRAMES, 4), 100.0, np.float32),
    }
    targets = {
        'keypoints3d': rng.random((TRACK_FRAMES, 49, 3), dtype=np.float32),
        'smpl_pose': rng.random((TRACK_FRAMES, 72), dtype=np.float32),
        'smpl_betas': rng.random((TRACK_FRAMES, 10), dtype=np.float32),
    }
    with TrackStoreWriter(path, source='benchmark', feature_dtype=feature_dtype, overwrite=True) as writer:
        for number in progress(range(num_frames // TRACK_FRAMES), f'writing {path}'):
            writer.add_track(f'{number:07d}', **columns, **(targets if number % 5 > 1 else {}))
    return path


def compare_batch_fetch(store: Path, batch_size: int = 64, batches: int = 20, repeats: int = 5) -> Comparison:
    """Fetching complete batches against frame by frame, on one core, including the pipeline; in seconds per batch."""
    dataset = WindowDataset(str(store), pipeline=PIPELINE)
    sampler = MixedBatchSampler(_Owner(dataset), batch_size, seed=0)
    chosen = [sampler.batch(number) for number in range(batches)]

    def whole_batches() -> None:
        for indices in chosen:
            dataset.__getitems__(indices)

    def frame_after_frame() -> None:
        for indices in chosen[:1]:
            _naive_batch(dataset, indices)

    with torch_threads(1):
        result = compare('batch fetch', whole_batches, frame_after_frame, repeats)
    result.ours /= batches
    result.ratio *= batches
    result.detail = f'{batch_size / result.ours:,.0f} windows/s, {dataset.stores[0].num_frames:,} frames'
    return result


def compare_resident_fetch(store: Path, device: str, batch_size: int = 64, repeats: int = 5) -> Comparison:
    """Batches gathered from frames on a device, against complete batches that the host makes and copies there."""
    dataset = WindowDataset(str(store), pipeline=PIPELINE)
    resident = ResidentWindows(dataset, torch.device(device))
    sampler = MixedBatchSampler(_Owner(dataset), batch_size, seed=0)
    chosen = [sampler.batch(number) for number in range(20)]

    def on_device() -> None:
        for indices in chosen:
            resident.fetch(indices)

    def from_host() -> None:
        for indices in chosen:
            for values in as_fetched(dataset.__getitems__(indices)).values():
                values.to(device)

    with torch_threads(1):
        result = compare('batch fetch, resident', on_device, from_host, repeats)
    result.ours, result.naive = result.ours / len(chosen), result.naive / len(chosen)
    result.detail = f'{resident.num_bytes / 1e9:.1f} GB on {device}; the baseline is our batch fetch, with its copy'
    return result


def opening_cost(store: Path) -> tuple[float, float]:
    """Seconds and additional MB of resident memory for opening a store, measured in a fresh process."""
    output = subprocess.run([sys.executable, '-c', _OPENING, str(store)], capture_output=True, text=True, check=True)
    seconds, megabytes, _ = output.stdout.split()[-3:]
    return float(seconds), float(megabytes)


class _Owner:
    """The attributes that a batch sampler reads from its sampler."""

    def __init__(self, dataset: WindowDataset) -> None:
        self.dataset, self.seed = dataset, 0


def _naive_batch(dataset: WindowDataset, indices: list[int]) -> dict[str, np.ndarray]:
    """One dict per frame, stacked to windows, stacked to a batch, as datasets usually do it."""
    columns = dataset.stores[0].columns
    windows = []
    for index in indices:
        start = int(dataset._start[index])
        frames = []
        for row in range(start, start + dataset.num_frames):
            frame = {name: np.array(columns[name][row], np.float32)[None, None] for name in _NEEDED}
            for step in dataset.pipeline[:1]:
                frame = step(frame, None)
            frames.append({name: values[0, 0] for name, values in frame.items()})
        windows.append({name: np.stack([frame[name] for frame in frames]) for name in frames[0]})
    return {name: np.stack([window[name] for window in windows]) for name in windows[0]}


_NEEDED = ('features', 'keypoints2d', 'bbox', 'keypoints3d', 'smpl_pose', 'smpl_betas')
