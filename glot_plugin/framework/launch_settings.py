"""What mmhuman3d's runner needs in a config, what it cannot run, and what it would silently ignore."""

import math
from pathlib import Path

from mmcv import Config
from mmcv.runner.hooks import HOOKS
from torch import nn

from glot_plugin.config import config_nodes
from glot_plugin.errors import InputError

REQUIRED = ('model', 'data', 'optimizer', 'lr_config')
# What mmhuman3d's own `_base_/default_runtime.py` sets.
DEFAULTS = {
    'checkpoint_config': {'interval': 1},
    'log_config': {'interval': 50, 'hooks': [{'type': 'TextLoggerHook'}]},
    'log_level': 'INFO',
    'dist_params': {'backend': 'nccl'},
    'load_from': None,
    'resume_from': None,
    'workflow': [('train', 1)],
}
FILE_KEYS = ('model_path', 'model_dir', 'joints_regressor', 'extra_joints_regressor', 'smpl_mean_params')
GRADIENT_SETTINGS = ('grad_clip', 'cumulative_iters', 'type', 'coalesce', 'bucket_size_mb', 'detect_anomalous_params')


def fill_defaults(cfg: Config, name: str) -> None:
    """Fill in what mmhuman3d's base configs set, for configs that stand alone.

    Raises:
        InputError: A key without a default is missing.
    """
    for key in (key for key in REQUIRED if cfg.get(key) is None):
        raise InputError(f'{name}: no key {key!r}, which every mmhuman3d config has')
    if cfg.get('runner') is None:
        if cfg.get('total_epochs') is None:
            raise InputError(f"{name}: no runner, such as runner=dict(type='EpochBasedRunner', max_epochs=20)")
        cfg.runner = {'type': 'EpochBasedRunner', 'max_epochs': cfg.total_epochs}
    for key, value in DEFAULTS.items():
        cfg.setdefault(key, value)
    if cfg.get('optimizer_config') is None:
        cfg.optimizer_config = {}


def check_files(cfg: Config, name: str) -> None:
    """Raise an `InputError` for a body-model file or folder that does not exist."""
    for node in config_nodes({key: cfg.get(key) for key in ('model', 'data')}):
        for key in (key for key in FILE_KEYS if isinstance(node.get(key), str) and 'type' in node):
            if not Path(node[key]).exists():
                raise InputError(
                    f'{name}: {key}={node[key]!r} of {node["type"]}: no such file or folder; put the body-model files '
                    'there, or name their folder (--body-models DIR)'
                )


def check_training(cfg: Config, name: str) -> None:
    """Raise an `InputError` for settings that would end mmhuman3d's run later, after an epoch, say."""
    several = all(isinstance(value, dict) for value in cfg.optimizer.values())
    if cfg.get('use_adversarial_train', False) != several:
        found = 'several optimizers' if several else 'a single optimizer'
        raise InputError(
            f'{name}: use_adversarial_train={cfg.get("use_adversarial_train", False)} with {found}; expected '
            "use_adversarial_train=True with optimizer=dict(neck=dict(type='Adam', …), head=dict(…)) (mmhuman3d's "
            'estimators step them), or neither (GLoTVideoEstimator)'
        )
    if not several and not str(cfg.model.get('type')).startswith('glot.GLoT'):
        raise InputError(
            f'{name}: {cfg.model.get("type")} needs use_adversarial_train=True and an optimizer for each part, such as '
            "optimizer=dict(neck=dict(type='Adam', lr=1e-4), head=dict(type='Adam', lr=1e-4))"
        )
    workers = cfg.data.get('workers_per_gpu')
    if not isinstance(workers, int) or workers < 1:
        raise InputError(
            f'{name}: data.workers_per_gpu is {workers!r}, expected at least 1, because workers are kept alive'
        )
    _check_policy(cfg, name)
    _check_evaluation(cfg, name)
    _check_conventions(cfg, name)
    _check_lengths(cfg, name)


def _check_policy(cfg: Config, name: str) -> None:
    policy, ending = cfg.lr_config.get('policy'), 'LrUpdaterHook'
    if not isinstance(policy, str):
        raise InputError(f"{name}: lr_config.policy={policy!r}, expected a name, such as 'step'")
    if HOOKS.get((policy.title() if policy.islower() else policy) + ending) is None:
        known = ', '.join(sorted(each.removesuffix(ending) for each in HOOKS.module_dict if each.endswith(ending)))
        raise InputError(f'{name}: lr_config.policy={policy!r}, expected one of {known}')


