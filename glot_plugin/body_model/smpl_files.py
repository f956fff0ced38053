"""Loading SMPL's files: the model, the joint regressors and the mean parameters.

The official pickles load without chumpy, and no pickle can run code (`glot_plugin.io.safe_pickle`). A plain `.npz` with
the same keys is read too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.io.messages import brief
from glot_plugin.io.npy_file import NpyFile
from glot_plugin.io.npz_file import NpzFile
from glot_plugin.io.safe_pickle import load_pickled_arrays

NUM_JOINTS = 24
NUM_BETAS = 10
NUM_VERTICES = 6890
GENDERS = ('neutral', 'male', 'female')
MEAN_PARAMS_FILE = 'smpl_mean_params.npz'
JOINT_REGRESSOR_FILES = ('J_regressor_extra.npy', 'J_regressor_h36m.npy')

_MISSING = 'put the body-model files there, or name their folder (--body-models DIR, body_model_dir)'
_MODEL_SHAPES = {
    'v_template': (NUM_VERTICES, 3),
    'shapedirs': (NUM_VERTICES, 3, None),
    'posedirs': (NUM_VERTICES, 3, 207),
    'J_regressor': (NUM_JOINTS, NUM_VERTICES),
    'weights': (NUM_VERTICES, NUM_JOINTS),
    'kintree_table': (2, NUM_JOINTS),
    'f': (None, 3),
}


@dataclass
class SMPLArrays:
    """The arrays of one SMPL file: V vertices, 24 joints, 10 shape components; metres."""

    v_template: np.ndarray  # (V, 3)
    shapedirs: np.ndarray  # (V, 3, 10)
    posedirs: np.ndarray  # (V, 3, 207)
    joint_regressor: np.ndarray  # (24, V)
    weights: np.ndarray  # (V, 24)
    parents: np.ndarray  # (24,), -1 for the root
    faces: np.ndarray  # (F, 3)


@dataclass
class MeanParams:
    """SMPL's mean parameters: `pose6d` (144,), `betas` (10,), `camera` (3,)."""

    pose6d: np.ndarray
    betas: np.ndarray
    camera: np.ndarray


def smpl_file(model_dir: str | Path, gender: str = 'neutral') -> Path:
    """The model file of a gender in `model_dir`, or in its subfolder `smpl` (mmhuman3d's layout).

    `SMPL_NEUTRAL.pkl`, or `.npz` where there is no pickle.
    """
    found = _find_smpl_file(model_dir, gender)
    if found is None:
        name = f'SMPL_{gender.upper()}'
        raise InputError(
            f'{model_dir}: no {name}.pkl (nor {name}.npz); put the SMPL files there, or name their folder '
            '(--body-models DIR, body_model_dir)'
        )
    return found


def has_smpl_files(model_dir: str | Path, gender: str = 'neutral') -> bool:
    """Whether `model_dir` has all the files that an `SMPLBody` of this gender loads; their contents are not checked."""
    regressors = all((Path(model_dir) / name).is_file() for name in JOINT_REGRESSOR_FILES)
    return _find_smpl_file(model_dir, gender) is not None and regressors


def _find_smpl_file(model_dir: str | Path, gender: str) -> Path | None:
    if gender not in GENDERS:
        raise InputError(f'gender {gender!r}: expected one of {", ".join(GENDERS)}')
    folders = (Path(model_dir), Path(model_dir) / 'smpl')
    files = (folder / f'SMPL_{gender.upper()}{suffix}' for folder in folders for suffix in ('.pkl', '.npz'))
    return next((file for file in files if file.is_file()), None)


