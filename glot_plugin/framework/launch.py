"""Training and testing from mmhuman3d's configs, by mmhuman3d's own runner and evaluators."""

import copy
import logging
import time
from pathlib import Path
from typing import Any

import torch
from mmcv import Config
from mmcv.parallel import MMDataParallel, MMDistributedDataParallel
from mmcv.runner import get_dist_info, init_dist
from mmhuman3d import __version__ as mmhuman3d_version
from mmhuman3d.apis import multi_gpu_test, set_random_seed, single_gpu_test, train_model
from mmhuman3d.data.datasets import build_dataloader, build_dataset
from mmhuman3d.utils.logger import get_root_logger
from torch import nn

from glot_plugin.config import find_config, set_body_model_dir
from glot_plugin.engine.work_dir import check_unused, raise_write_errors, training_in
from glot_plugin.errors import InputError
from glot_plugin.framework import launch_settings as settings
from glot_plugin.framework.disk_backend import write_whole_files
from glot_plugin.framework.launch_checks import check_first_sample
from glot_plugin.framework.launch_model import build_model, check_exists, config_errors, load_weights
from glot_plugin.io.files import atomic_write, writable_folder, write_errors

# Keys of `evaluation` for the hook; the others are for the data set's `evaluate`.
HOOK_KEYS = (
    'interval', 'start', 'by_epoch', 'save_best', 'rule', 'test_fn', 'greater_keys', 'less_keys', 'gpu_collect',
    'tmpdir', 'broadcast_bn_buffer', 'key_indicator',
)  # fmt: skip


def load(path: str | Path, cfg_options: dict | None = None, body_models: str | Path | None = None) -> Config:
    """Read an mmhuman3d config, change keys, and fill in what its base configs would have set.

    Raises:
        InputError: It does not parse, lacks a key, or names body-model files that do not exist.
    """
    path = find_config(path)
    try:
        cfg = Config.fromfile(str(path))
    except Exception as error:  # a config is Python: it can raise anything
        raise InputError(f'{path}: not a valid config ({type(error).__name__}: {error})') from error
    try:
        cfg.merge_from_dict(cfg_options or {})
    except (TypeError, KeyError, IndexError, AssertionError) as error:
        raise InputError(f'{path}: --cfg-options: {error}') from error
    settings.fill_defaults(cfg, str(path))
    if body_models is not None:
        set_body_model_dir(cfg, body_models)
    settings.check_files(cfg, str(path))
    return cfg


def prepare(
    cfg: Config,
    work_dir: str | Path | None = None,
    launcher: str = 'none',
    seed: int | None = None,
    deterministic: bool = False,
) -> bool:
    """Set up work folder, processes and seeds.

    Returns:
        Whether there are several processes.

    Raises:
        InputError: The folder cannot be written, or several processes are requested without GPUs.
    """
    cfg.work_dir = str(work_dir or cfg.get('work_dir') or Path('work_dirs') / Path(cfg.filename).stem)
    writable_folder(cfg.work_dir, '--work-dir')
    if launcher != 'none':
        if not torch.cuda.is_available():
            raise InputError(f"--launcher {launcher}: mmhuman3d's runner supports several processes on GPUs only")
        init_dist(launcher, **cfg.dist_params)
    cfg.gpu_ids = list(range(get_dist_info()[1]))
    cfg.seed = seed
    if seed is not None:
        set_random_seed(seed, deterministic)
    elif deterministic:
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    if deterministic:
        torch.use_deterministic_algorithms(True, warn_only=True)
    elif cfg.get('cudnn_benchmark', False):
        torch.backends.cudnn.benchmark = True
    return launcher != 'none'


def train(
    path: str | Path,
    cfg_options: dict | None = None,
    work_dir: str | Path | None = None,
    launcher: str = 'none',
    body_models: str | Path | None = None,
    resume: str | bool = False,
    seed: int | None = None,
    deterministic: bool = False,
) -> Config:
    """Train an mmhuman3d config to the end of its schedule, by mmhuman3d's `train_model`.

    Args:
        path: The config.
        cfg_options: Keys to change.
        work_dir: Folder of logs and checkpoints; by default the config's, or `work_dirs/CONFIG`.
        launcher: `none`, or the launcher that started this and the other processes.
        body_models: Folder of the body-model files.
        resume: A checkpoint to go on from, or True for the latest one in the work folder.
        seed: Seed of everything random; None: not seeded, as in mmhuman3d.
        deterministic: Use only kernels that give the same bits every time.

    Returns:
        The config as it was run.

    Raises:
        InputError: The config, the data or the checkpoint is wrong, the work folder has another run's checkpoints, or
            another process trains there.
        WriteError: The disk is full; what was trained up to the last checkpoint is kept.
        NonFiniteLossError: A loss became infinite or NaN.
    """
    cfg = load(path, cfg_options, body_models)
    settings.check_training(cfg, str(path))
    distributed = prepare(cfg, work_dir, launcher, seed, deterministic)
    with training_in(cfg.work_dir):
        _train(cfg, str(path), distributed, resume)
    return cfg


