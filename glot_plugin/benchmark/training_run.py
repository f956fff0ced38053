"""Time of a whole training: the Runner with its hooks and logs, on generated stores instead of licensed ones."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmengine import Config
from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from glot_plugin.benchmark.timing import synchronize
from glot_plugin.config import load_config, set_body_model_dir
from glot_plugin.engine.distributed import leave_distributed
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


@dataclass(frozen=True)
class Plan:
    """What is trained.

    Attributes:
        store: Where the frames come from; 2D-only and 3D.
        body_dir: Body-model files.
        out: Folder of the picture `training_losses.png`.
        batch_size: Clips of a batch, in each process.
        iterations: At least 2.
    """

    store: Path
    body_dir: str
    out: Path
    batch_size: int
    iterations: int


def measure_training(modes: Sequence[str], plan: Plan) -> list[str]:
    """Train in each mode without validation, and say how long an iteration takes; draws the losses of all.

    Args:
        modes: Keys of `MODES`; those that need a GPU are left out where there is none.
        plan: What is trained.
    """
    on_gpu = torch.cuda.is_available()
    device = torch.cuda.get_device_name() if on_gpu else f'{torch.get_num_threads()} threads'
    settings = f'batch {plan.batch_size}, {plan.iterations:,} iterations without validation'
    lines = [f'Training of glot_3dpw.py, {settings} ({device}):']
    losses = {}
    for mode in [MODES[key] for key in modes if on_gpu or key in CPU_MODES]:
        seconds, losses[mode.name] = _train(mode, plan)
        lines.append(
            f'- {mode.name}: {1000 * seconds:,.2f} ms an iteration, {50_000 * seconds / 60:,.1f} min for 50,000'
        )
    if torch.cuda.device_count() > 1:
        lines += measure_scaling((1, torch.cuda.device_count()), plan)
    return [*lines, f'Losses of all: {draw_loss_curves(losses, plan.out / "training_losses.png")}']


def measure_scaling(numbers: Sequence[int], plan: Plan) -> list[str]:
    """Train in bfloat16 in several numbers of processes, each with a batch of its own, and say how fast they are."""
    seconds = [_train_in_processes(number, plan) for number in numbers]
    return [
        f'- bfloat16, processes: {number}: {1000 * time:,.2f} ms an iteration, {number * plan.batch_size / time:,.0f} '
        f'clips/s, {seconds[0] * number / numbers[0] / time:.2f} times as many as with {numbers[0]}'
        for number, time in zip(numbers, seconds, strict=True)
    ]


def _train(mode: Mode, plan: Plan) -> tuple[float, np.ndarray]:
    with tempfile.TemporaryDirectory(dir=plan.out) as folder, _float32_precision('high' if mode.tf32 else 'highest'):
        return _timed(prepare(_config(mode, plan), folder))


def _train_in_processes(number: int, plan: Plan) -> float:
    with tempfile.TemporaryDirectory(dir=plan.out) as folder:
        config = Path(folder) / 'config.py'
        _config(MODES['bfloat16'], plan).dump(config)
        launch = [sys.executable, '-m', 'torch.distributed.run', '--standalone', f'--nproc_per_node={number}']
        done = subprocess.run([*launch, '-m', __spec__.name, config], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f'{number} processes: {done.stderr[-3000:]}')
    return float(done.stdout.split()[-1])


def _config(mode: Mode, plan: Plan) -> Config:
    cfg = load_config(CONFIG, {'randomness.seed': 0, 'log_level': 'WARNING', 'model.init_from_spin': None})
    set_body_model_dir(cfg, plan.body_dir)
    cfg.train_dataloader.update(batch_size=plan.batch_size)
    cfg.train_dataloader.dataset.update(stores=[str(plan.store)], resident=mode.resident)
    cfg.train_cfg.max_iters = plan.iterations
    cfg.compile = cfg.cuda_graph = mode.graph
    if mode.amp:
        cfg.optim_wrapper.type = 'BFloat16OptimWrapper'
    for key in ('val_dataloader', 'val_cfg', 'val_evaluator'):
        cfg.pop(key, None)
    cfg.default_hooks.checkpoint.update(save_best=None, interval=plan.iterations)
    return cfg


def _timed(cfg: Config) -> tuple[float, np.ndarray]:
    """Seconds of an iteration, and the losses of all."""
    clock = _Clock(min(100, cfg.train_cfg.max_iters // 2))
    runner = train(cfg, hooks=[clock])
    return clock.seconds, runner.message_hub.get_scalar('train/loss').data[0]


@contextmanager
def _float32_precision(precision: str) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


if __name__ == '__main__':  # one of the processes of `measure_scaling`
    seconds, _ = _timed(prepare(load_config(sys.argv[1]), Path(sys.argv[1]).parent, launcher='pytorch'))
    if is_main_process():
        print(seconds)
    leave_distributed()
