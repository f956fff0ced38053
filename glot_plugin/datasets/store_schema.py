"""What a track store holds: its columns, their shapes, types and conventions, and the checks of `store.json`."""

from collections.abc import Collection
from pathlib import Path

from glot_plugin.errors import InputError
from glot_plugin.io.json_file import read_json

SCHEMA_VERSION = 1
INDEX_FILE = 'store.json'
KEYPOINTS3D_JOINTS = {'spin49': 49, 'h36m14': 14}
CONVENTIONS = {
    'keypoints2d': 'x and y in pixels, confidence',
    'bbox': 'centre x, centre y, width, height in pixels',
    'keypoints3d': 'metres',
    'smpl_pose': '24 rotation vectors in radians, global orientation in the camera frame',
    'track_gender': 'm male, f female, n neutral, empty: not known',
    'valid': 'False: no loss in training, not scored in tests',
}

# Shape of one row ('C' is the feature width, 'J' the size of the 3D joint set) and the types a column may have.
FRAME_COLUMNS: dict[str, tuple[tuple[int | str, ...], tuple[str, ...]]] = {
    'features': (('C',), ('float32', 'float16')),
    'keypoints2d': ((49, 3), ('float32',)),
    'bbox': ((4,), ('float32',)),
    'keypoints3d': (('J', 3), ('float32',)),
    'smpl_pose': ((72,), ('float32',)),
    'smpl_betas': ((10,), ('float32',)),
    'frame_id': ((), ('int64',)),
    'valid': ((), ('bool',)),
}
MANDATORY_COLUMNS = ('features', 'frame_id', 'valid')
# Track columns that a store may have; `store.json` names those it has under `track_columns` (absent: none).
OPTIONAL_TRACK_COLUMNS = ('track_gender',)
GENDERS = ('m', 'f', 'n')  # male, female, neutral; '' in the column: not known
# A column on the left requires the one on the right.
COLUMN_NEEDS = (('keypoints2d', 'bbox'), ('smpl_pose', 'smpl_betas'), ('smpl_betas', 'smpl_pose'))
WRITE_AGAIN = 'write the store again'


def row_shape(column: str, feature_dim: int, keypoints3d_joints: str | None) -> tuple[int, ...]:
    """Shape of one row of a frame column, e.g. (49, 3) for `keypoints2d`."""
    sizes = {'C': feature_dim, 'J': KEYPOINTS3D_JOINTS.get(keypoints3d_joints or '', 0)}
    return tuple(sizes[size] if isinstance(size, str) else size for size in FRAME_COLUMNS[column][0])


def read_index(path: Path) -> dict:
    """`store.json` of a store, its keys checked."""
    index_path = path / INDEX_FILE
    if not path.is_dir():
        raise InputError(f'{path}: no such track store (a folder with {INDEX_FILE})')
    if not index_path.is_file():
        stores = sorted(folder.parent.name for folder in path.glob(f'*/{INDEX_FILE}'))
        if stores:
            raise InputError(f'{path}: a folder of track stores, expected one of them ({", ".join(stores)})')
        raise InputError(f'{index_path}: not found, so this is not a (complete) track store; {WRITE_AGAIN}')
    index = read_json(index_path, WRITE_AGAIN)
    version = index.get('schema_version') if isinstance(index, dict) else None
    if version != SCHEMA_VERSION:
        fix = 'update glot_plugin' if isinstance(version, int) and version > SCHEMA_VERSION else WRITE_AGAIN
        raise InputError(f'{index_path}: found schema version {version!r}, expected {SCHEMA_VERSION}; {fix}')
    _check_index(index_path, index)
    return index


def _check_index(path: Path, index: dict) -> None:
    """Types of the keys of `store.json`, and the columns it names."""
    types = {'num_frames': int, 'num_tracks': int, 'feature_dim': int, 'columns': dict, 'meta': dict, 'source': str}
    for key, type_ in types.items():
        value = index.get(key)
        if not isinstance(value, type_) or (type_ is int and value < 1):
            expected = 'a positive integer' if type_ is int else f'a {type_.__name__}'
            raise InputError(f'{path}: {key} is {value!r}, expected {expected}; {WRITE_AGAIN}')
    for name, declared in index['columns'].items():
        if name not in FRAME_COLUMNS:
            raise InputError(f'{path}: unknown column {name}, expected some of {", ".join(FRAME_COLUMNS)}')
        if not isinstance(declared, dict) or not isinstance(declared.get('shape'), list) or 'dtype' not in declared:
            raise InputError(f'{path}: column {name} is {declared!r}, expected its dtype and shape; {WRITE_AGAIN}')
    optional = index.setdefault('track_columns', [])
    if not isinstance(optional, list) or any(name not in OPTIONAL_TRACK_COLUMNS for name in optional):
        raise InputError(
            f'{path}: track_columns is {optional!r}, expected a list of some of {", ".join(OPTIONAL_TRACK_COLUMNS)}'
        )
    check_column_set(str(path), index['columns'], index.setdefault('keypoints3d_joints', None))


def check_column_set(where: str, columns: Collection[str], keypoints3d_joints: str | None) -> None:
    """Raise `InputError` unless every mandatory column is present, and with each column the one that it requires."""
    for name in MANDATORY_COLUMNS:
        if name not in columns:
            raise InputError(f'{where}: no column {name}, which every track store has; {WRITE_AGAIN}')
    for name, needed in COLUMN_NEEDS:
        if name in columns and needed not in columns:
            raise InputError(f'{where}: column {name} without {needed}; {WRITE_AGAIN} with both')
    joint_sets = tuple(KEYPOINTS3D_JOINTS)
    if keypoints3d_joints not in (joint_sets if 'keypoints3d' in columns else (*joint_sets, None)):
        raise InputError(
            f'{where}: keypoints3d_joints is {keypoints3d_joints!r}, expected one of {", ".join(joint_sets)}'
        )
