"""What is compared on the hard data set: the configs, in their order, and how they are trained."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from mmengine import Config

from glot_plugin.config import SHIPPED_CONFIGS, load_config
from glot_plugin.config.options import apply_options
from glot_plugin.errors import InputError

CONFIGS = SHIPPED_CONFIGS / 'glot'
BASE = 'glot_3dpw'
HARD = 'hard/glot.py'  # GLoT on the hard data set: the data, schedule, runtime and widths of all
# In the table, and trained, in this order; the rest follows by name. The methods are complete configs of their own.
METHODS = ('single_frame', 'gru_hmr')
FIRST = (
    *METHODS, 'gmm_alone', BASE, 'residual_regressor', 'hscr_own_rotation', 'mask_ratio_0', 'without_velocity',
    'mask_ratio_0_25', 'mask_ratio_0_75', 'latency_4', 'latency_2', 'latency_0', 'without_detach',
)  # fmt: skip
NEED_MMHUMAN3D = ('gru_hmr',)


@dataclass(frozen=True)
class Budget:
    """How each config is trained.

    Attributes:
        iterations: Training iterations, at least 1; None: those of `hard/glot.py`.
        batch_size: Clips per batch, at least 1; None likewise.
        seeds: Seeds of the trainings; the data are the same for all.
        options: Keys to change in every config, as with `tools/train.py --cfg-options`.
    """

    iterations: int | None = None
    batch_size: int | None = None
    seeds: tuple[int, ...] = (0, 1, 2)
    options: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ('iterations', 'batch_size'):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f'--{name.replace("_", "-")} is {value}, expected at least 1')
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise InputError(f'--seeds {" ".join(map(str, self.seeds))}: expected one or more that differ')


def find_ablations(configs: Path = CONFIGS, only: Sequence[str] | None = None) -> dict[str, Path]:
    """The configs by name: other methods, the full one and the paper's ablations, and those of lower latency.

    Args:
        configs: Folder of `glot_3dpw.py`, `hard/`, `ablations/` and `live/`.
        only: Names to select; None: all (without those that need mmhuman3d, where it is not installed).

    Raises:
        InputError: `configs` has no ablations, or `only` has an unknown name (the known ones are listed).
    """
    others = sorted((configs / 'ablations').glob('*.py'))
    if not others or not (configs / f'{BASE}.py').is_file():
        raise InputError(f'{configs}: no {BASE}.py and ablations/*.py there')
    methods = [configs / 'hard' / f'{name}.py' for name in METHODS]
    paths = (*methods, configs / f'{BASE}.py', *others, *sorted((configs / 'live').glob('*.py')))
    found = {path.stem: path for path in paths}
    unknown = [name for name in only or () if name not in found]
    if unknown:
        raise InputError(f'--only {" ".join(unknown)}: no such ablation; there are {", ".join(found)}')
    if only is None:
        missing = NEED_MMHUMAN3D if find_spec('mmhuman3d') is None else ()
        only = [name for name in found if name not in missing]
    ordered = [*FIRST, *(name for name in found if name not in FIRST)]
    return {name: found[name] for name in ordered if name in only}


def what_changes(path: Path) -> str:
    """What an ablation changes: the first line of its config's docstring.

    Raises:
        InputError: The config has no docstring.
    """
    if path.stem == BASE:
        return 'GLoT, the full method'
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding='utf-8')))
    if not docstring:
        raise InputError(f'{path}: no docstring; the table takes what the ablation changes from its first line')
    return docstring.splitlines()[0].rstrip('.')


def ablation_config(path: Path, budget: Budget, configs: Path = CONFIGS) -> Config:
    """A config on the hard data set, with the schedule, runtime and widths of `hard/glot.py`.

    The training windows are as long as the model's. SPIN's weights are not required.

    Raises:
        InputError: A config is wrong, or the budget's options change a part that the ablation has removed.
    """
    cfg = load_config(configs / HARD)
    if path.stem in METHODS:
        cfg = load_config(path)
    else:
        wide, narrow = load_config(configs / f'{BASE}.py').model.to_dict(), cfg.model.to_dict()
        # Replaced, not merged: parts that the ablation has removed, such as the local branch, must not come back.
        cfg.model = {**narrowed(load_config(path).model.to_dict(), wide, narrow), 'init_from_spin': None}
    if budget.batch_size is not None:
        cfg.train_dataloader.batch_size = budget.batch_size
    try:
        apply_options(cfg, budget.options)
    except InputError as error:  # for example a key of the local branch, which the ablation has removed
        raise InputError(f'--cfg-options does not fit {path.stem} (--only selects others): {error}') from error
    cfg.train_dataloader.dataset.num_frames = cfg.model.head.num_frames
    return cfg


def narrowed(model: object, wide: object, narrow: object) -> object:
    """A model's config with the values in which `narrow` differs from `wide`, wherever it has those of `wide`."""
    if isinstance(model, dict) and isinstance(wide, dict) and isinstance(narrow, dict):
        return {key: narrowed(value, wide.get(key), narrow.get(key, value)) for key, value in model.items()}
    return narrow if model == wide else model
