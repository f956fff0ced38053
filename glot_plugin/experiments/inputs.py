"""What an experiment on the embedded data set starts from: a body model and a config."""

from pathlib import Path

from mmengine import Config

from glot_plugin.body_model.smpl_files import MEAN_PARAMS_FILE
from glot_plugin.body_model.synthetic import write_synthetic_body
from glot_plugin.config import load_config
from glot_plugin.engine.launch import prepare
from glot_plugin.experiments.progress import Say


def choose_body_models(folder: Path, out: Path, say: Say) -> Path:
    """The licensed files where there are any; otherwise a generated body, under `out`."""
    if (folder / MEAN_PARAMS_FILE).is_file():
        say(f'body model: the files of {folder}')
        return folder
    generated = out / 'body_models'
    say(f'body model: a generated one, {generated} (the SMPL files go into {folder})')
    if not (generated / MEAN_PARAMS_FILE).is_file():
        write_synthetic_body(generated)
    return generated


def experiment_config(
    config: Path | Config, out: Path, body_models: Path, stores: dict[str, Path], iterations: int | None, seed: int
) -> Config:
    """A config on an experiment's data; a schedule of another length is stretched to it."""
    cfg = load_config(config)
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].dataset.stores = [str(stores[split])]
    cfg.randomness.seed = seed
    cfg.log_level = 'ERROR'
    if iterations is not None:
        scale = iterations / cfg.train_cfg.max_iters
        cfg.train_cfg.max_iters = iterations
        cfg.train_cfg.val_interval = max(1, int(cfg.train_cfg.val_interval * scale))
        cfg.default_hooks.checkpoint.interval = cfg.train_cfg.val_interval
        cfg.default_hooks.logger.interval = min(cfg.default_hooks.logger.interval, iterations)  # the curve has a point
        for scheduler in cfg.param_scheduler:
            scheduler.begin, scheduler.end = int(scheduler.begin * scale), max(1, int(scheduler.end * scale))
    return prepare(cfg, out, body_models=body_models)


def model_config(cfg: Config) -> Config:
    """The part of a config that inference needs."""
    return Config({'default_scope': 'glot', 'model': cfg.model.to_dict()})
