"""One training of the ablations: a config with one seed, trained or resumed, tested, and its result."""

import itertools
from dataclasses import dataclass, field
from pathlib import Path

from mmengine import Config

from glot_plugin.datasets import TrackDataset
from glot_plugin.engine.inference import init_model
from glot_plugin.engine.launch import train, write_result
from glot_plugin.engine.work_dir import POINTER, best_checkpoint, last_checkpoint
from glot_plugin.experiments.ablation_list import BASE
from glot_plugin.experiments.inputs import experiment_config, model_config
from glot_plugin.experiments.pictures import read_scalars
from glot_plugin.experiments.progress import ProgressHook, Say
from glot_plugin.experiments.scoring import score
from glot_plugin.experiments.settings import METRICS, RESULT, check_scores, damaged, read_json, write_settings
from glot_plugin.io.locks import lock_folder, unlock
from glot_plugin.models.latency import EARLY, LatencyPredictor

Scores = dict[str, float]
WITH_CURVE = ('single_frame', 'gru_hmr', 'gmm_alone', BASE)  # validated as they train
LATENCIES = (4, 2, 0)  # frames; the full method is also scored at these, without being trained for them


@dataclass(frozen=True)
class Training:
    """A config with one seed, its folder, and the settings that determine its result."""

    name: str
    seed: int
    cfg: Config
    folder: Path
    settings: dict

    @property
    def iterations(self) -> int:
        return self.settings['iterations']


@dataclass(frozen=True)
class Result:
    """What a training came to.

    Attributes:
        scores: mm, by metric; of the test set, as all scores.
        untrained: Scores of the same weights at lower latencies, for which they were not trained, by latency and way.
        curve: Iterations, and PA-MPJPE on the validation set there; empty if it was not validated.
    """

    scores: Scores
    untrained: dict[str, Scores] = field(default_factory=dict)
    curve: tuple[list[float], list[float]] = ((), ())


def run_training(training: Training, body_models: Path, stores: dict[str, Path], say: Say) -> bool:
    """Train (or resume), test and write the result, unless it is there or another process is at it.

    Returns:
        Whether it trained or tested.

    Raises:
        NonFiniteLossError: A loss term or a weight became infinite or NaN.
    """
    training.folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = lock_folder(training.folder)
    except BlockingIOError:
        say('another process trains it')
        return False
    try:
        if (training.folder / RESULT).is_file():
            say('another process has finished it')
            return False
        _train_and_test(training, body_models, stores, say)
        remove_checkpoints(training.folder)
        return True
    finally:
        if lock is not None:
            unlock(lock)


def _train_and_test(training: Training, body_models: Path, stores: dict[str, Path], say: Say) -> None:
    folder, iterations = training.folder, training.iterations
    cfg = experiment_config(training.cfg, folder, body_models, stores, iterations, training.seed)
    cfg.experiment_name = f'{training.name}_seed_{training.seed}'  # distinguishes the logs of runs in one process
    without_selection(cfg, validated=training.name in WITH_CURVE)
    write_settings(folder, training.settings)
    say(f'{"goes on" if last_checkpoint(folder) else "training"}, {iterations} iterations')
    train(cfg, resume=True, hooks=[ProgressHook(say, max(1, iterations // 5))])
    model = init_model(model_config(cfg), best_checkpoint(folder), body_model_dir=body_models)
    dataset = TrackDataset(str(stores['test']))
    device = next(model.parameters()).device
    scores = score(dataset, body_models, model.predict_track, device)
    untrained = {}
    if training.name == BASE:
        # With the weights that are there now: checkpoints are removed.
        for latency, early in itertools.product(LATENCIES, EARLY):
            predictor = LatencyPredictor(model.head, latency, early)
            untrained[f'latency {latency}, {early}'] = score(dataset, body_models, predictor.predict_track, device)
    steps, errors = read_scalars(folder)['PA-MPJPE']
    curve = [steps.tolist(), errors.tolist()]
    write_result(folder / RESULT, scores, config=training.name, unit='mm', untrained=untrained, curve=curve)
    say(', '.join(f'{metric} {scores[metric]:.1f}' for metric in METRICS))


def without_selection(cfg: Config, validated: bool) -> None:
    """Make a config take its last checkpoint, whatever the validations say; and not validate at all if not wanted."""
    if not validated:
        cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    for key in ('save_best', 'rule'):
        cfg.default_hooks.checkpoint.pop(key, None)


def read_training(training: Training) -> Result | None:
    """The result of a finished training; None if it is not finished.

    Raises:
        InputError: The result is damaged.
    """
    path = training.folder / RESULT
    if not path.is_file():
        return None
    content = read_json(path)
    scores = check_scores(path, content.get('metrics'))
    try:
        untrained = dict(content['untrained'].items())
        steps, errors = content['curve']
        curve = ([float(step) for step in steps], [float(error) for error in errors])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise damaged(path, 'no untrained and curve') from None
    return Result(scores, {latency: check_scores(path, found) for latency, found in untrained.items()}, curve)


def remove_checkpoints(folder: Path) -> None:
    """Remove the checkpoints: those of all trainings would take gigabytes for weights that nobody uses."""
    for path in (*folder.glob('*.pth'), folder / POINTER):
        path.unlink(missing_ok=True)
