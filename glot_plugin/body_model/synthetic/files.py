"""Writing the synthetic body as the files that users of SMPL have."""

import io
import json
import pickle
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation
from smplx.vertex_ids import vertex_ids

from glot_plugin.body_model.synthetic import anatomy
from glot_plugin.body_model.synthetic.blend_shapes import pose_directions, shape_directions
from glot_plugin.body_model.synthetic.mesh import build_body_mesh
from glot_plugin.body_model.synthetic.regressors import joint_regressor
from glot_plugin.body_model.synthetic.skinning import skinning_weights
from glot_plugin.errors import InputError
from glot_plugin.io.files import write_bytes
from glot_plugin.io.json_file import read_json
from glot_plugin.io.messages import brief

MARKER = 'synthetic_body.json'
_VERSION = 1
GENDER_SHAPES = {  # shape coefficients that turn the neutral template into each file's own
    'NEUTRAL': (0.0,) * 10,
    'MALE': (0.8, 0.0, 0.4, 0.3, 1.0, 0.3, -0.6, 0.2, 0.9, 0.5),
    'FEMALE': (-0.8, 0.0, -0.2, -0.3, -1.0, -0.2, 0.9, -0.2, -0.6, -0.5),
}
FILES = (
    *(f'SMPL_{gender}.pkl' for gender in GENDER_SHAPES),
    'J_regressor_extra.npy',
    'J_regressor_h36m.npy',
    'smpl_mean_params.npz',
)
# Arms half lowered and elbows and knees a little bent, as relaxed people stand: joint -> rotation vector, degrees.
_RELAXED = {
    1: (-8, 0, 4),
    2: (-8, 0, -4),
    4: (14, 0, 0),
    5: (14, 0, 0),
    7: (-5, 0, 0),
    8: (-5, 0, 0),
    13: (0, -3, -8),
    14: (0, 3, 8),
    16: (8, -8, -48),
    17: (8, 8, 48),
    18: (0, -22, 0),
    19: (0, 22, 0),
}


