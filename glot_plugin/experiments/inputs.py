"""Inputs of an experiment or a page: a body model, a config, a track."""

import tempfile
from pathlib import Path

from mmengine import Config

from glot_plugin.body_model import SMPLBody
from glot_plugin.body_model.smpl_files import MEAN_PARAMS_FILE, has_smpl_files
from glot_plugin.body_model.synthetic import write_synthetic_body
from glot_plugin.config import load_config
from glot_plugin.datasets import TrackDataset
from glot_plugin.engine.launch import prepare
from glot_plugin.errors import InputError
from glot_plugin.experiments.progress import Say

BODY_MODELS = Path('data/body_models')


def choose_body_models(folder: Path, out: Path, say: Say) -> Path:
    """The folder of the licensed files if they exist; otherwise that of a generated body under `out`."""
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
    """A config with an experiment's data; `iterations` stretches or shortens the schedule."""
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


def load_body(folder: Path | None, say: Say, gender: str = 'neutral') -> SMPLBody:
    """The body of the SMPL files in `folder`; if None, of those in data/body_models, or else a generated one.

    Raises:
        InputError: `folder` is given and lacks a file.
    """
    if folder is not None or has_smpl_files(BODY_MODELS, gender):
        return SMPLBody(folder or BODY_MODELS, gender)
    say(f'body: a generated one; there are no SMPL files in {BODY_MODELS} (--body-models DIR names another folder)')
    with tempfile.TemporaryDirectory() as generated:
        write_synthetic_body(generated)
        return SMPLBody(generated, gender)


def pick_track(store: Path, name: str | None) -> dict:
    """A track of a store by its name, or the first one, as an item of `TrackDataset`.

    Raises:
        InputError: The store is damaged, or has no such track.
    """
    dataset = TrackDataset(store)
    names = dataset.stores[0].track_names.tolist()
    if name is not None and name not in names:
        shown = ', '.join(names[:10]) + (f' and {len(names) - 10} more' if len(names) > 10 else '')
        raise InputError(f'--track {name}: no such track in {store}; expected one of {shown}')
    return dataset[0 if name is None else names.index(name)]
