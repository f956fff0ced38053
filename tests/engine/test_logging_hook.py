"""Logs are mmengine's, though values are read once for many iterations; a broken run still stops in time."""

import json
import math

import pytest
from mmengine.hooks import Hook

from glot_plugin.engine.launch import prepare, train
from glot_plugin.errors import InputError, NonFiniteLossError

pytestmark = pytest.mark.training
CLIPPED = {'optim_wrapper.clip_grad': {'max_norm': 10}}
SELDOM = {'train_cfg.max_iters': 12, 'train_cfg.val_interval': 12, 'default_hooks.checkpoint.interval': 12}
NOT_LOGGED_AS_BEFORE = ('time', 'data_time')


def logged(folder) -> list[dict]:
    lines = [json.loads(line) for line in next(folder.glob('*/vis_data/scalars.json')).read_text().splitlines()]
    return [{name: value for name, value in line.items() if name not in NOT_LOGGED_AS_BEFORE} for line in lines]


def test_logs_are_those_of_mmengine(small_config, tmp_path):
    """Losses, learning rates and gradient norms, smoothed over more iterations than lie between two logs."""
    options = {**CLIPPED, 'default_hooks.logger.interval': 2, 'log_processor.window_size': 3}
    train(prepare(small_config(**options), tmp_path / 'ours'))
    cfg = small_config(**options, **{'optim_wrapper.type': 'mmengine.OptimWrapper'})
    cfg.default_hooks.runtime_info = {'type': 'mmengine.RuntimeInfoHook'}
    cfg.custom_hooks = [hook for hook in cfg.custom_hooks if hook.type != 'FiniteLossHook']
    train(prepare(cfg, tmp_path / 'theirs'))
    ours, theirs = logged(tmp_path / 'ours'), logged(tmp_path / 'theirs')
    assert {'lr', 'loss', 'grad_norm', 'loss/local/keypoints3d'} <= ours[0].keys()
    assert ours == theirs


class Break(Hook):
    """Makes the weight of one loss term infinite in an iteration."""

    def __init__(self, iteration: int) -> None:
        self.iteration = iteration

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        terms = runner.model.loss.terms
        terms['velocity2d'].loss_weight = math.inf if runner.iter + 1 == self.iteration else 10.0


@pytest.mark.parametrize(
    ('options', 'iteration'),
    [
        ({'default_hooks.checkpoint.interval': 3}, 5),  # found before the checkpoint of iteration 6
        ({'train_cfg.val_interval': 4}, 3),  # before the validation after iteration 4
        ({'default_hooks.logger.interval': 3}, 2),  # when iteration 3 is logged
        ({}, 11),  # at the end
    ],
)
def test_a_broken_run_stops_before_anything_is_made_of_it(small_config, tmp_path, options, iteration):
    options = {**SELDOM, 'default_hooks.logger.interval': 50, **options}
    cfg = small_config(**options)
    cfg.default_hooks.checkpoint.max_keep_ckpts = 1
    with pytest.raises(NonFiniteLossError, match=rf'^iteration {iteration}: .*loss/global/velocity2d = (inf|nan)'):
        train(prepare(cfg, tmp_path), hooks=[Break(iteration)])
    kept = [path.name for path in tmp_path.glob('*.pth')]
    assert kept == (['iter_3.pth'] if 'default_hooks.checkpoint.interval' in options and iteration == 5 else [])


def test_the_guard_says_what_it_needs(small_config, tmp_path):
    cfg = small_config()
    cfg.default_hooks.runtime_info = {'type': 'mmengine.RuntimeInfoHook'}
    with pytest.raises(InputError, match=r"FiniteLossHook needs default_hooks.runtime_info=dict\(type='glot"):
        train(prepare(cfg, tmp_path))


def test_hooks_get_the_losses_of_all_iterations(small_config, tmp_path):
    class Gather(Hook):
        def __init__(self):
            self.losses, self.given = {}, {}

        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            self.given[runner.iter + 1] = outputs

        def after_losses_read(self, runner, losses):
            self.losses.update(losses)

    gather = Gather()
    train(prepare(small_config(**CLIPPED, **{'default_hooks.logger.interval': 4}), tmp_path), hooks=[gather])
    assert list(gather.losses) == [1, 2, 3, 4, 5, 6]
    for number, outputs in gather.given.items():
        assert gather.losses[number] == {name: value.item() for name, value in outputs.items()}