def put_landmarks_in_place(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Renumbers the vertices so that the 21 picked as SMPL joints lie at nose, eyes, ears, toes, heels and fingers."""
    order = np.arange(len(vertices))
    for name, point in anatomy.landmarks().items():
        wanted = vertex_ids['smplh'][name]
        nearest = int(np.linalg.norm(vertices[order] - point, axis=-1).argmin())
        order[[wanted, nearest]] = order[[nearest, wanted]]
    new_of_old = np.empty_like(order)
    new_of_old[order] = np.arange(len(order))
    return vertices[order], new_of_old[faces]


def body_arrays(seed: int = 0) -> tuple[dict[str, dict], dict[str, np.ndarray]]:
    """Everything the files hold.

    Returns:
        The model of each gender under SMPL's keys, and the regressors `J_regressor_extra` (9, 6890) and
        `J_regressor_h36m` (17, 6890).
    """
    vertices, faces = put_landmarks_in_place(*build_body_mesh())
    weights = skinning_weights(vertices, faces)
    shapes = shape_directions(vertices, faces, weights)
    poses = pose_directions(vertices, faces, weights, seed)
    regressor = joint_regressor(vertices, anatomy.rest_joints())
    kintree = np.array([anatomy.PARENTS, range(24)], dtype=np.int64)
    models = {}
    for gender, betas in GENDER_SHAPES.items():
        template = vertices + shapes @ np.array(betas)
        models[gender] = {
            'v_template': template,
            'f': faces.astype(np.uint32),
            'shapedirs': shapes,
            'posedirs': poses.astype(np.float32),
            'J_regressor': regressor,
            'weights': weights,
            'kintree_table': kintree.astype(np.uint32),  # the root's parent -1 becomes 2**32 - 1
            'J': regressor @ template,
            'bs_style': 'lbs',
            'bs_type': 'lrotmin',
        }
    regressors = {
        'J_regressor_extra': joint_regressor(vertices, anatomy.extra_joints()),
        'J_regressor_h36m': joint_regressor(vertices, anatomy.h36m_joints()),
    }
    return models, regressors


def mean_parameters() -> dict[str, np.ndarray]:
    """The regressors' starting point: a relaxed person facing the camera, `pose` 144, `shape` 10, `cam` 3 (float32).

    The pose is 6D, the first two columns of each matrix, row by row; the root is turned by pi about x, since the
    camera looks along +z with y down.
    """
    rotvecs = np.zeros((24, 3))
    rotvecs[0, 0] = np.pi
    for joint, degrees in _RELAXED.items():
        rotvecs[joint] = np.radians(degrees)
    matrices = Rotation.from_rotvec(rotvecs).as_matrix()
    mean = {'pose': matrices[:, :, :2].reshape(144), 'shape': np.zeros(10), 'cam': np.array([0.9, 0.0, 0.0])}
    return {name: values.astype(np.float32) for name, values in mean.items()}


def _file_contents(seed: int) -> dict[str, bytes]:
    models, regressors = body_arrays(seed)
    contents = {f'SMPL_{gender}.pkl': pickle.dumps(model, protocol=2) for gender, model in models.items()}
    for name, regressor in regressors.items():
        contents[f'{name}.npy'] = _bytes_of(np.save, regressor)
    contents['smpl_mean_params.npz'] = _bytes_of(np.savez, **mean_parameters())
    return contents


def _bytes_of(save: Callable, *arrays: np.ndarray, **named: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    save(buffer, *arrays, **named)
    return buffer.getvalue()


def _read_marker(out_dir: Path) -> dict:
    """`synthetic_body.json`: version, seed, checksums of the files, and whether all are written; {} where absent."""
    if not (out_dir / MARKER).is_file():
        return {}
    marker = read_json(out_dir / MARKER, 'remove it or choose another folder')
    if not isinstance(marker, dict) or not isinstance(marker.get('files', {}), dict):
        raise InputError(f'{out_dir / MARKER}: found {brief(marker)}, expected an object; choose another folder')
    return marker


def _remove_own_files(out_dir: Path, marker: dict) -> None:
    """Removes an earlier synthetic body, but nothing if any of the files has another origin."""
    present = [out_dir / name for name in FILES if (out_dir / name).exists()]
    for path in present:
        if zlib.crc32(path.read_bytes()) != marker.get('files', {}).get(path.name):
            raise InputError(
                f'{path}: not written by the generator of the synthetic body, so it is not overwritten; '
                'choose another folder for the synthetic body'
            )
    for path in present:
        path.unlink()


def write_synthetic_body(out_dir: str | Path, seed: int = 0) -> Path:
    """Writes the synthetic body in SMPL's file format; a complete one of the same seed is kept as it is.

    Args:
        out_dir: Receives `SMPL_{NEUTRAL,MALE,FEMALE}.pkl`, `J_regressor_extra.npy`, `J_regressor_h36m.npy`,
            `smpl_mean_params.npz` and `synthetic_body.json`, which says that they are synthetic, and complete.
        seed: Varies the pose correctives.

    Returns:
        `out_dir` as a path.

    Raises:
        InputError: The folder holds body models from another source (they are never overwritten), or cannot be written.
    """
    out_dir = Path(out_dir)
    settings = {'version': _VERSION, 'seed': seed}
    try:
        marker = _read_marker(out_dir)
        if marker.get('settings') == settings and marker.get('complete') and all((out_dir / n).exists() for n in FILES):
            return out_dir
        out_dir.mkdir(parents=True, exist_ok=True)
        _remove_own_files(out_dir, marker)
        contents = _file_contents(seed)
        marker = {'settings': settings, 'files': {name: zlib.crc32(data) for name, data in contents.items()}}
        write_bytes(out_dir / MARKER, json.dumps(marker | {'complete': False}).encode())
        for name, content in contents.items():
            write_bytes(out_dir / name, content)
        write_bytes(out_dir / MARKER, json.dumps(marker | {'complete': True}).encode())
    except OSError as error:
        raise InputError(f'{out_dir}: the synthetic body cannot be written there ({error})') from error
    return out_dir
