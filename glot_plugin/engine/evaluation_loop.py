"""Testing on several test sets in turn, with the metrics of one protocol or both."""

from collections.abc import Sequence

import torch
from mmengine import Config
from mmengine.runner import TestLoop

from glot_plugin.errors import InputError
from glot_plugin.evaluation.protocols import evaluator_configs
from glot_plugin.evaluation.track_metric import TrackMetric
from glot_plugin.registry import LOOPS

# Scores by test set, protocol and metric.
Scores = dict[str, dict[str, dict[str, float]]]
SET_KEYS = ('dataset', 'evaluator', 'mmhuman3d_evaluator', 'dataloader')
# The default loader for full tracks; a set's `dataloader` overrides its keys.
TRACK_LOADER = {
    'batch_size': 1,
    'num_workers': 0,
    'sampler': {'type': 'DefaultSampler', 'shuffle': False, 'round_up': False},
    'collate_fn': {'type': 'glot.as_fetched'},
}


@LOOPS.register_module()
class TestSetsLoop(TestLoop):
    """Runs mmengine's test loop over several test sets; metrics are logged as `SET/METRIC`.

    All loaders and metrics are built at the start, so that a problem with the last set shows before the first set runs.

    Args:
        runner: The runner.
        dataloader: Config of the loader of each set, by its name.
        evaluator: Configs of the metrics of each set, by its name.
        fp16: See mmengine's `TestLoop`.

    Attributes:
        scores: After `run`: scores by set, protocol and metric.
        tracks: After `run`, on the main process: one dict per track and protocol, with its `set`, `protocol`, `track`,
            number of scored `frames`, and the track's mean of each metric.
    """

    __test__ = False  # tells pytest that this is not a test class

    def __init__(
        self, runner, dataloader: dict[str, dict], evaluator: dict[str, Sequence[dict]], fp16: bool = False
    ) -> None:
        self.sets = {}
        for name, config in dataloader.items():
            super().__init__(runner, config, list(evaluator[name]), fp16)
            self.sets[name] = (self.dataloader, self.evaluator)
        self.scores: Scores = {}
        self.tracks: list[dict] = []

    def run(self) -> dict[str, float]:
        """Test on every set."""
        self.runner.call_hook('before_test')
        self.runner.call_hook('before_test_epoch')
        self.runner.model.eval()
        self.scores, self.tracks = {}, []
        for name, (loader, evaluator) in self.sets.items():
            self.dataloader, self.evaluator = loader, evaluator  # the set that hooks and `run_iter` see
            try:
                for number, batch in enumerate(loader):
                    self.run_iter(number, batch)
                metrics = evaluator.evaluate(len(loader.dataset))
            except InputError as error:
                raise InputError(f'test set {name}: {error}') from error
            self.scores[name] = by_protocol(metrics)
            self.tracks += [
                {'set': name, 'protocol': metric.protocol, **row}
                for metric in evaluator.metrics
                if isinstance(metric, TrackMetric)
                for row in metric.tracks
            ]
        logged = {
            '/'.join([name, *(() if protocol == 'paper' else (protocol,)), metric]): value
            for name, protocols in self.scores.items()
            for protocol, metrics in protocols.items()
            for metric, value in metrics.items()
        }
        self.runner.call_hook('after_test_epoch', metrics=logged)
        self.runner.call_hook('after_test')
        return logged


def by_protocol(metrics: dict[str, float]) -> dict[str, dict[str, float]]:
    """Metrics by protocol and name: the prefix `mmhuman3d/` marks that protocol, all others are the paper's."""
    split: dict[str, dict[str, float]] = {}
    for name, value in metrics.items():
        prefix, _, rest = name.partition('/')
        protocol, metric = ('mmhuman3d', rest) if prefix == 'mmhuman3d' else ('paper', name)
        split.setdefault(protocol, {})[metric] = value
    return split


def use_test_sets(cfg: Config, protocol: str = 'paper') -> None:
    """Make a config test on its `test_sets`, or, if it has none, on its `test_dataloader` under the name `test`.

    Args:
        cfg: `test_sets` maps each name to a dict with `dataset` and `evaluator` (configs, as in `test_dataloader` and
            `test_evaluator`) and, optionally, `mmhuman3d_evaluator` (see `evaluator_configs`) and `dataloader` (keys
            that differ from `TRACK_LOADER`). Where `model.inference` is not `exact`, the sets' names say so.
        protocol: `paper`, `mmhuman3d` or `both`.

    Raises:
        InputError: The config has no test set, or one has unknown or missing keys.
    """
    loop = dict(cfg.get('test_cfg') or {'type': 'TestLoop'})
    if loop['type'] not in ('TestLoop', 'TestSetsLoop', 'glot.TestSetsLoop'):
        raise InputError(f"{cfg.filename}: test_cfg.type is {loop['type']!r}, expected 'TestLoop'")
    loaders, evaluators = {}, {}
    inference = cfg.get('model', {}).get('inference', 'exact')
    for name, (loader, metrics, framework) in _test_sets(cfg).items():
        name = name if inference == 'exact' else f'{name}, {inference}'
        loader.setdefault('pin_memory', torch.cuda.is_available())
        loaders[name], evaluators[name] = loader, evaluator_configs(metrics, framework, protocol)
    cfg.test_cfg = {**loop, 'type': 'glot.TestSetsLoop'}
    cfg.test_dataloader, cfg.test_evaluator = loaders, evaluators


def _test_sets(cfg: Config) -> dict[str, tuple[dict, dict | list, dict | None]]:
    """For each test set: its loader, its metrics, and the settings of mmhuman3d's metric."""
    given = cfg.get('test_sets')
    if not given:
        if cfg.get('test_dataloader') is None or cfg.get('test_evaluator') is None:
            raise InputError(
                f'{cfg.filename}: nothing to test on; expected test_sets, or test_dataloader and test_evaluator'
            )
        return {'test': (cfg.test_dataloader, cfg.test_evaluator, cfg.get('mmhuman3d_evaluator'))}
    sets = {}
    for name, config in given.items():
        unknown = [key for key in config if key not in SET_KEYS]
        missing = [key for key in SET_KEYS[:2] if key not in config]
        if unknown or missing:
            problem = f'unknown {", ".join(unknown)}' if unknown else f'no {", ".join(missing)}'
            raise InputError(
                f'{cfg.filename}: test_sets[{name!r}]: {problem}; expected dataset, evaluator and, optionally, '
                'mmhuman3d_evaluator and dataloader'
            )
        loader = {**TRACK_LOADER, **config.get('dataloader', {}), 'dataset': config['dataset']}
        sets[name] = (loader, config['evaluator'], config.get('mmhuman3d_evaluator'))
    return sets
