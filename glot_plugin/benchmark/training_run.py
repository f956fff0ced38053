"""Time of a whole training: the Runner with its hooks and logs, on generated stores instead of licensed ones."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmengine.hooks import Hook

from glot_plugin.benchmark.timing import synchronize
from glot_plugin.config import load_config
from glot_plugin.engine.launch import prepare, train
from glot_plugin.visualisation import draw_loss_curves

CONFIG = 'glot_plugin::glot/glot_3dpw.py'


@dataclass(frozen=True)
class Mode:
    """How a training computes, and where its batches come from."""

    name: str
    tf32: bool = False
    amp: bool = False
    resident: str | None = 'auto'
    graph: bool = False


MODES = {
    'float32': Mode('float32'),
    'host': Mode('float32, batches from the host', resident=None),
    'tf32': Mode('TF32', tf32=True),
    'bfloat16': Mode('bfloat16', amp=True),
    'tf32-graph': Mode('TF32, compiled, CUDA graph', tf32=True, graph=True),
    'bfloat16-graph': Mode('bfloat16, compiled, CUDA graph', amp=True, graph=True),
}
# Without a GPU, batches come from the host anyway, and there is neither TF32 nor a CUDA graph.
CPU_MODES = ('float32', 'bfloat16')


class _Clock(Hook):
    """Seconds per iteration, without the first ones, in which libraries prepare themselves."""

    priority = 'LOWEST'

    def __init__(self, first: int) -> None:
        self.first = first
        self.start = self.seconds = 0.0

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs: dict | None = None) -> None:
        done = runner.iter + 1
        if done in (self.first, runner.max_iters):
            synchronize()
            now = time.perf_counter()
            self.seconds = (now - self.start) / max(done - self.first, 1)
            self.start = now


def measure_training(
    modes: Sequence[str], store: Path, body_dir: str, out: Path, batch_size: int, iterations: int
) -> list[str]:
    """Train in each mode without validation, and say how long an iteration takes; draws the losses of all.

    Args:
        modes: Keys of `MODES`; those that need a GPU are left out where there is none.
        store: Where the frames come from; 2D-only and 3D.
        body_dir: Body-model files.
        out: Folder of the picture `training_losses.png`.
        batch_size: Clips.
        iterations: At least 2.
    """
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f'{torch.get_num_threads()} threads'
    lines = [f'Training of glot_3dpw.py, batch {batch_size}, {iterations:,} iterations without validation ({device}):']
    losses = {}
    for mode in [MODES[key] for key in modes if torch.cuda.is_available() or key in CPU_MODES]:
        seconds, losses[mode.name] = _train(mode, store, body_dir, out, batch_size, iterations)
        lines.append(
            f'- {mode.name}: {1000 * seconds:,.2f} ms an iteration, {50_000 * seconds / 60:,.1f} min for 50,000'
        )
    return [*lines, f'Losses of all: {draw_loss_curves(losses, out / "training_losses.png")}']


def _train(
    mode: Mode, store: Path, body_dir: str, out: Path, batch_size: int, iterations: int
) -> tuple[float, np.ndarray]:
    cfg = load_config(CONFIG, {'randomness.seed': 0, 'log_level': 'WARNING', 'model.init_from_spin': None})
    cfg.train_dataloader.update(batch_size=batch_size)
    cfg.train_dataloader.dataset.update(stores=[str(store)], resident=mode.resident)
    cfg.train_cfg.max_iters = iterations
    cfg.compile = cfg.cuda_graph = mode.graph
    for key in ('val_dataloader', 'val_cfg', 'val_evaluator'):
        cfg.pop(key, None)
    cfg.default_hooks.checkpoint.update(save_best=None, interval=iterations)
    clock = _Clock(min(100, iterations // 2))
    with tempfile.TemporaryDirectory(dir=out) as folder, _float32_precision('high' if mode.tf32 else 'highest'):
        runner = train(prepare(cfg, folder, body_models=body_dir), amp=mode.amp, hooks=[clock])
        return clock.seconds, runner.message_hub.get_scalar('train/loss').data[0]


@contextmanager
def _float32_precision(precision: str) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