def _train_sets(cfg: Config) -> dict[str, dict]:
    """The training sets by key; a `MixedDataset` has several."""
    train = cfg.data.get('train') or {}
    if 'configs' not in train:
        return {'data.train': train}
    return {f'data.train.configs.{index}': each for index, each in enumerate(train.configs)}


def _check_conventions(cfg: Config, name: str) -> None:
    """Keypoints of the data and of the body model are compared by index, so they must be the same joints."""
    body = cfg.model.get('body_model_train') or {}
    given = {
        'model.convention': cfg.model.get('convention'),
        'model.body_model_train.keypoint_dst': body.get('keypoint_dst'),
    }
    given |= {f'{key}.convention': each.get('convention') for key, each in _train_sets(cfg).items()}
    given = {key: value for key, value in given.items() if value is not None}
    if len(set(given.values())) > 1:
        found = ', '.join(f'{key}={value!r}' for key, value in given.items())
        raise InputError(
            f'{name}: the joints of the body and of the data are not the same: {found}; expected one convention'
        )


def _check_lengths(cfg: Config, name: str) -> None:
    """Clips of several training sets form one batch, so they must have the same length."""
    lengths = {f'{key}.seq_len': each.seq_len for key, each in _train_sets(cfg).items() if 'seq_len' in each}
    if len(set(lengths.values())) > 1:
        found = ', '.join(f'{key}={value}' for key, value in lengths.items())
        raise InputError(f'{name}: {found}; expected the same number of frames in all, which are batched together')


def _check_evaluation(cfg: Config, name: str) -> None:
    evaluation = cfg.get('evaluation') or {}
    metric = evaluation.get('metric', 'pa-mpjpe')
    names = [item.upper() for item in ([metric] if isinstance(metric, str) else metric)]
    best = evaluation.get('save_best')
    if isinstance(best, str) and best not in (*names, 'auto'):
        raise InputError(f'{name}: evaluation.save_best={best!r}, expected one of its metrics: {", ".join(names)}')
    if cfg.runner.type == 'IterBasedRunner' and evaluation and cfg.data.get('val') is not None:
        log, interval = cfg.log_config.get('interval', 10), evaluation.get('interval', 1)
        if math.lcm(log, interval) <= cfg.runner.get('max_iters', math.inf):
            raise InputError(
                f'{name}: mmcv 1.6 fails where an IterBasedRunner logs and evaluates after the same iteration '
                f'(log_config.interval={log}, evaluation.interval={interval}); use an EpochBasedRunner, or intervals '
                'that do not meet before max_iters'
            )


def ignored_settings(cfg: Config) -> list[str]:
    """A sentence for each setting that mmhuman3d's runner would silently ignore."""
    ignored = []
    hook = cfg.get('optimizer_config') or {}
    if cfg.get('use_adversarial_train', False):
        given = [key for key in GRADIENT_SETTINGS if hook.get(key) is not None]
        if given:
            settings = ', '.join(f'{key}={hook[key]!r}' for key in given)
            ignored.append(
                f'optimizer_config ({settings}) has no effect: with use_adversarial_train=True the model steps its '
                'optimizers itself, after every batch, and gradients are not clipped'
            )
    if cfg.get('fp16') is not None:
        ignored.append("fp16 has no effect: no part of mmhuman3d's estimators runs in half precision")
    for key in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        if key in cfg.data:
            ignored.append(f'data.{key} has no effect: samples_per_gpu and workers_per_gpu hold for all loaders')
    if cfg.get('evaluation') and cfg.data.get('val') is None:
        ignored.append('evaluation has no effect: there is no data.val')
    return ignored


def untrained_parts(model: nn.Module, cfg: Config) -> list[str]:
    """A sentence for each part that has weights but no optimizer in the config."""
    if not cfg.get('use_adversarial_train', False):
        return []
    return [
        f'model.{name} has no optimizer, so it is not trained; add optimizer={name}=dict(…)'
        for name, part in model.named_children()
        if name not in cfg.optimizer and any(parameter.requires_grad for parameter in part.parameters())
    ]


def missing_parts(model: nn.Module, cfg: Config) -> list[str]:
    """Names in `optimizer` for which the model has no part."""
    if not cfg.get('use_adversarial_train', False):
        return []
    return [name for name in cfg.optimizer if not isinstance(getattr(model, name, None), nn.Module)]
