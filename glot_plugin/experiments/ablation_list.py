"""The ablations of the paper: their configs, and how they are trained on the synthetic dataset."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmengine import Config

from glot_plugin.config import SHIPPED_CONFIGS, load_config
from glot_plugin.config.options import apply_options
from glot_plugin.errors import InputError

CONFIGS = SHIPPED_CONFIGS / 'glot'
BASE = 'glot_3dpw'


@dataclass(frozen=True)
class Budget:
    """How each ablation is trained.

    Attributes:
        iterations: Training iterations per ablation, at least 1.
        batch_size: Clips per batch, at least 1.
        seed: Seed of the data and of the training.
        options: Keys to change in every config, as with `tools/train.py --cfg-options`.
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
    """The configs of the ablations by name: the full method first, then the others in alphabetical order.

    Args:
        configs: Folder of `glot_3dpw.py` and `ablations/`.
        only: Names to select; None: all.

    Raises:
        InputError: `configs` has no ablations, or `only` has an unknown name (the known ones are listed).
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
        raise InputError(f'{path}: no docstring; the table takes what the ablation changes from its first line')
    return docstring.splitlines()[0].rstrip('.')


def ablation_config(path: Path, budget: Budget, configs: Path = CONFIGS) -> Config:
    """An ablation's model with the data, schedule and runtime of `glot_synthetic.py`.

    The training windows are as long as the model's and do not overlap. SPIN's weights are not required.

    Raises:
        InputError: A config is wrong, or the budget's options change a part that the ablation has removed.
    """
    model = load_config(path).model.to_dict()
    cfg = load_config(configs / 'glot_synthetic.py')
    # Replaced, not merged: parts that the ablation has removed, such as the local branch, must not come back.
    cfg.model = {**model, 'init_from_spin': None}
    cfg.train_dataloader.batch_size = budget.batch_size
    try:
        apply_options(cfg, budget.options)
    except InputError as error:  # for example a key of the local branch, which the ablation has removed
        raise InputError(f'--cfg-options does not fit {path.stem} (--only selects others): {error}') from error
    num_frames = cfg.model.head.num_frames
    cfg.train_dataloader.dataset.update(num_frames=num_frames, stride=num_frames)
    cfg.experiment_name = path.stem  # distinguishes the logs of several runs in one process
    return cfg
