"""Changing keys of configs."""

from pathlib import Path

import pytest
from mmengine import Config

from glot_plugin.config import load_config
from glot_plugin.datasets.window_dataset import store_entries
from glot_plugin.errors import InputError

CONFIGS = Path(__file__).resolve().parents[2] / 'configs/glot'
STORES = 'train_dataloader.dataset.stores'


@pytest.mark.parametrize(
    ('key', 'value', 'message'),
    [
        ('trian_cfg.max_iters', 1, "no 'trian_cfg' in this config; did you mean 'train_cfg'?"),
        ('log_levle', 'ERROR', "did you mean 'log_level'?"),
        ('qqq', 1, "no 'qqq' in this config"),
        (f'{STORES}.instavariety', None, "no store 'instavariety' to leave out; did you mean 'insta_variety'?"),
        ('val_evaluator.metrics', ['MPJPE'], "val_evaluator is a list of 1, expected a number from 0 for 'metrics'"),
        ('param_scheduler.2.end', 1, "param_scheduler is a list of 2, expected a number from 0 for '2'"),
        ('model.init_from_spin.path', 'a.pth', 'options model.init_from_spin.path do not fit'),
    ],
)
def test_options_that_do_not_fit(key, value, message):
    path = CONFIGS / 'glot_3dpw.py'
    with pytest.raises(InputError) as error:
        load_config(path, {key: value})
    assert str(error.value).startswith(f'{path}: option')
    assert key in str(error.value)
    assert message in str(error.value)


@pytest.mark.parametrize('key', ['compile', 'experiment_name', 'work_dir', 'auto_scale_lr', 'custom_imports'])
def test_keys_that_a_config_may_lack(key):
    assert load_config(Config({'model': {}}), {key: {}})[key] == {}


def test_a_store_can_be_added_and_one_that_is_there_left_out():
    cfg = load_config(CONFIGS / 'glot_3dpw.py', {f'{STORES}.mine': 'data/mine', f'{STORES}.h36m': None})
    stores = cfg.train_dataloader.dataset.stores
    assert (stores.mine, stores.h36m) == ('data/mine', None)


# The last one lies below the config's own: nothing may be moved twice.
@pytest.mark.parametrize('root', ['/elsewhere', 'data/stores/half', 'data/synthetic/half'])
@pytest.mark.parametrize('name', ['glot_3dpw', 'glot_h36m_mpii3d', 'glot_3dpw_unseen', 'glot_synthetic'])
def test_data_root_moves_every_store(name, root):
    before, after = (load_config(CONFIGS / f'{name}.py', options) for options in (None, {'data_root': root}))
    assert after.data_root == root
    assert store_paths(after) == [str(Path(root) / Path(path).name) for path in store_paths(before)]
    assert len(store_paths(after)) > 2


def store_paths(cfg: Config) -> list[str]:
    tests = [item.dataset for item in cfg.get('test_sets', {}).values()] or [cfg.test_dataloader.dataset]
    paths = [entry['path'] for entry in store_entries(cfg.train_dataloader.dataset.stores)]
    return paths + [path for dataset in (cfg.val_dataloader.dataset, *tests) for path in dataset.stores]


def test_data_root_leaves_other_stores():
    options = {'data_root': '/elsewhere', f'{STORES}.insta_variety': 'data/stores/penn-action'}
    stores = load_config(CONFIGS / 'glot_3dpw.py', options).train_dataloader.dataset.stores
    assert stores.insta_variety == 'data/stores/penn-action'  # its own option
    assert stores.h36m == {'path': '/elsewhere/h36m-train-occluded', 'use_smpl': False}
    cfg = Config({'data_root': 'data', 'val_dataloader': {'dataset': {'stores': 'other/val'}}})
    assert load_config(cfg, {'data_root': 'x'}).val_dataloader.dataset.stores == 'other/val'
