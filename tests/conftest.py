"""Fixtures that several test files share."""

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import glot_plugin  # noqa: F401 - before torch: it sets how threads wait

import torch  # isort: skip

SHARED = Path(__file__).resolve().parents[2] / 'shared'
SPLITS = ('train', 'val', 'test')
# Options that make the model of a config small and its schedule short.
SMALL = {
    'model.head.global_branch.transformer.embed_dim': 32,
    'model.head.global_branch.transformer.decoder_dim': 16,
    'model.head.global_branch.regressor.hidden_dim': 32,
    'model.head.local_branch.dim': 16,
    'model.head.local_branch.depth': 1,
    'model.head.local_branch.regressor.hidden_dim': 32,
    'train_dataloader.batch_size': 5,
    'train_dataloader.num_workers': 0,
    'train_dataloader.persistent_workers': False,
    'train_cfg.max_iters': 6,
    'train_cfg.val_interval': 3,
    'default_hooks.checkpoint.interval': 2,
    'default_hooks.logger.interval': 1,
    'randomness.seed': 0,
    'randomness.deterministic': True,
    'log_level': 'ERROR',
}
torch.set_num_threads(min(2, os.cpu_count() or 1))


@pytest.fixture(scope='session')
def parity_recipe() -> ModuleType:
    """The recipe that rebuilds the parity fixtures' weights, inputs and body model."""
    path = SHARED / 'parity' / 'recipe.py'
    if not path.is_file():
        pytest.skip(f'no parity fixtures at {path.parent}')
    spec = importlib.util.spec_from_file_location('parity_recipe', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='session')
def parity_reference(parity_recipe) -> dict[str, np.ndarray]:
    """What the original computes, by name."""
    with np.load(SHARED / 'parity' / 'reference_seed1.npz') as file:
        return dict(file)


@pytest.fixture(scope='session')
def body_dir(tmp_path_factory) -> Path:
    """A folder of synthetic body-model files in SMPL's format."""
    from glot_plugin.body_model.synthetic import write_synthetic_body

    folder = tmp_path_factory.mktemp('body_models')
    write_synthetic_body(folder)
    return folder


@pytest.fixture(scope='session')
def synthetic_data(body_dir, tmp_path_factory) -> Path:
    """A folder with small synthetic stores `train`, `val` and `test`."""
    from glot_plugin.datasets.synthetic import write_synthetic_dataset

    folder = tmp_path_factory.mktemp('synthetic')
    write_synthetic_dataset(folder, body_dir, train_frames=600, val_frames=120, test_frames=150, progress=False)
    return folder


@pytest.fixture
def small_config(repository, body_dir, synthetic_data):
    """A function that makes the synthetic config small: the whole way in a second or two."""
    from glot_plugin.config import load_config, set_body_model_dir

    def make(**options):
        options = {**SMALL, **{f'{s}_dataloader.dataset.stores': str(synthetic_data / s) for s in SPLITS}, **options}
        cfg = load_config(repository / 'configs/glot/glot_synthetic.py', options)
        set_body_model_dir(cfg, body_dir)
        return cfg

    return make


@pytest.fixture(scope='session')
def body(body_dir):
    """The neutral synthetic body."""
    from glot_plugin.body_model import SMPLBody

    return SMPLBody(body_dir)


@pytest.fixture(scope='session')
def repository() -> Path:
    """The repository's root."""
    return Path(__file__).resolve().parents[1]
