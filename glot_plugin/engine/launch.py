"""Training and testing from a config, as in `tools/train.py` and `tools/test.py`."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine import Config
from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from glot_plugin.config import (
    check_arguments,
    check_called_types,
    check_framework_files,
    config_errors,
    config_nodes,
    set_body_model_dir,
)
from glot_plugin.engine.cuda_graph_step import check_cuda_graph
from glot_plugin.engine.distributed import init_distributed
from glot_plugin.engine.evaluation_loop import Scores, use_test_sets
from glot_plugin.engine.runner import GLoTRunner
from glot_plugin.engine.score_report import write_track_table
from glot_plugin.engine.work_dir import check_unused, last_checkpoint, training_in
from glot_plugin.errors import InputError
from glot_plugin.io.files import atomic_write, writable_folder, write_errors
from glot_plugin.models.inference_mode import InferenceMode
from glot_plugin.preflight import require

# Each loop requires all of its keys.
LOOP_KEYS = (
    ('train_dataloader', 'train_cfg', 'optim_wrapper'),
    ('val_dataloader', 'val_cfg', 'val_evaluator'),
    ('test_dataloader', 'test_cfg', 'test_evaluator'),
)


def prepare(
    cfg: Config, work_dir: str | Path | None = None, launcher: str = 'none', body_models: str | Path | None = None
) -> Config:
    """Fill in what depends on the machine and the command line; creates the work folder and checks it is writable."""
    if body_models is not None:
        set_body_model_dir(cfg, body_models)
    check_framework_files(cfg)
    if work_dir is not None:
        cfg.work_dir = str(work_dir)
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(cfg.filename or 'config').stem)
    writable_folder(cfg.work_dir, '--work-dir')
    cfg.launcher = launcher
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        if cfg.get(name) is not None:
            cfg[name].setdefault('pin_memory', torch.cuda.is_available())
    return cfg


def train(cfg: Config, resume: str | bool = False, amp: bool = False, hooks: Sequence[Hook] = ()) -> GLoTRunner:
    """Train to the end of the config's schedule.

    Args:
        cfg: From `prepare`.
        resume: A checkpoint to resume from, or True for the last one in the work folder (if there is none, training
            starts from scratch).
        amp: Run the forward pass in bfloat16.
        hooks: Hooks in addition to the config's.

    Raises:
        InputError: The config, the data or the checkpoint is wrong, the work folder has another run's checkpoints, or
            another process trains there.
        WriteError: The disk is full; training up to the last checkpoint is kept.
        NonFiniteLossError: A loss term or a weight became infinite or NaN.
    """
    _join_processes(cfg)
    with training_in(cfg.work_dir):
        return _train(cfg, resume, amp, hooks)


def _train(cfg: Config, resume: str | bool, amp: bool, hooks: Sequence[Hook]) -> GLoTRunner:
    if amp:
        cfg.optim_wrapper.type = 'BFloat16OptimWrapper'
    check_cuda_graph(cfg)
    _set_start(cfg, resume)
    if cfg.get('test_sets'):  # `evaluate` tests on them; the Runner supports only one test set
        for key in ('test_dataloader', 'test_cfg', 'test_evaluator'):
            cfg.pop(key, None)
    require(cfg, ('train', 'val'))
    if (cfg.get('randomness') or {}).get('deterministic'):
        os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')  # older torch and CUDA refuse to run without it
    runner = build_runner(cfg)
    for hook in hooks:
        runner.register_hook(hook)
    with config_errors(str(cfg.filename)):
        runner.train()
    return runner


def _set_start(cfg: Config, resume: str | bool) -> None:
    """Write into the config what the run starts from: a run to resume, given weights, or nothing."""
    if not resume and cfg.get('resume'):  # the config itself says to resume
        resume = cfg.get('load_from') or True
    if resume:
        start = last_checkpoint(cfg.work_dir) if resume is True else resume
        cfg.resume = start is not None
        cfg.load_from = cfg.get('load_from') if start is None else str(start)
    else:
        check_unused(cfg.work_dir)
    if cfg.get('load_from') and cfg.model.get('init_from_spin'):
        cfg.model.init_from_spin = None  # all weights come from the checkpoint


def evaluate(
    cfg: Config,
    checkpoint: str | Path,
    per_track: str | Path | None = None,
    protocol: str = 'paper',
    inference: str | None = None,
) -> Scores:
    """Test a checkpoint on the config's test sets.

    Args:
        cfg: From `prepare`. The test sets are its `test_sets` (see `use_test_sets`), or its `test_dataloader` with its
            `test_evaluator` under the name `test`.
        checkpoint: The weights; they must fit the config.
        per_track: Also write a CSV with one row per track and protocol.
        protocol: `paper`, `mmhuman3d` or `both`.
        inference: The inference mode; None: the one of the config's `model.inference`, or `exact`.

    Returns:
        Scores by test set, protocol and metric: `scores['3DPW']['paper']['PA-MPJPE']`; the sets' names say the mode
        where it is not `exact`: `scores['3DPW, fast']`.
    """
    if inference is not None:
        cfg.model.inference = str(InferenceMode.of(inference))
    cfg.load_from, cfg.resume = str(checkpoint), False
    for key in ('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler'):
        cfg.pop(key, None)
    for key in ('val_dataloader', 'val_cfg', 'val_evaluator'):
        cfg.pop(key, None)
    require(cfg, ('test',))
    use_test_sets(cfg, protocol)
    with write_errors(Path(cfg.work_dir), only_no_room=True):
        runner = build_runner(cfg)
        with config_errors(str(cfg.filename)):
            runner.test()
    if per_track is not None and is_main_process():
        write_track_table(per_track, runner.test_loop.tracks)
    return runner.test_loop.scores


def build_runner(cfg: Config) -> GLoTRunner:
    """Build the runner of a config; unknown types and arguments raise errors that name the config."""
    _join_processes(cfg)
    check_arguments(cfg)
    check_called_types(cfg)
    _check_loops(cfg)
    with config_errors(str(cfg.filename)):
        return GLoTRunner.from_cfg(cfg)


def _join_processes(cfg: Config) -> None:
    init_distributed(cfg.launcher, **cfg.get('env_cfg', {}).get('dist_cfg', {}))


def _check_loops(cfg: Config) -> None:
    """Check what mmengine and torch would reject without naming the key."""
    for keys in LOOP_KEYS:
        absent = [key for key in keys if cfg.get(key) is None]
        if 0 < len(absent) < len(keys):
            raise InputError(
                f'{cfg.filename}: {" and ".join(absent)} not given or None; expected all of {", ".join(keys)}, or none'
            )
    for node in config_nodes(cfg._cfg_dict):
        workers = node.get('num_workers', 0)
        if not isinstance(workers, int) or workers < 0:
            raise InputError(f'{cfg.filename}: num_workers is {workers!r}, expected a number from 0')


def write_result(path: str | Path, metrics: dict, **about: object) -> None:
    """Write metrics, and the fields `about` that describe them, as JSON (main process only)."""
    if is_main_process():
        with atomic_write(path) as file:
            json.dump({**about, 'metrics': metrics}, file, indent=2)
            file.write('\n')
