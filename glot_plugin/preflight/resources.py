"""What disk and memory a config's data take."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine import Config

from glot_plugin.preflight.head import build_head
from glot_plugin.preflight.requirements import MB, Requirement
from glot_plugin.preflight.stores import ALL_TARGETS, DEFAULT_FEATURE_DIM, feature_dim, frame_bytes, is_ours

GB = 1e9
# Per parameter in training: the value, its gradient and Adam's two moments, in single precision.
TRAINING_BYTES = 16


def resources(cfg: Config, requirements: Sequence[Requirement]) -> str:
    """Disk and memory use, one line each."""
    return f'{_disk(cfg, requirements)}\n{_memory(cfg, requirements)}'


def _disk(cfg: Config, requirements: Sequence[Requirement]) -> str:
    stores = {requirement.path: requirement for requirement in requirements if requirement.is_store}
    present = sum(requirement.num_bytes for requirement in stores.values() if requirement.store is not None)
    text = f'Disk: {present / GB:.2f} GB of stores are there.'
    absent = [requirement for requirement in stores.values() if requirement.store is None]
    if absent:
        width = feature_dim(cfg) or DEFAULT_FEATURE_DIM
        frame = frame_bytes(ALL_TARGETS, width)
        known = [requirement.expected_bytes for requirement in absent if requirement.expected_bytes is not None]
        unknown = len(absent) - len(known)
        total = f'{"at least" if unknown else "about"} {sum(known) / GB:.1f} GB' if known else 'of unknown size'
        text += (
            f' {len(absent)} are to come, {total}{f" ({unknown} of unknown size)" if known and unknown else ""}: '
            f'{frame / 1e3:.1f} kB a frame with all targets, '
            f'{(frame - 2 * width) / 1e3:.1f} kB with half-precision features (--half).'
        )
    for path in stores:
        folder = _existing(path.absolute())
        return f'{text} {shutil.disk_usage(folder).free / GB:.1f} GB are free at {folder}.'
    return text


def _memory(cfg: Config, requirements: Sequence[Requirement]) -> str:
    text = 'Memory: stores are read from disk as they are needed, none is loaded.'
    frame = frame_bytes(ALL_TARGETS, feature_dim(cfg) or DEFAULT_FEATURE_DIM)
    loader = cfg.get('train_dataloader')
    if loader is not None and is_ours(loader.get('dataset'), 'WindowDataset'):
        workers = loader.get('num_workers', 0)
        batches = workers * (loader.get('prefetch_factor') or 2) + 1
        size = batches * loader['batch_size'] * loader['dataset'].get('num_frames', 16) * frame
        text += f' Training batches that wait: {batches}, {size / MB:.0f} MB ({workers} workers on each GPU).'
    head = build_head(cfg)
    if head is not None:
        size = sum(parameter.numel() for parameter in head.parameters())
        text += (
            f' The model: {size / 1e6:.1f} M parameters, {4 * size / MB:.0f} MB; in training, with gradients and '
            f'optimiser, {TRAINING_BYTES * size / MB:.0f} MB; activations come on top.'
        )
    lengths = [
        int(np.diff(requirement.store.track_offsets).max())
        for requirement in requirements
        if requirement.store and requirement.windows is None
    ]
    if lengths:
        text += f' The longest test track: {max(lengths)} frames, {max(lengths) * frame / MB:.0f} MB.'
    return text


def _existing(path: Path) -> Path:
    """The nearest parent of a path that exists."""
    return next(folder for folder in path.parents if folder.is_dir())
