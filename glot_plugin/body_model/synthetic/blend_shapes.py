"""Blend shapes: ten smooth directions of body shape and the correctives that keep bent joints round."""

import numpy as np

from glot_plugin.body_model.synthetic.anatomy import PARENTS, rest_joints, to_model
from glot_plugin.body_model.synthetic.skinning import smooth_on_surface

SHAPE_NAMES = (
    'size',
    'girth',
    'leg length',
    'arm length',
    'shoulder width',
    'belly',
    'hip width',
    'head size',
    'upper-body muscle',
    'hands and feet',
)
_WIDE_STEPS = 40  # extra smoothing, beyond the skinning's, of the weights for shape directions

_SPINE, _NECK_HEAD = (0, 3, 6, 9), (12, 15)
_LEGS, _THIGHS, _FEET = (1, 2, 4, 5), (1, 2), (7, 8, 10, 11)
_COLLARS, _UPPER_ARMS, _FOREARMS, _HANDS = (13, 14), (16, 17), (18, 19), (20, 21, 22, 23)
_ARMS = _UPPER_ARMS + _FOREARMS

# Direction: how much each bone's flesh grows along x, y, z, for one unit; whatever is attached to a bone moves with it.
_GROWTH: dict[str, tuple[tuple[tuple[int, ...], tuple[float, float, float]], ...]] = {
    'size': ((tuple(range(24)), (0.025, 0.025, 0.025)),),
    'girth': (
        (_SPINE, (0.055, 0.0, 0.085)),
        (_LEGS, (0.070, 0.0, 0.070)),
        (_COLLARS + _NECK_HEAD[:1], (0.03, 0.03, 0.05)),
        (_ARMS, (0.0, 0.070, 0.070)),
        (_NECK_HEAD[1:], (0.02, 0.0, 0.01)),
    ),
    'leg length': ((_LEGS, (0.0, 0.025, 0.0)), (_SPINE, (0.0, -0.008, 0.0))),
    'arm length': ((_ARMS, (0.025, 0.0, 0.0)), (_HANDS, (0.01, 0.0, 0.0))),
    'shoulder width': ((_COLLARS, (0.07, 0.0, 0.0)), ((9,), (0.03, 0.0, 0.0))),
    'belly': (((3, 6), (0.02, 0.0, 0.02)),),
    'hip width': (((0,), (0.05, 0.0, 0.03)), (_THIGHS, (0.035, 0.0, 0.03))),
    'head size': ((_NECK_HEAD[1:], (0.030, 0.030, 0.030)),),
    'upper-body muscle': (
        ((9,), (0.02, 0.0, 0.05)),
        (_UPPER_ARMS, (0.0, 0.06, 0.06)),
        (_COLLARS, (0.02, 0.04, 0.04)),
        (_NECK_HEAD[:1], (0.04, 0.0, 0.04)),
    ),
    'hands and feet': ((_HANDS, (0.04, 0.04, 0.04)), (_FEET, (0.02, 0.0, 0.04))),
}
_BELLY_CENTRE, _BELLY_WIDTH, _BELLY_HEIGHT = (0.0, 1.060, 0.095), 0.085, 0.013  # metres; one unit's bulge

_ROUNDING = 0.0022  # metres outwards for one unit of 1 - cos, twice over
_FLEXING = 0.0035  # metres, flexed side outwards and stretched side inwards, for one unit of sin


def _grow(vertices: np.ndarray, weights: np.ndarray, growth: np.ndarray) -> np.ndarray:
    """Displacements (V, 3) when the flesh of bone b is stretched by growth[b] (24, 3) about its joint."""
    joints = rest_joints()
    moved = np.zeros((24, 3))
    for joint in range(1, 24):
        parent = PARENTS[joint]
        moved[joint] = moved[parent] + growth[parent] * (joints[joint] - joints[parent])
    per_bone = moved + growth * (vertices[:, None] - joints)  # (V, 24, 3)
    return np.einsum('vb,vbc->vc', weights, per_bone)


def shape_directions(vertices: np.ndarray, faces: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Shape blend shapes (V, 3, 10), metres per unit, in the order of `SHAPE_NAMES`."""
    wide = smooth_on_surface(weights, faces, _WIDE_STEPS)
    directions = []
    for name in SHAPE_NAMES:
        growth = np.zeros((24, 3))
        for bones, amounts in _GROWTH[name]:
            growth[list(bones)] += amounts
        displacement = _grow(vertices, wide, growth)
        if name == 'belly':
            offset = vertices - to_model(np.array(_BELLY_CENTRE))
            bulge = np.exp(-0.5 * (offset**2).sum(-1) / _BELLY_WIDTH**2)
            displacement = displacement + _BELLY_HEIGHT * bulge[:, None] * np.array([0.0, -0.1, 1.0])
        directions.append(displacement)
    return np.stack(directions, axis=-1)


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals (V, 3)."""
    corners = vertices[faces]
    areas = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(vertices)
    np.add.at(normals, faces, areas[:, None])
    return normals / np.linalg.norm(normals, axis=-1, keepdims=True)


def pose_directions(vertices: np.ndarray, faces: np.ndarray, weights: np.ndarray, seed: int) -> np.ndarray:
    """Pose blend shapes (V, 3, 207): for joints 1 to 23 the nine entries, row by row, of their rotation minus identity.

    Around a bent joint the skin moves out by `1 - cos`, to make up for the volume that linear blending loses, and by
    `sin` outwards on the flexed side and inwards on the stretched one. `seed` varies both by up to a fifth, joint by
    joint.
    """
    joints = rest_joints()
    normals = smooth_on_surface(vertex_normals(vertices, faces), faces, 4)
    strength = 1 + 0.2 * np.random.RandomState(seed).uniform(-1, 1, (24, 2))
    directions = np.zeros((len(vertices), 3, 23, 3, 3))
    for joint in range(1, 24):
        near = smooth_on_surface(4 * weights[:, joint] * weights[:, PARENTS[joint]], faces, 2)[:, None]
        rounding = -_ROUNDING * strength[joint, 0] * near * normals
        bone = joints[joint] - joints[PARENTS[joint]]
        bone = bone / np.linalg.norm(bone)
        for axis in range(3):
            directions[:, :, joint - 1, axis, axis] = rounding
            flexed_side = normals @ np.cross(np.eye(3)[axis], bone)
            flexing = _FLEXING * strength[joint, 1] * near * flexed_side[:, None] * normals
            row, column = (axis + 2) % 3, (axis + 1) % 3  # the entry that holds +sin of a rotation about `axis`
            directions[:, :, joint - 1, row, column] = 0.5 * flexing
            directions[:, :, joint - 1, column, row] = -0.5 * flexing
    return directions.reshape(len(vertices), 3, 207)
