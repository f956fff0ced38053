"""The ablations of the paper, trained one after another on the synthetic dataset, and their table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine import Config

from glot_plugin.datasets import TrackDataset
from glot_plugin.datasets.synthetic import write_synthetic_dataset
from glot_plugin.engine.inference import init_model
from glot_plugin.engine.launch import train, write_result
from glot_plugin.engine.work_dir import POINTER, best_checkpoint, last_checkpoint
from glot_plugin.errors import NonFiniteLossError
from glot_plugin.experiments.ablation_list import CONFIGS, Budget, ablation_config, find_ablations, what_changes
from glot_plugin.experiments.inputs import choose_body_models, experiment_config, model_config
from glot_plugin.experiments.progress import ProgressHook, Say
from glot_plugin.experiments.scoring import score, score_mean_pose
from glot_plugin.experiments.settings import (
    METRICS,
    RESULT,
    check_scores,
    check_settings,
    data_settings,
    experiment_settings,
    read_json,
    write_settings,
)
from glot_plugin.io.files import atomic_write, writable_folder
from glot_plugin.reports.markdown import markdown_table

FRAMES = {'train_frames': 12_000, 'val_frames': 200, 'test_frames': 800}
TABLE = 'table.md'

Scores = dict[str, float]


@dataclass(frozen=True)
class _Ablation:
    """One ablation: its config, what it changes, its folder, and the settings that determine its result."""

    name: str
    change: str
    cfg: Config
    folder: Path
    settings: dict


def run_ablations(
    out: Path,
    body_models: Path,
    budget: Budget,
    only: Sequence[str] | None = None,
    configs: Path = CONFIGS,
    say: Say = print,
) -> str:
    """Train and test the ablations (or resume them), with everything under `out`.

    An ablation that has a `result.json` is not trained again; one that was interrupted resumes from its checkpoint.
    The table is updated after each ablation.

    Args:
        out: Folder for the data, each ablation, and the table (`table.md`).
        body_models: Folder of the SMPL files; without them, a generated body is used.
        budget: How each ablation is trained.
        only: Names of ablations; None: all.
        configs: Folder of `glot_3dpw.py`, `glot_synthetic.py` and `ablations/`.
        say: Receives the lines of progress, and the table.

    Returns:
        The table, in Markdown.

    Raises:
        InputError: A name is unknown, or `out` has one of these ablations with different settings.
        NonFiniteLossError: The loss of some ablations was not finite; raised after all the others are done.
    """
    ablations = _prepare_all(out, budget, find_ablations(configs, only), configs)
    body_models = choose_body_models(body_models, out, say)
    stores = write_synthetic_dataset(out / 'data', body_models, **FRAMES, seed=budget.seed, progress=False)
    for ablation in ablations:
        ablation.settings['data'] = data_settings(stores)
        check_settings(ablation.folder, ablation.settings)
    mean_pose = score_mean_pose(TrackDataset(str(stores['test'])), body_models)
    rows = {'mean pose': ('no model: the mean body in every frame', mean_pose)}
    failed: dict[str, str] = {}
    for number, ablation in enumerate(ablations, 1):
        label = f'[{number}/{len(ablations)}] {ablation.name}: '
        try:
            scores = _run_one(ablation, body_models, stores, budget, lambda line, label=label: say(label + line))
        except NonFiniteLossError as error:
            failed[ablation.name], scores = str(error), {}
            say(label + str(error))
        rows[ablation.name] = (ablation.change, scores)
        with atomic_write(out / TABLE) as file:
            file.write(ablation_table(rows, budget) + '\n')
    table = ablation_table(rows, budget)
    say(f'\n{table}\n\ntable: {out / TABLE}')
    if failed:
        raise NonFiniteLossError('; '.join(f'{name}: {message}' for name, message in failed.items()))
    return table


def _prepare_all(out: Path, budget: Budget, paths: dict[str, Path], configs: Path) -> list[_Ablation]:
    """Read all configs and compare them with the contents of `out`, before anything is created or trained."""
    writable_folder(out, '--out')
    ablations = []
    for name, path in paths.items():
        cfg = ablation_config(path, budget, configs)
        settings = experiment_settings(cfg, budget.iterations, budget.seed)
        check_settings(out / name, settings)
        ablations.append(_Ablation(name, what_changes(path), cfg, out / name, settings))
    return ablations


def _run_one(ablation: _Ablation, body_models: Path, stores: dict[str, Path], budget: Budget, say: Say) -> Scores:
    """Train (or resume), test and write the result; or read an existing result."""
    folder = ablation.folder
    if (folder / RESULT).is_file():
        say('finished before')
        scores = check_scores(folder / RESULT, read_json(folder / RESULT).get('metrics'))
        _remove_checkpoints(folder)  # in case a run was killed before it removed them
        return scores
    cfg = experiment_config(ablation.cfg, folder, body_models, stores, budget.iterations, budget.seed)
    without_validation(cfg)
    write_settings(folder, ablation.settings)
    say(f'{"goes on" if last_checkpoint(folder) else "training"}, {budget.iterations} iterations')
    train(cfg, resume=True, hooks=[ProgressHook(say, max(1, budget.iterations // 5))])
    model = init_model(model_config(cfg), best_checkpoint(folder), body_model_dir=body_models)
    scores = score(TrackDataset(str(stores['test'])), body_models, model.predict_track)
    write_result(folder / RESULT, scores, config=ablation.name, unit='mm')
    say(', '.join(f'{metric} {scores[metric]:.1f}' for metric in METRICS))
    _remove_checkpoints(folder)
    return scores


def _remove_checkpoints(folder: Path) -> None:
    """Remove the checkpoints: at 200 MB each, all ablations would take gigabytes for weights that nobody uses."""
    for path in (*folder.glob('*.pth'), folder / POINTER):
        path.unlink(missing_ok=True)


def without_validation(cfg: Config) -> None:
    """Make a config train without validation: with so few iterations there is no checkpoint to select."""
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    for key in ('save_best', 'rule'):
        cfg.default_hooks.checkpoint.pop(key, None)


def ablation_table(rows: dict[str, tuple[str, Scores]], budget: Budget) -> str:
    """The table in Markdown, below a line on how the ablations were trained and tested.

    Args:
        rows: By ablation, what it changes and its scores in mm; missing scores are shown as dashes.
        budget: How each ablation was trained.
    """
    about = (
        f'{budget.iterations} iterations of {budget.batch_size} clips from scratch, seed {budget.seed}, on '
        f'{FRAMES["train_frames"]} synthetic frames; tested on {FRAMES["test_frames"]} others. '
        'Errors in mm, ACCEL in mm per frame².'
    )
    cells = [
        [name, change, *(f'{scores[metric]:.1f}' if metric in scores else '–' for metric in METRICS)]
        for name, (change, scores) in rows.items()
    ]
    return f'{about}\n\n{markdown_table(["ablation", "what changes", *METRICS], cells, left=2)}'
