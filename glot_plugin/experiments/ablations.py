"""Methods and ablations trained on the hard data set with several seeds, side by side if wanted, and their table."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from glot_plugin.datasets import TrackDataset
from glot_plugin.datasets.synthetic.hard_features import write_hard_dataset
from glot_plugin.errors import InputError, NonFiniteLossError
from glot_plugin.experiments.ablation_list import CONFIGS, Budget, ablation_config, find_ablations, what_changes
from glot_plugin.experiments.ablation_table import ablation_table, draw_curves
from glot_plugin.experiments.ablation_training import Scores, Training, read_training, remove_checkpoints, run_training
from glot_plugin.experiments.inputs import choose_body_models
from glot_plugin.experiments.progress import Say
from glot_plugin.experiments.scoring import score_mean_pose
from glot_plugin.experiments.settings import METRICS, RESULT, check_settings, data_settings, experiment_settings
from glot_plugin.experiments.side_by_side import run_side_by_side
from glot_plugin.io.files import atomic_write, writable_folder

FRAMES = {'train_frames': 60_000, 'val_frames': 500, 'test_frames': 2_000}
DATA_SEED = 0
TABLE, CURVES = 'table.md', 'curves.png'


def run_ablations(
    out: Path,
    body_models: Path,
    budget: Budget,
    only: Sequence[str] | None = None,
    configs: Path = CONFIGS,
    workers: int = 1,
    say: Say = print,
) -> str:
    """Train and test the configs with every seed (or resume them), with everything under `out`.

    A training that has a `result.json` is not repeated, one that was interrupted resumes from its checkpoint, and one
    that another process is at is left to it. The table is updated after each of them.

    Args:
        out: Folder for the data, each config and seed, and the table (`table.md`).
        body_models: Folder of the SMPL files; without them, a generated body is used.
        budget: How each config is trained.
        only: Names of configs; None: all.
        configs: Folder of `glot_3dpw.py`, `hard/`, `ablations/` and `live/`.
        workers: Trainings side by side, each in a process with one thread; 1: one after another, in this process.
        say: Receives the lines of progress, and the table.

    Returns:
        The table, in Markdown.

    Raises:
        InputError: A name is unknown, or `out` has one of these trainings with different settings.
        NonFiniteLossError: The loss of some trainings was not finite; raised after all the others are done.
    """
    if workers < 1:
        raise InputError(f'--workers is {workers}, expected at least 1')
    paths = find_ablations(configs, only)
    trainings = _prepare_all(out, budget, paths, configs)
    body_models = choose_body_models(body_models, out, say)
    stores = write_hard_dataset(out / 'data', body_models, **FRAMES, seed=DATA_SEED, progress=False)
    for training in trainings:
        training.settings['data'] = data_settings(stores)
        check_settings(training.folder, training.settings)
        read_training(training)  # a damaged result is found now, not after hours
    changes = {name: what_changes(path) for name, path in paths.items()}
    mean_pose = score_mean_pose(TrackDataset(str(stores['test'])), body_models)

    def tabulate() -> str:
        return _write_table(out, trainings, changes, mean_pose)

    failed = _run_all(trainings, body_models, stores, workers, say, tabulate)
    table = tabulate()
    say(f'\n{table}\n\ntable: {out / TABLE}')
    if failed:
        raise NonFiniteLossError('; '.join(failed))
    return table


def _prepare_all(out: Path, budget: Budget, paths: dict[str, Path], configs: Path) -> list[Training]:
    """Read all configs and compare them with the contents of `out`, before anything is created or trained."""
    writable_folder(out, '--out')
    trainings = []
    for name, path in paths.items():
        cfg = ablation_config(path, budget, configs)
        for seed in budget.seeds:
            settings = experiment_settings(cfg, budget.iterations or cfg.train_cfg.max_iters, seed)
            folder = out / name / f'seed_{seed}'
            check_settings(folder, settings)
            trainings.append(Training(name, seed, cfg, folder, settings))
    return trainings


def _run_all(
    trainings: Sequence[Training],
    body_models: Path,
    stores: dict[str, Path],
    workers: int,
    say: Say,
    tabulate: Callable[[], str],
) -> list[str]:
    """Run all trainings in their order; returns a message for each whose loss was not finite."""
    finished = [training for training in trainings if (training.folder / RESULT).is_file()]
    for training in finished:
        remove_checkpoints(training.folder)  # in case a run was killed before it did
    if finished:
        say(f'{len(finished)} of {len(trainings)} trainings finished before')
    to_do = [training for training in trainings if training not in finished]
    failed, ran, start = [], 0, time.monotonic()
    for number, (training, outcome) in enumerate(_outcomes(to_do, body_models, stores, workers, say), 1):
        if isinstance(outcome, NonFiniteLossError):
            failed.append(f'{training.name}, seed {training.seed}: {outcome}')
            say(failed[-1])
        elif isinstance(outcome, Exception):
            raise outcome
        tabulate()
        ran += outcome is not False
        seconds = (time.monotonic() - start) / max(1, ran) * (len(to_do) - number)
        say(
            f'{len(finished) + number} of {len(trainings)} trainings done, about {timedelta(seconds=int(seconds))} left'
        )
    return failed


def _outcomes(
    trainings: Sequence[Training], body_models: Path, stores: dict[str, Path], workers: int, say: Say
) -> Iterator[tuple[Training, bool | Exception]]:
    """Each training as it ends, with whether it ran, or its error."""
    calls = [(_run_labelled, (training, body_models, stores)) for training in trainings]
    if workers == 1:
        for training, (function, arguments) in zip(trainings, calls, strict=True):
            try:
                outcome = function(*arguments, say)
            except NonFiniteLossError as error:
                outcome = error
            yield training, outcome
        return
    for place, future in run_side_by_side(calls, workers, say):
        yield trainings[place], future.exception() or future.result()


def _run_labelled(training: Training, body_models: Path, stores: dict[str, Path], say: Say) -> bool:
    label = f'{training.name}, seed {training.seed}: '
    return run_training(training, body_models, stores, lambda line: say(label + line))


def _write_table(out: Path, trainings: Sequence[Training], changes: dict[str, str], mean_pose: Scores) -> str:
    """Write the table, and the picture of the curves, from the results that are there; returns the table."""
    results = {name: {} for name in changes}
    for training in trainings:
        result = read_training(training)
        if result is not None:
            results[training.name][training.seed] = result
    settings = trainings[0].settings
    about = (
        f'{settings["iterations"]} iterations of {settings["config"]["train_dataloader"]["batch_size"]} clips from '
        f'scratch, on {FRAMES["train_frames"]} frames of the hard data set; tested on {FRAMES["test_frames"]} others. '
        'Mean ± standard deviation of the seeds. Errors in mm, ACCEL in mm per frame²; the last column is the paper’s '
        f'{" / ".join(METRICS)} on 3DPW.'
    )
    table = ablation_table(results, changes, mean_pose, about)
    with atomic_write(out / TABLE) as file:
        file.write(table + '\n')
    draw_curves(results, out / CURVES)
    return table
