"""Configs by the package's name: ours and mmengine's ways to them, from any folder."""

from pathlib import Path

import pytest
from mmengine.hub import get_config, get_model

import glot_plugin
from glot_plugin.apis import init_model
from glot_plugin.config import SHIPPED_CONFIGS, find_config, load_config
from glot_plugin.config.detect_framework import MMHUMAN3D, detect_framework
from glot_plugin.engine.launch import build_runner
from glot_plugin.errors import InputError
from glot_plugin.models import GLoTEstimator

NAME = 'glot_plugin::glot/glot_synthetic.py'
# `mmengine.hub` looks packages up with pkg_resources, which announces its end.
pytestmark = pytest.mark.filterwarnings('ignore:pkg_resources is deprecated')


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Every test here runs in an empty folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def with_body_models(body_dir):
    Path('data').mkdir()
    Path('data/body_models').symlink_to(body_dir)


def test_every_shipped_config_has_a_name(repository):
    for path in (repository / 'configs').rglob('*.py'):
        found = find_config(f'glot_plugin::{path.relative_to(repository / "configs")}')
        assert found.read_bytes() == path.read_bytes()


def test_loaded_by_name():
    assert load_config(NAME, {'train_cfg.max_iters': 3}).train_cfg.max_iters == 3
    assert isinstance(init_model(NAME, device='cpu'), GLoTEstimator)
    assert detect_framework('glot_plugin::glot/mmhuman3d/vibe.py') == MMHUMAN3D


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('glot_plugin::glot/glot_3dwp.py', r'in glot_plugin; did you mean glot_plugin::glot/glot_3dpw.py or '),
        ('glot_plugin::glot_synthetic', r'did you mean glot_plugin::glot/glot_synthetic.py'),
        ('glot_plugin::x', r'no such config in glot_plugin; there are glot/glot_3dpw.py, .*glot/glot_synthetic.py'),
        ('glot_plugin::../../version.py', 'no such config in glot_plugin'),
        ('mmpose::glot/glot_3dpw.py', "found the package 'mmpose', expected glot_plugin::NAME"),
        # The path of a checkout, where there is none.
        ('configs/glot/glot_3dpw.py', r'no such config; did you mean glot_plugin::glot/glot_3dpw.py\?'),
        ('mine.py', 'mine.py: no such config$'),
    ],
)
def test_unknown_names(name, message):
    with pytest.raises(InputError, match=message):
        init_model(name)


def test_found_by_mmengine(with_body_models):
    cfg = get_config('glot_plugin::glot/glot_3dpw.py')
    assert Path(cfg.filename) == SHIPPED_CONFIGS / 'glot/glot_3dpw.py'
    assert SHIPPED_CONFIGS.is_relative_to(Path(glot_plugin.__file__).parent)
    assert isinstance(get_model('glot_plugin::glot/_base_/glot.py'), GLoTEstimator)


def test_no_weights_are_promised():
    with pytest.raises(AssertionError, match='Cannot find `Weights`'):
        get_config('glot_plugin::glot/glot_3dpw.py', pretrained=True)


def test_inherited_by_name(with_body_models, synthetic_data):
    """A config of one's own over one of the package's: its parts are ours, and mmengine's Runner builds them."""
    nearby = 'model = dict(head=dict(local_branch=dict(nearby=6)))'
    Path('mine.py').write_text(f"_base_ = '{NAME}'\n{nearby}\n")
    stores = {f'{split}_dataloader.dataset.stores': str(synthetic_data / split) for split in ('train', 'val', 'test')}
    workers = {'train_dataloader.num_workers': 0, 'train_dataloader.persistent_workers': False}
    cfg = load_config('mine.py', {**stores, **workers, 'work_dir': 'runs', 'launcher': 'none', 'log_level': 'ERROR'})
    runner = build_runner(cfg)
    assert isinstance(runner.model, GLoTEstimator)
    assert len(runner.model.head.local_branch.select.frames) == 13
    batch = next(iter(runner.build_dataloader(cfg.train_dataloader)))
    assert batch['features'].shape == (32, 16, 2048)
