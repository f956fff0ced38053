"""What mmhuman3d's runner needs, refuses and ignores."""

import pytest

import glot_plugin.framework  # noqa: F401 - before mmhuman3d

# isort: split
from mmcv import Config

from glot_plugin.errors import InputError
from glot_plugin.framework.launch_settings import check_training, fill_defaults, ignored_settings


def config(**keys):
    return Config(
        {
            'model': {'type': 'VideoBodyModelEstimator'},
            'use_adversarial_train': True,
            'optimizer': {'head': {'type': 'Adam'}},
            'lr_config': {'policy': 'Fixed'},
            'runner': {'type': 'EpochBasedRunner', 'max_epochs': 1},
            'data': {'workers_per_gpu': 1, 'train': {}, 'val': {}},
            **keys,
        }
    )


def with_sets(*sets):
    """`data` of several training sets, each with a convention and a length."""
    configs = [{'convention': convention, 'seq_len': seq_len} for convention, seq_len in sets]
    return {'workers_per_gpu': 1, 'train': {'type': 'MixedDataset', 'configs': configs}, 'val': {}}


def check(cfg):
    fill_defaults(cfg, 'c.py')
    check_training(cfg, 'c.py')


def test_defaults_are_those_of_mmhuman3ds_base_config():
    cfg = config(runner=None, total_epochs=7, log_level='ERROR')
    fill_defaults(cfg, 'c.py')
    assert cfg.runner == {'type': 'EpochBasedRunner', 'max_epochs': 7}
    assert cfg.workflow == [('train', 1)]
    assert cfg.log_level == 'ERROR'
    check_training(cfg, 'c.py')
    assert ignored_settings(cfg) == []


@pytest.mark.parametrize(
    ('keys', 'message'),
    [
        ({'optimizer': None}, "c.py: no key 'optimizer'"),
        ({'runner': None}, r'c.py: no runner, such as runner=dict'),
        ({'optimizer': {'type': 'Adam'}}, 'use_adversarial_train=True with a single optimizer'),
        (
            {'optimizer': {'type': 'Adam'}, 'use_adversarial_train': False},
            'VideoBodyModelEstimator needs use_adversarial_train=True',
        ),
        (
            {
                'runner': {'type': 'IterBasedRunner', 'max_iters': 60},
                'log_config': {'interval': 20},
                'evaluation': {'interval': 30},
            },
            r'fails where an IterBasedRunner logs and evaluates .*log_config.interval=20, evaluation.interval=30',
        ),
        ({'lr_config': {'policy': 'stairs'}}, "lr_config.policy='stairs', expected one of CosineAnnealing, "),
        ({'lr_config': {'step': [1]}}, "lr_config.policy=None, expected a name, such as 'step'"),
        (
            {'model': {'type': 'VideoBodyModelEstimator', 'convention': 'smpl_24'}, 'data': with_sets(('smpl_49', 16))},
            r"model.convention='smpl_24', data.train.configs.0.convention='smpl_49'; expected one convention",
        ),
        (
            {'data': with_sets(('smpl_49', 8), ('smpl_49', 16))},
            r'data.train.configs.0.seq_len=8, data.train.configs.1.seq_len=16; expected the same number of frames',
        ),
    ],
)
def test_what_cannot_run_is_refused(keys, message):
    with pytest.raises(InputError, match=message):
        check(config(**keys))


def test_intervals_that_do_not_meet_pass():
    cfg = config(
        runner={'type': 'IterBasedRunner', 'max_iters': 50},
        log_config={'interval': 20},
        evaluation={'interval': 30},
    )
    fill_defaults(cfg, 'c.py')
    check_training(cfg, 'c.py')


@pytest.mark.parametrize('policy', ['step', 'Step', 'CosineAnnealing', 'fixed'])
def test_policies_that_mmcv_knows_pass(policy):
    check(config(lr_config={'policy': policy}))


def test_sets_that_fit_one_another_pass():
    data = with_sets(('smpl_49', 16), ('smpl_49', 16))
    check(config(data=data, model={'type': 'VideoBodyModelEstimator', 'convention': 'smpl_49'}))


def test_clipping_is_ignored_only_where_the_model_steps():
    clipping = {'optimizer_config': {'grad_clip': {'max_norm': 1.0}}}
    assert 'gradients are not clipped' in ignored_settings(config(**clipping))[0]
    single = {'use_adversarial_train': False, 'optimizer': {'type': 'Adam'}}
    assert ignored_settings(config(**clipping, **single)) == []
    assert ignored_settings(config(optimizer_config={'grad_clip': None})) == []


def test_evaluation_without_data_is_ignored():
    cfg = config(data={'workers_per_gpu': 1, 'train': {}}, evaluation={'interval': 1})
    assert ignored_settings(cfg) == ['evaluation has no effect: there is no data.val']
