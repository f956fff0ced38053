"""Body-model files and weights that a config names."""

from collections.abc import Callable, Sequence
from pathlib import Path

from mmengine import Config

from glot_plugin.body_model.smpl_files import (
    MEAN_PARAMS_FILE,
    load_joint_regressor,
    load_mean_params,
    load_smpl,
    smpl_file,
)
from glot_plugin.checkpoints.reading import read_checkpoint
from glot_plugin.checkpoints.spin import fit_spin, read_spin_regressor
from glot_plugin.config import FILE_KEYS, FRAMEWORK_SCOPE, config_nodes
from glot_plugin.errors import InputError
from glot_plugin.preflight.head import build_head
from glot_plugin.preflight.requirements import Requirement
from glot_plugin.preflight.stores import is_ours

CHECKPOINT = 'checkpoint'
Check = Callable[[Path], object]
# Joint regressors of an SMPLBody, with their rows.
REGRESSOR_ROWS = {'J_regressor_extra.npy': 9, 'J_regressor_h36m.npy': 17}


def file_requirements(cfg: Config, parts: Sequence[str], thorough: bool) -> list[Requirement]:
    """One requirement per file.

    Args:
        cfg: The config.
        parts: Of `train`, `val`, `test`, those whose evaluators count; `train` includes the initial weights.
        thorough: Also read all files.
    """
    model = cfg.get('model') or {}
    nodes = [model, *(cfg.get(f'{part}_evaluator') for part in parts)]
    if 'test' in parts:
        nodes += list((cfg.get('test_sets') or {}).values())
    wanted: dict[tuple[str, Path], Check | None] = {}
    for node in config_nodes(nodes):
        wanted |= _named_files(node)
    if 'train' in parts and is_ours(model, 'GLoTEstimator'):
        wanted |= _starting_point(model)
        if model.get('init_from_spin') is not None:
            wanted['weights', Path(model['init_from_spin'])] = _spin_check(cfg) if thorough else read_spin_regressor
    if cfg.get('load_from'):
        wanted[CHECKPOINT, Path(cfg.load_from)] = read_checkpoint
    return [_file_requirement(use, path, check, thorough) for (use, path), check in wanted.items()]


def _named_files(node: dict) -> dict[tuple[str, Path], Check | None]:
    """The files that a body model or a part of mmhuman3d reads when it is built."""
    if is_ours(node, 'SMPLBody'):
        folder, gender = Path(node.get('model_dir', 'data/body_models')), node.get('gender', 'neutral')
        files = {('body model', _body_file(folder, gender)): lambda _: load_smpl(smpl_file(folder, gender))}
        return files | {('body model', folder / name): _check_regressor for name in REGRESSOR_ROWS}
    if str(node.get('type')).startswith(FRAMEWORK_SCOPE):
        keys = (key for key in ('model_path', *FILE_KEYS) if node.get(key) is not None)
        return {('body model', Path(node[key])): None for key in keys}
    return {}


def _body_file(folder: Path, gender: str) -> Path:
    """The gender's file, or the path where its pickle should be."""
    try:
        return smpl_file(folder, gender)
    except InputError:
        return folder / f'SMPL_{gender.upper()}.pkl'


def _check_regressor(path: Path) -> object:
    return load_joint_regressor(path, REGRESSOR_ROWS[path.name])


def _starting_point(model: dict) -> dict[tuple[str, Path], Check | None]:
    """The mean parameters for training from scratch, which `GLoTEstimator.init_weights` reads."""
    files: dict[tuple[str, Path], Check | None] = {}
    source = model.get('mean_params')
    if source is None and model.get('body_model') is not None:
        source = model['body_model'].get('model_dir', 'data/body_models')
    if source is not None:
        path = Path(source)
        files['body model', path if path.suffix == '.npz' else path / MEAN_PARAMS_FILE] = load_mean_params
    return files


def _spin_check(cfg: Config) -> Check:
    """A check that reads SPIN's file and, if the model can be built, that it fits the model."""
    head = build_head(cfg)
    return read_spin_regressor if head is None else lambda path: fit_spin(head, path)


def _file_requirement(use: str, path: Path, check: Check | None, thorough: bool) -> Requirement:
    size = path.stat().st_size if path.is_file() else None
    if check is not None and (thorough or size is None):
        try:
            check(path)
        except InputError as error:
            return Requirement(use, path, _with_fix(use, str(error)), num_bytes=size)
    elif not path.exists():
        return Requirement(use, path, _with_fix(use, f'{path}: no such file or folder'))
    return Requirement(use, path, num_bytes=size)


def _with_fix(use: str, problem: str) -> str:
    if use in ('weights', CHECKPOINT) or '--body-models' in problem:
        return problem
    return f'{problem}; put the body-model files there, or name their folder (--body-models DIR)'
