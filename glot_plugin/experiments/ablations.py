"""The ablations of the paper, trained one after another on the embedded data set, and their table."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmengine import Config

from glot_plugin.apis import init_model
from glot_plugin.config import SHIPPED_CONFIGS, load_config
from glot_plugin.config.options import apply_options
from glot_plugin.datasets import TrackDataset
from glot_plugin.datasets.synthetic import write_synthetic_dataset
from glot_plugin.engine.launch import train, write_result
from glot_plugin.engine.work_folder import POINTER, best_checkpoint, last_checkpoint
from glot_plugin.errors import InputError, NonFiniteLossError
from glot_plugin.experiments.inputs import cfg_of_model, choose_body_models, demo_config
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

CONFIGS = SHIPPED_CONFIGS / 'glot'
BASE = 'glot_3dpw'
FRAMES = {'train_frames': 12_000, 'val_frames': 200, 'test_frames': 800}
MEAN_POSE = 'mean pose'
TABLE = 'table.md'

Scores = dict[str, float]


@dataclass(frozen=True)
class Budget:
    """How long, and on what, each ablation is trained.

    Attributes:
        iterations: Of each ablation, at least 1.
        batch_size: Clips, at least 1.
        seed: Of the data and of the training.
        options: Keys of every config to change, as `tools/train.py --cfg-options`.
    """

    iterations: int = 150
    batch_size: int = 32
    seed: int = 0
    options: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ('iterations', 'batch_size'):
            if getattr(self, name) < 1:
                raise InputError(f'--{name.replace("_", "-")} is {getattr(self, name)}, expected at least 1')


def find_ablations(configs: Path = CONFIGS, only: Sequence[str] | None = None) -> dict[str, Path]:
    """The configs of the ablation list by name: the full method first, the others by name.

    Args:
        configs: Folder of `glot_3dpw.py` and `ablations/`.
        only: Names to select; None: all.

    Raises:
        InputError: There are no ablations in `configs`, or `only` names others than there are (they are listed).
    """
    others = sorted((configs / 'ablations').glob('*.py'))
    if not others or not (configs / f'{BASE}.py').is_file():
        raise InputError(f'{configs}: no {BASE}.py and ablations/*.py there')
    found = {path.stem: path for path in (configs / f'{BASE}.py', *others)}
    unknown = [name for name in only or () if name not in found]
    if unknown:
        raise InputError(f'--only {" ".join(unknown)}: no such ablation; there are {", ".join(found)}')
    return {name: path for name, path in found.items() if only is None or name in only}


def what_changes(path: Path) -> str:
    """What an ablation changes: the first line of its config's docstring.

    Raises:
        InputError: The config has no docstring.
    """
    if path.stem == BASE:
        return 'nothing: the full method'
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding='utf-8')))
    if not docstring:
        raise InputError(f'{path}: no docstring; its first line says in the table what the ablation changes')
    return docstring.splitlines()[0].rstrip('.')


def ablation_config(path: Path, budget: Budget, configs: Path = CONFIGS) -> Config:
    """An ablation's model on the data, schedule and runtime of `glot_synthetic.py`.

    The training windows are as long as the model's, and do not overlap. SPIN's weights are not asked for.

    Raises:
        InputError: A config is wrong, or the budget's options change a part that the ablation has removed.
    """
    model = load_config(path).model.to_dict()
    cfg = load_config(configs / 'glot_synthetic.py')
    # Replaced, not merged: what the ablation has removed, as the local branch, must not come back.
    cfg.model = {**model, 'init_from_spin': None}
    cfg.train_dataloader.batch_size = budget.batch_size
    try:
        apply_options(cfg, budget.options)
    except InputError as error:  # such as a key of the local branch that the ablation has removed
        raise InputError(f'--cfg-options does not fit {path.stem} (--only selects others): {error}') from error
    num_frames = cfg.model.head.num_frames
    cfg.train_dataloader.dataset.update(num_frames=num_frames, stride=num_frames)
    cfg.experiment_name = path.stem  # logs of several runs in one process are told apart by it
    return cfg


@dataclass(frozen=True)
class _Ablation:
    """One entry of the list: its config, what it changes, its folder and all that its result follows from."""

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
    """Train and test the ablations (or go on with them); everything under `out`.

    An ablation that has its `result.json` is not trained again, one that was interrupted goes on from its checkpoint.
    The table is written after each of them.

    Args:
        out: Folder of the data, of each ablation, and of the table (`table.md`).
        body_models: Folder of the SMPL files; a generated body takes their place where there are none.
        budget: Of each ablation.
        only: Names of ablations; None: all.
        configs: Folder of `glot_3dpw.py`, `glot_synthetic.py` and `ablations/`.
        say: Takes the lines of progress, and the table.

    Returns:
        The table, in Markdown.

    Raises:
        InputError: An unknown name, or `out` has one of these ablations with other settings.
        NonFiniteLossError: The loss of some ablations was not finite; raised after all the others are done.
    """
    ablations = _prepare_all(out, budget, find_ablations(configs, only), configs)
    body_models = choose_body_models(body_models, out, say)
    stores = write_synthetic_dataset(out / 'data', body_models, **FRAMES, seed=budget.seed, progress=False)
    for ablation in ablations:
        ablation.settings['data'] = data_settings(stores)
        check_settings(ablation.folder, ablation.settings)
    rows = {MEAN_POSE: ('no model: the mean body in every frame', score_mean_pose(stores['test'], body_models))}
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
    """All configs, read and compared with what `out` holds before anything is made or trained."""
    writable_folder(out, '--out')
    ablations = []
    for name, path in paths.items():
        cfg = ablation_config(path, budget, configs)
        settings = experiment_settings(cfg, budget.iterations, budget.seed)
        check_settings(out / name, settings)
        ablations.append(_Ablation(name, what_changes(path), cfg, out / name, settings))
    return ablations


def _run_one(ablation: _Ablation, body_models: Path, stores: dict[str, Path], budget: Budget, say: Say) -> Scores:
    """Train (or go on), test, write the result; or read the one there is."""
    folder = ablation.folder
    if (folder / RESULT).is_file():
        say('finished before')
        scores = check_scores(folder / RESULT, read_json(folder / RESULT).get('metrics'))
        _remove_checkpoints(folder)  # of a run that was killed before it did
        return scores
    cfg = demo_config(ablation.cfg, folder, body_models, stores, budget.iterations, budget.seed)
    without_validation(cfg)
    write_settings(folder, ablation.settings)
    say(f'{"goes on" if last_checkpoint(folder) else "training"}, {budget.iterations} iterations')
    train(cfg, resume=True, hooks=[ProgressHook(say, max(1, budget.iterations // 5))])
    model = init_model(cfg_of_model(cfg), best_checkpoint(folder), body_model_dir=body_models)
    scores = score(TrackDataset(str(stores['test'])), body_models, model.predict_track)
    write_result(folder / RESULT, scores, config=ablation.name, unit='mm')
    say(', '.join(f'{metric} {scores[metric]:.1f}' for metric in METRICS))
    _remove_checkpoints(folder)
    return scores


def _remove_checkpoints(folder: Path) -> None:
    """200 MB each: the whole list would take gigabytes, for weights that nobody has a use for."""
    for path in (*folder.glob('*.pth'), folder / POINTER):
        path.unlink(missing_ok=True)


def without_validation(cfg: Config) -> None:
    """Let a config train to its end without a validation set: so few steps give nothing to select from."""
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    for key in ('save_best', 'rule'):
        cfg.default_hooks.checkpoint.pop(key, None)


def ablation_table(rows: dict[str, tuple[str, Scores]], budget: Budget) -> str:
    """The table in Markdown, and a line on what it was made with.

    Args:
        rows: By ablation, what it changes and its scores in mm; no scores: dashes.
        budget: Of each ablation.
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
