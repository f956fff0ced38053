"""What a checkpoint file says about where its weights come from."""

import pytest
import torch

from glot_plugin.checkpoints.provenance import read_origin, recipe_digest
from glot_plugin.config import load_config


@pytest.mark.parametrize(
    ('meta', 'origin'),
    [
        ({'experiment_name': 'nearby_2_20250102_030405', 'seed': 3}, {'config': 'nearby_2', 'seed': 3}),
        ({'exp_name': 'vibe_hscr', 'seed': None}, {'config': 'vibe_hscr'}),  # mmcv's
        ({'experiment_name': '20250102_030405', 'seed': 3}, {'seed': 3}),  # a config without a file
        ({'converted_from': 'table1.pth.tar', 'epoch': 5.0}, {'converted_from': 'table1.pth.tar'}),
        ({'experiment_name': 'glot_3dpw_20250102_030405', 'cfg': 'no config'}, {'config': 'glot_3dpw'}),
        (None, {}),
    ],
)
def test_origin(tmp_path, meta, origin):
    torch.save({'state_dict': {}, 'meta': meta}, tmp_path / 'a.pth')
    assert read_origin(tmp_path / 'a.pth') == origin


@pytest.mark.parametrize('text', ['-' * 10**6 + '1', 'model = ' + '[' * 10**5, 'model = ' + '1+' * 10**5 + '1', '\0'])
def test_text_that_is_nested_too_deep_is_no_config(text):
    assert recipe_digest(text) is None


def test_origin_of_what_is_not_ours(tmp_path):
    (tmp_path / 'a.pth').write_bytes(b'x')
    assert read_origin(tmp_path / 'a.pth') == {}


@pytest.mark.parametrize(
    ('options', 'same'),
    [
        ({'randomness.seed': 5, 'work_dir': 'elsewhere'}, True),
        ({'train_dataloader.num_workers': 1, 'model.body_model.model_dir': '/smpl'}, True),
        ({'model.init_from_spin': '/smpl/spin_model_checkpoint.pth.tar'}, True),
        ({'train_dataloader.dataset.stores.insta_variety': '/big/disk/insta-variety'}, True),
        ({'train_dataloader.dataset.stores.insta_variety': 'data/stores/penn-action'}, False),
        ({'model.init_from_spin': None}, False),
        ({'optim_wrapper.optimizer.lr': 1e-3}, False),
        ({'train_cfg.max_iters': 10}, False),
    ],
)
def test_recipe_differs_where_training_does(repository, options, same):
    path = repository / 'configs/glot/glot_3dpw.py'
    plain, changed = (recipe_digest(load_config(path, given).pretty_text) for given in (None, options))
    assert (plain == changed) is same
