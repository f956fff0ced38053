"""Errors about the types that a config names."""

from pathlib import Path

import pytest
from mmengine import Config

from glot_plugin import registry
from glot_plugin.config import check_arguments, check_called_types, config_errors, load_config
from glot_plugin.errors import InputError

CONFIGS = Path(__file__).resolve().parents[2] / 'configs/glot'


@pytest.mark.parametrize(
    ('key', 'message'),
    [
        ('optim_wrapper.optimizer', r"unknown optimizer type 'Adamm'; did you mean 'Adam'\?"),
        ('train_dataloader.collate_fn', "unknown function type 'Adamm'; docs/parts.md lists GLoT's"),
    ],
)
def test_unknown_types_that_mmengine_calls_unseen(key, message):
    cfg = load_config(CONFIGS / 'glot_synthetic.py', {f'{key}.type': 'Adamm'})
    with pytest.raises(InputError, match=f'glot_synthetic.py: {message}'):
        check_called_types(cfg)


def test_configs_of_mmhuman3d_are_named():
    with pytest.raises(InputError, match=r'mmhuman3d/vibe.py: a config of mmhuman3d \(data, runner.*tools/train.py'):
        load_config(CONFIGS / 'mmhuman3d/vibe.py')


def test_types_that_mmengine_finds():
    check_called_types(
        load_config(CONFIGS / 'glot_synthetic.py', {'train_dataloader.collate_fn.type': 'pseudo_collate'})
    )


@pytest.mark.parametrize(
    ('key', 'message'),
    [
        ('model.haed', r"model: GLoTEstimator has no argument 'haed'; did you mean 'head'\?"),
        ('model.head.num_frame', r"model.head: GLoTHead has no argument 'num_frame'; did you mean 'num_frames'\?"),
        ('model.loss.terms.velocity2d.loss_wieght', "VelocityLoss2d has no argument 'loss_wieght'; did you mean"),
        ('train_dataloader.dataset.strde', r"train_dataloader.dataset: WindowDataset has no argument 'strde'"),
        ('train_dataloader.dataset.pipeline.1.x', r"train_dataloader.dataset.pipeline.1: Pack has no argument 'x'"),
        ('train_cfg.max_iter', r"train_cfg: \w+ has no argument 'max_iter'; did you mean 'max_iters'\?"),
    ],
)
def test_arguments_that_parts_do_not_have(key, message):
    cfg = load_config(CONFIGS / 'glot_synthetic.py', {key: 3})
    with pytest.raises(InputError, match=f'glot_synthetic.py: .*{message}'):
        check_arguments(cfg)


@pytest.mark.parametrize('path', sorted(CONFIGS.glob('**/*.py')), ids=lambda path: path.stem)
def test_shipped_configs_give_known_arguments(path):
    if '_base_' not in path.parts and 'mmhuman3d' not in path.parts and 'mixed' not in path.parts:
        check_arguments(load_config(path))


def test_training_checks_them(small_config, tmp_path):
    from glot_plugin.engine.launch import prepare, train

    cfg = small_config(**{'optim_wrapper.optimizer.type': 'Adamm'})
    with pytest.raises(InputError, match="unknown optimizer type 'Adamm'"):
        train(prepare(cfg, tmp_path))


@pytest.mark.parametrize(
    ('kind', 'name', 'message'),
    [
        ('MODELS', 'HSRC', "unknown model type 'HSRC'; did you mean 'HSCR'"),
        ('MODELS', 'qqqqq', "unknown model type 'qqqqq'; docs/parts.md lists GLoT's"),
        ('PARAM_SCHEDULERS', 'LinearLRR', "unknown parameter scheduler type 'LinearLRR'; did you mean 'LinearLR'"),
        ('VISUALIZERS', 'qqqqq', "unknown visualizer type 'qqqqq'; expected one of Visualizer"),  # none of ours
        ('EVALUATOR', 'BodyMetric', "unknown evaluator type 'BodyMetric'; expected one of Evaluator"),
    ],
)
def test_suggestions_come_from_the_registry_that_was_asked(kind, name, message):
    with pytest.raises(InputError, match=message), config_errors('my.py'):
        getattr(registry, kind).build({'type': name})


def test_scope_that_is_not_there():
    """The part is in ours: the same word would be no suggestion."""
    import mmengine.registry as root

    message = r"unknown model type 'HSCR'; did you mean 'glot\.HSCR'\?"
    with pytest.raises(InputError, match=message), config_errors('my.py'):
        root.MODELS.build({'type': 'HSCR', '_scope_': 'mmengine'})


def test_metrics_of_a_metric_are_no_evaluator():
    cfg = load_config(CONFIGS / 'glot_synthetic.py', {'val_evaluator.metrics': ['PA-MPJPE']})
    (metric,) = cfg.val_evaluator
    assert (metric.type, metric.metrics) == ('BodyMetric', ['PA-MPJPE'])
    assert cfg.test_evaluator.type == 'BodyMetric'  # untouched
    evaluator = {'type': 'Evaluator', 'metrics': []}
    assert load_config(Config({'val_evaluator': evaluator})).val_evaluator == evaluator
