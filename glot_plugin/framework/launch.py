"""Training and testing from mmhuman3d's configs, by mmhuman3d's own runner and evaluators."""

import contextlib
import copy
import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from mmcv import Config
from mmcv.parallel import MMDataParallel, MMDistributedDataParallel
from mmcv.runner import get_dist_info, init_dist
from mmcv.runner.checkpoint import _load_checkpoint
from mmhuman3d import __version__ as mmhuman3d_version
from mmhuman3d.apis import multi_gpu_test, set_random_seed, single_gpu_test, train_model
from mmhuman3d.data.datasets import build_dataloader, build_dataset
from mmhuman3d.models.architectures.builder import build_architecture
from mmhuman3d.models.body_models.builder import BODY_MODELS
from mmhuman3d.utils.logger import get_root_logger
from torch import nn

from glot_plugin.checkpoints.claims import check_claims
from glot_plugin.config import find_config, set_body_model_dir
from glot_plugin.engine.work_folder import check_unused
from glot_plugin.errors import InputError
from glot_plugin.framework import launch_settings as settings
from glot_plugin.framework.for_mmhuman3d.state import keep_out_of_checkpoints
from glot_plugin.framework.launch_checks import check_first_sample
from glot_plugin.io.files import writable_folder
from glot_plugin.io.messages import reason

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
        InputError: The folder cannot be written, or several processes are asked for without GPUs.
    """
    cfg.work_dir = str(work_dir or cfg.get('work_dir') or Path('work_dirs') / Path(cfg.filename).stem)
    writable_folder(cfg.work_dir, '--work-dir')
    if launcher != 'none':
        if not torch.cuda.is_available():
            raise InputError(f"--launcher {launcher}: mmhuman3d's runner takes several processes on GPUs only")
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


def build_model(cfg: Config) -> nn.Module:
    """The model of a config; its body models stay out of checkpoints."""
    with config_errors(str(cfg.filename)):
        model = build_architecture(cfg.model)
    for part in _body_models(model).values():
        keep_out_of_checkpoints(part)
    return model


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
        work_dir: Folder of logs and checkpoints; the config's, or `work_dirs/CONFIG`.
        launcher: `none`, or what started this and the other processes.
        body_models: Folder of the body-model files.
        resume: A checkpoint to go on from, or True for the latest one in the work folder.
        seed: Of everything random; None: not seeded, as in mmhuman3d.
        deterministic: Only kernels that give the same bits every time.

    Returns:
        The config as it was run.

    Raises:
        InputError: The config, the data or the checkpoint is wrong, or the work folder has another run's checkpoints.
        NonFiniteLossError: A loss became infinite or NaN.
    """
    cfg = load(path, cfg_options, body_models)
    settings.check_training(cfg, str(path))
    distributed = prepare(cfg, work_dir, launcher, seed, deterministic)
    if resume:
        cfg.resume_from = str(_existing(Path(cfg.work_dir) / 'latest.pth' if resume is True else Path(resume)))
    elif not cfg.resume_from:
        check_unused(cfg.work_dir)
        if cfg.load_from:
            _existing(Path(cfg.load_from))
    timestamp = time.strftime('%Y%m%d_%H%M%S')
    logger = get_root_logger(log_file=str(Path(cfg.work_dir) / f'{timestamp}.log'), log_level=cfg.log_level)
    model = _model_to_train(cfg, logger)
    with config_errors(str(path)):
        datasets = [build_dataset(each) for each in _workflow_data(cfg)]
    check_first_sample(model, datasets[0], f'{path}: data.train')
    text = cfg.pretty_text
    cfg.dump(str(Path(cfg.work_dir) / Path(path).name))
    if cfg.checkpoint_config is not None:
        cfg.checkpoint_config.meta = {'mmhuman3d_version': mmhuman3d_version, 'config': text}
    logger.info(f'Config:\n{text}')
    with config_errors(str(path)):
        train_model(
            model,
            datasets,
            cfg,
            distributed=distributed,
            validate=bool(cfg.get('evaluation')) and cfg.data.get('val') is not None,
            timestamp=timestamp,
            device='cuda' if torch.cuda.is_available() else 'cpu',
            meta={'seed': seed, 'exp_name': Path(path).stem, 'config': text},
        )
    return cfg