def _train(cfg: Config, path: str, distributed: bool, resume: str | bool) -> None:
    write_whole_files()
    if resume:
        cfg.resume_from = str(check_exists(Path(cfg.work_dir) / 'latest.pth' if resume is True else Path(resume)))
    elif not cfg.resume_from:
        check_unused(cfg.work_dir)
        if cfg.load_from:
            check_exists(Path(cfg.load_from))
    timestamp = time.strftime('%Y%m%d_%H%M%S')
    logger = get_root_logger(log_file=str(Path(cfg.work_dir) / f'{timestamp}.log'), log_level=cfg.log_level)
    raise_write_errors(logger)
    model = _model_to_train(cfg, logger)
    with config_errors(path):
        datasets = [build_dataset(each) for each in _workflow_data(cfg)]
    check_first_sample(model, datasets[0], f'{path}: data.train')
    text = cfg.pretty_text
    with atomic_write(Path(cfg.work_dir) / Path(path).name) as file:
        file.write(text)
    if cfg.checkpoint_config is not None:
        cfg.checkpoint_config.meta = {'mmhuman3d_version': mmhuman3d_version, 'config': text}
    logger.info(f'Config:\n{text}')
    with config_errors(path):
        train_model(
            model,
            datasets,
            cfg,
            distributed=distributed,
            validate=bool(cfg.get('evaluation')) and cfg.data.get('val') is not None,
            timestamp=timestamp,
            device='cuda' if torch.cuda.is_available() else 'cpu',
            meta={'seed': cfg.seed, 'exp_name': Path(path).stem, 'config': text},
        )


def _model_to_train(cfg: Config, logger: logging.Logger) -> nn.Module:
    """The model with its first weights; settings that would have no effect on it are warned about."""
    model = build_model(cfg)
    absent = settings.missing_parts(model, cfg)
    if absent:
        raise InputError(f'{cfg.filename}: optimizer has {", ".join(absent)}, but {cfg.model.type} has no such part')
    for warning in [*settings.ignored_settings(cfg), *settings.untrained_parts(model, cfg)]:
        logger.warning(f'{cfg.filename}: {warning}')
    model.init_weights()
    if cfg.resume_from:
        load_weights(model, cfg.resume_from)  # mmcv would load what fits and only log the rest
    return model


def _workflow_data(cfg: Config) -> list[Any]:
    """The data of `train`, and of `val` with the train pipeline if the workflow computes losses on it."""
    if len(cfg.workflow) == 1:
        return [cfg.data.train]
    val = copy.deepcopy(cfg.data.val)
    val.pop('context', None)  # for test clips only
    if cfg.data.train.get('pipeline') is not None:
        val.pipeline = cfg.data.train.pipeline
    return [cfg.data.train, val]


def evaluate(
    path: str | Path,
    checkpoint: str | Path,
    cfg_options: dict | None = None,
    work_dir: str | Path | None = None,
    launcher: str = 'none',
    body_models: str | Path | None = None,
) -> dict[str, float]:
    """Test a checkpoint of an mmhuman3d config with mmhuman3d's test loop, then `evaluate` of `data.test`.

    Args:
        path: The config.
        checkpoint: The weights; they must fit the model.
        cfg_options, work_dir, launcher, body_models: As for `train`.

    Returns:
        The metrics of the config's `evaluation.metric` by mmhuman3d's names (`PA-MPJPE`), mm and percent; empty in all
        processes but the first.

    Raises:
        InputError: The config, the data or the checkpoint is wrong.
    """
    cfg = load(path, cfg_options, body_models)
    if cfg.data.get('test') is None:
        raise InputError(f'{path}: no data.test to test on')
    distributed = prepare(cfg, work_dir, launcher)
    model = build_model(cfg)
    load_weights(model, checkpoint)
    with write_errors(Path(cfg.work_dir), only_no_room=True), config_errors(str(path)):
        dataset = build_dataset(cfg.data.test, {'test_mode': True})
        check_first_sample(model, dataset, f'{path}: data.test')
        loader = build_dataloader(
            dataset,
            samples_per_gpu=cfg.data.samples_per_gpu,
            workers_per_gpu=cfg.data.workers_per_gpu,
            dist=distributed,
            shuffle=False,
            round_up=True,
        )
        outputs = _predict(model, loader, distributed, Path(cfg.work_dir))
        if get_dist_info()[0] != 0:
            return {}
        options = {key: value for key, value in (cfg.get('evaluation') or {}).items() if key not in HOOK_KEYS}
        results = dataset.evaluate(outputs, res_folder=cfg.work_dir, **options)
    return {name: float(value) for name, value in results.items()}


def _predict(model: nn.Module, loader: Any, distributed: bool, work_dir: Path) -> list[dict]:
    if distributed:
        device = torch.cuda.current_device()
        wrapped = MMDistributedDataParallel(model.cuda(), device_ids=[device], broadcast_buffers=False)
        return multi_gpu_test(wrapped, loader, tmpdir=str(work_dir / '.test'))
    if torch.cuda.is_available():
        model = MMDataParallel(model.cuda(), device_ids=[0])
    return single_gpu_test(model, loader)