def load_smpl(path: str | Path) -> SMPLArrays:
    """Load one SMPL model file (`.pkl` or `.npz`).

    Raises:
        InputError: The file is missing or unreadable, or an array is missing or has a wrong shape or impossible values.
    """
    path = Path(path)
    raw = _load_npz(path, _MODEL_SHAPES, 'an SMPL model') if path.suffix == '.npz' else load_pickled_arrays(path)
    if not isinstance(raw, dict):
        raise InputError(f'{path}: expected a dict of arrays, found {type(raw).__name__}')
    _check_keys(path, _MODEL_SHAPES, raw, 'an SMPL model')
    arrays = {key: _checked(raw[key], key, shape, path) for key, shape in _MODEL_SHAPES.items()}
    if arrays['shapedirs'].shape[2] < NUM_BETAS:
        raise InputError(f'{path}: {arrays["shapedirs"].shape[2]} shape components in shapedirs, expected {NUM_BETAS}')
    parents = arrays['kintree_table'][0].astype(np.int64)
    parents[0] = -1  # written as 2**32 - 1
    _check_indices(path, parents, arrays['f'])
    return SMPLArrays(
        v_template=arrays['v_template'].astype(np.float64),
        shapedirs=arrays['shapedirs'][..., :NUM_BETAS].astype(np.float64),
        posedirs=arrays['posedirs'].astype(np.float64),
        joint_regressor=arrays['J_regressor'].astype(np.float64),
        weights=arrays['weights'].astype(np.float64),
        parents=parents,
        faces=arrays['f'].astype(np.int64),
    )


def _check_indices(path: Path, parents: np.ndarray, faces: np.ndarray) -> None:
    for joint, parent in enumerate(parents[1:].tolist(), start=1):
        if not 0 <= parent < joint:
            raise InputError(
                f'{path}: kintree_table: the parent of joint {joint} is {parent}, expected a joint before it'
            )
    if faces.size and not 0 <= faces.min() <= faces.max() < NUM_VERTICES:
        raise InputError(f'{path}: f names vertices {faces.min()} to {faces.max()}, expected 0 to {NUM_VERTICES - 1}')


def load_joint_regressor(path: str | Path, rows: int) -> np.ndarray:
    """Load a joint regressor (`J_regressor_extra.npy`, 9 rows; `J_regressor_h36m.npy`, 17) as (rows, V) float64."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f'{path}: no such file; {_MISSING}')
    return _checked(NpyFile.open(path).load(), path.name, (rows, NUM_VERTICES), path).astype(np.float64)


def load_mean_params(source: str | Path) -> MeanParams:
    """Load the mean parameters from an `.npz` (`pose` 144 as 6D, `shape` 10, `cam` 3) or a folder that holds it."""
    path = Path(source)
    path = path / MEAN_PARAMS_FILE if path.is_dir() else path
    shapes = {'pose': (NUM_JOINTS * 6,), 'shape': (NUM_BETAS,), 'cam': (3,)}
    raw = _load_npz(path, shapes, "SMPL's mean parameters")
    arrays = {key: _checked(np.ravel(raw[key]), key, shape, path) for key, shape in shapes.items()}
    with np.errstate(over='ignore'):  # an overflow becomes infinite, which is refused
        pose, betas, camera = (_checked(arrays[key].astype(np.float32), key, shapes[key], path) for key in shapes)
    return MeanParams(pose6d=pose, betas=betas, camera=camera)


def _load_npz(path: Path, keys: Iterable[str], kind: str) -> dict[str, np.ndarray]:
    """The arrays named by `keys`; the file's other arrays are not read."""
    if not path.is_file():
        raise InputError(f'{path}: no such file; {_MISSING}')
    with NpzFile(path) as file:
        _check_keys(path, keys, file.keys, kind)
        return {key: file.read(key) for key in keys}


def _check_keys(path: Path, needed: Iterable[str], found: Iterable, kind: str) -> None:
    missing = [key for key in needed if key not in found]
    if missing:
        raise InputError(
            f'{path}: not {kind}: no {", ".join(missing)}; found {", ".join(sorted(map(str, found)))[:400]}'
        )


def _checked(array: object, key: str, shape: tuple[int | None, ...], path: Path) -> np.ndarray:
    if not isinstance(array, np.ndarray):
        raise InputError(f'{path}: {key} is {brief(array)}, expected an array')
    fits = len(array.shape) == len(shape) and all(
        want in (None, have) for have, want in zip(array.shape, shape, strict=True)
    )
    if not fits or array.dtype.kind not in 'fiu':
        expected = ' x '.join('any' if n is None else str(n) for n in shape)
        raise InputError(f'{path}: {key} is {array.dtype} {array.shape}, expected numbers, {expected}')
    if not np.isfinite(array).all():
        raise InputError(f'{path}: {key} has NaN or infinite values')
    return array