def _model_to_train(cfg: Config, logger: logging.Logger) -> nn.Module:
    """The model with its first weights; settings that would have no effect on it are warned about."""
    model = build_model(cfg)
    absent = settings.missing_parts(model, cfg)
    if absent:
        raise InputError(f'{cfg.filename}: optimizer has {", ".join(absent)}, of which {cfg.model.type} has no part')
    for warning in [*settings.ignored_settings(cfg), *settings.untrained_parts(model, cfg)]:
        logger.warning(f'{cfg.filename}: {warning}')
    model.init_weights()
    if cfg.resume_from:
        load_weights(model, cfg.resume_from)  # mmcv would go on with what fits, and say so in the log
    return model


def _workflow_data(cfg: Config) -> list[Any]:
    """The data of `train`, and of `val` with the train pipeline where the workflow has losses on it."""
    if len(cfg.workflow) == 1:
        return [cfg.data.train]
    val = copy.deepcopy(cfg.data.val)
    val.pop('context', None)  # of test clips
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
    """Test a checkpoint of an mmhuman3d config: its test runner, then `evaluate` of `data.test`.

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
    with config_errors(str(path)):
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


def load_weights(model: nn.Module, path: str | Path) -> None:
    """Load a checkpoint that must fit the model; body models in it (mmhuman3d's own hold them) are left out.

    Raises:
        InputError: It is absent, damaged, or does not fit (its keys are listed).
    """
    try:
        check_claims(_existing(Path(path)))
        checkpoint = _load_checkpoint(str(path), map_location='cpu')
    except InputError:
        raise
    except Exception as error:  # torch, zipfile and pickle each have their own for a damaged file
        raise InputError(f'{path}: not a whole checkpoint ({reason(error)})') from error
    state = checkpoint.get('state_dict', checkpoint)
    state = {key.removeprefix('module.'): value for key, value in state.items()}
    bodies = tuple(f'{name}.' for name in _body_models(model))
    kept = {f'{name}.{each}' for name, part in _body_models(model).items() for each, _ in part.named_parameters()}
    state = {key: value for key, value in state.items() if key in kept or not key.startswith(bodies)}
    state.update({key: value for key, value in model.state_dict().items() if key in kept and key not in state})
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise InputError(f'{path}: does not fit the model of this config\n{error}') from error


def _body_models(model: nn.Module) -> dict[str, nn.Module]:
    kinds = tuple(BODY_MODELS.module_dict.values())
    return {name: module for name, module in model.named_children() if isinstance(module, kinds)}


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise InputError(f'{path}: no such checkpoint')
    return path


@contextlib.contextmanager
def config_errors(name: str) -> Iterator[None]:
    """Turn errors of mmcv's registries about types and arguments into `InputError`s that name the config."""
    try:
        yield
    except KeyError as error:
        match = re.search(r'(\S+) is not in the (.+?) registry', str(error))
        if match is None:
            raise
        unknown = match[1].strip('\'"')
        hint = '' if match[2] in ('optimizer', 'runner', 'hook') else "; docs/mixing.md lists GLoT's parts"
        raise InputError(f'{name}: unknown type {unknown!r} in {match[2].removeprefix("glot::")}{hint}') from error
    except TypeError as error:
        if 'unexpected keyword argument' not in str(error) and 'required positional argument' not in str(error):
            raise
        raise InputError(f'{name}: {error}') from error
    except AttributeError as error:
        if not re.search("'NoneType' object has no attribute '(get|parent)'", str(error)):
            raise
        raise InputError(
            f"{name}: a type of an unknown scope; expected a plain name, 'glot.…' or 'mmhuman3d.…'"
        ) from error
