"""The track stores that a config trains and tests on."""

from collections.abc import Sequence
from pathlib import Path

from mmengine import Config

from glot_plugin.converters.database_specs import DATABASES
from glot_plugin.datasets.store_schema import FRAME_COLUMNS, row_shape
from glot_plugin.datasets.track_store import TrackStore
from glot_plugin.datasets.window_dataset import store_entries, window_table
from glot_plugin.errors import InputError
from glot_plugin.evaluation.body_metric import TARGET_JOINTS
from glot_plugin.preflight.requirements import Requirement

KEYPOINTS_2D = ('keypoints2d', 'bbox')
SMPL = ('smpl_pose', 'smpl_betas')
ALL_TARGETS = (*KEYPOINTS_2D, 'keypoints3d', *SMPL)
DATABASE_OF = {spec.name: spec for spec in DATABASES}
# Approximate number of frames in each database, to estimate the size of its store.
KNOWN_FRAMES = {'insta-variety': 2_000_000, '3dpw-test': 35_515}
DEFAULT_FEATURE_DIM = 2048


def is_ours(node: object, kind: str) -> bool:
    """Whether a config node is our part `kind`, with or without the scope's name."""
    return isinstance(node, dict) and str(node.get('type')) in (kind, f'glot.{kind}')


def frame_bytes(columns: Sequence[str], feature_dim: int = DEFAULT_FEATURE_DIM) -> int:
    """Bytes per frame in a store with these columns and the mandatory ones, in single precision."""
    sizes = {'float32': 4, 'int64': 8, 'bool': 1}
    total = 0
    for name in ('features', 'frame_id', 'valid', *columns):
        size = sizes[FRAME_COLUMNS[name][1][0]]
        for length in row_shape(name, feature_dim, 'spin49'):
            size *= length
        total += size
    return total


def feature_dim(cfg: Config) -> int | None:
    """The model's feature width, if the config gives it."""
    head = (cfg.get('model') or {}).get('head')
    return head.get('in_dim') if isinstance(head, dict) else None


def train_requirements(cfg: Config) -> list[Requirement]:
    """The training stores; those of the paper's databases must have their targets."""
    dataset = (cfg.get('train_dataloader') or {}).get('dataset')
    if not is_ours(dataset, 'WindowDataset'):
        return []
    requirements = [_train_requirement(entry, dataset, feature_dim(cfg)) for entry in store_entries(dataset['stores'])]
    return requirements or [
        Requirement('train', Path('-'), 'train_dataloader.dataset.stores is empty, expected at least one store')
    ]


def _train_requirement(entry: dict, dataset: dict, width: int | None) -> Requirement:
    path, use_smpl = Path(entry['path']), entry['use_smpl']
    columns, spec = [*KEYPOINTS_2D], DATABASE_OF.get(path.name)
    if spec is not None and spec.has_3d:
        columns.append('keypoints3d')
    if spec is not None and spec.has_smpl and use_smpl:
        columns += SMPL
    requirement = _store_requirement('train', path, columns, width)
    if requirement.store is None:
        return requirement
    if requirement.problem is None and requirement.store.keypoints3d_joints == 'h36m14':
        requirement.problem = f"{path}: 3D keypoints are 'h36m14', a test set's; training needs 'spin49'"
    _, tracks = window_table(requirement.store.track_offsets, dataset.get('num_frames', 16), dataset.get('stride', 16))
    has_3d = (requirement.store.track_has_keypoints3d | (requirement.store.track_has_smpl & use_smpl))[tracks]
    requirement.windows = int((~has_3d).sum()), int(has_3d.sum())
    return requirement


def track_requirements(cfg: Config, part: str) -> list[Requirement]:
    """Stores of the validation set (`part` is `val`), or of every test set (`test`)."""
    if part == 'test' and cfg.get('test_sets'):
        sets = {f'test {name}': (item.get('dataset'), item.get('evaluator')) for name, item in cfg.test_sets.items()}
    else:
        sets = {part: ((cfg.get(f'{part}_dataloader') or {}).get('dataset'), cfg.get(f'{part}_evaluator'))}
    requirements = []
    for use, (dataset, evaluator) in sets.items():
        if not is_ours(dataset, 'TrackDataset'):
            continue
        evaluators = evaluator if isinstance(evaluator, list | tuple) else [evaluator]
        metrics = [metric for metric in evaluators if is_ours(metric, 'BodyMetric')]
        stores = dataset['stores']
        for path in [stores] if isinstance(stores, str | Path) else stores:
            requirement = _store_requirement(use, Path(path), (), feature_dim(cfg))
            for metric in metrics if requirement.store is not None else ():
                requirement.problem = requirement.problem or _unscorable(requirement.store, metric)
            requirements.append(requirement)
    return requirements


def _unscorable(store: TrackStore, metric: dict) -> str | None:
    """Why a `BodyMetric` cannot score a store, or None."""
    joint_set = metric.get('joint_set', 'h36m14')
    has_smpl = bool(store.track_has_smpl.any())
    has_joints = bool(store.track_has_keypoints3d.any()) and (store.keypoints3d_joints, joint_set) in TARGET_JOINTS
    if not has_smpl and not has_joints:
        return f'{store.path}: no 3D keypoints that give {joint_set}, and no SMPL parameters: nothing to score against'
    wants_pve = 'PVE' in [name.upper() for name in metric.get('metrics', ('PVE',))]
    # For other stores PVE is left out of the result, but these databases have the SMPL parameters it needs.
    if wants_pve and not has_smpl and store.path.name in DATABASE_OF and DATABASE_OF[store.path.name].has_smpl:
        return f'{store.path}: no SMPL parameters, which PVE needs; convert it again, or leave PVE out of metrics'
    return None


def _store_requirement(use: str, path: Path, columns: Sequence[str], width: int | None) -> Requirement:
    try:
        store = TrackStore(path)
    except InputError as error:
        expected = _expected_bytes(path.name, width)
        return Requirement(use, path, str(error), True, num_bytes=_folder_bytes(path), expected_bytes=expected)
    absent = [name for name in columns if name not in store.frame_columns]
    problem = None
    if absent:
        problem = f'{path}: no {", ".join(absent)}; found {", ".join(store.frame_columns)}'
    elif width is not None and store.feature_dim != width:
        problem = f'{path}: features are {store.feature_dim} wide, expected {width} (model.head.in_dim)'
    return Requirement(use, path, problem, True, store, num_bytes=_folder_bytes(path))


def _folder_bytes(path: Path) -> int | None:
    return sum(file.stat().st_size for file in path.iterdir() if file.is_file()) if path.is_dir() else None


def _expected_bytes(name: str, width: int | None) -> int | None:
    """Estimated size of the store of one of the paper's databases, if its length is known."""
    spec, frames = DATABASE_OF.get(name), KNOWN_FRAMES.get(name)
    if spec is None or frames is None:
        return None
    columns = (*KEYPOINTS_2D, *(('keypoints3d',) if spec.has_3d else ()), *(SMPL if spec.has_smpl else ()))
    return frames * frame_bytes(columns, width or DEFAULT_FEATURE_DIM)
