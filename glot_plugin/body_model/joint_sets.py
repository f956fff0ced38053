"""All joint sets by name, the mappings between them, and the joints they are centred at."""

from torch import Tensor

# SMPL's kinematic tree: the parent of each of the 24 joints, -1 for the root.
SMPL_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)  # fmt: skip
SMPL24_NAMES = (
    'pelvis', 'left_hip', 'right_hip', 'spine_1', 'left_knee', 'right_knee', 'spine_2', 'left_ankle', 'right_ankle',
    'spine_3', 'left_foot', 'right_foot', 'neck', 'left_collar', 'right_collar', 'head', 'left_shoulder',
    'right_shoulder', 'left_elbow', 'right_elbow', 'left_wrist', 'right_wrist', 'left_hand', 'right_hand',
)  # fmt: skip

# The 49 joints of SPIN, named as in mmhuman3d (its convention `smpl_49`): 25 OpenPose joints, then 24 whose first 14
# are the LSP joints.
SPIN49_NAMES = (
    'nose_openpose', 'neck_openpose', 'right_shoulder_openpose', 'right_elbow_openpose', 'right_wrist_openpose',
    'left_shoulder_openpose', 'left_elbow_openpose', 'left_wrist_openpose', 'pelvis_openpose', 'right_hip_openpose',
    'right_knee_openpose', 'right_ankle_openpose', 'left_hip_openpose', 'left_knee_openpose', 'left_ankle_openpose',
    'right_eye_openpose', 'left_eye_openpose', 'right_ear_openpose', 'left_ear_openpose', 'left_bigtoe_openpose',
    'left_smalltoe_openpose', 'left_heel_openpose', 'right_bigtoe_openpose', 'right_smalltoe_openpose',
    'right_heel_openpose',
    'right_ankle', 'right_knee', 'right_hip_extra', 'left_hip_extra', 'left_knee', 'left_ankle', 'right_wrist',
    'right_elbow', 'right_shoulder', 'left_shoulder', 'left_elbow', 'left_wrist', 'neck_extra', 'headtop',
    'pelvis_extra', 'thorax_extra', 'spine_extra', 'jaw_extra', 'head_extra', 'nose', 'left_eye', 'right_eye',
    'left_ear', 'right_ear',
)  # fmt: skip

# The 54 joints that SMPL's files give are its 24 kinematic joints, 21 vertices picked from the surface (`PICKED21`)
# and the 9 rows of J_regressor_extra.npy; the 49 are selected from them by these indices.
SPIN49_OF_54 = (
    24, 12, 17, 19, 21, 16, 18, 20, 0, 2, 5, 8, 1, 4, 7, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34,
    8, 5, 45, 46, 4, 7, 21, 19, 17, 16, 18, 20, 47, 48, 49, 50, 51, 52, 53, 24, 26, 25, 28, 27,
)  # fmt: skip

# The surface points among the 54, in order, as smplx names them (`smplx.vertex_ids`).
PICKED21 = (
    'nose', 'reye', 'leye', 'rear', 'lear',
    'LBigToe', 'LSmallToe', 'LHeel', 'RBigToe', 'RSmallToe', 'RHeel',
    'lthumb', 'lindex', 'lmiddle', 'lring', 'lpinky', 'rthumb', 'rindex', 'rmiddle', 'rring', 'rpinky',
)  # fmt: skip

LSP14_NAMES = SPIN49_NAMES[25:39]
# The LSP joints among the 49.
LSP14 = tuple(range(25, 39))
# Right and left hip among the 14 LSP joints; their midpoint is the root of the paper's losses and metrics.
LSP14_HIPS = (2, 3)

# Rows of J_regressor_h36m.npy, Human3.6M's order.
H36M17_NAMES = (
    'pelvis_extra', 'left_hip_extra', 'left_knee', 'left_ankle', 'right_hip_extra', 'right_knee', 'right_ankle',
    'spine_extra', 'neck_extra', 'head_extra', 'headtop', 'left_shoulder', 'left_elbow', 'left_wrist',
    'right_shoulder', 'right_elbow', 'right_wrist',
)  # fmt: skip
# The same 17 by name among the 49.
H36M17_OF_SPIN49 = tuple(SPIN49_NAMES.index(name) for name in H36M17_NAMES)
# The 14 evaluation joints of the paper among those 17, in LSP order.
H36M14 = (6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10)

# MPI-INF-3DHP's 17 test joints, in its order, picked by name from the 49.
MPI17_NAMES = (
    'headtop', 'neck_extra', 'right_shoulder', 'right_elbow', 'right_wrist', 'left_shoulder', 'left_elbow',
    'left_wrist', 'right_hip_extra', 'right_knee', 'right_ankle', 'left_hip_extra', 'left_knee', 'left_ankle',
    'pelvis_extra', 'spine_extra', 'head_extra',
)  # fmt: skip
MPI17 = tuple(SPIN49_NAMES.index(name) for name in MPI17_NAMES)
# The pelvis, MPI-INF-3DHP's root (joint -3 of 17).
MPI17_ROOT = (14,)

# Bones drawn between the 14 LSP joints.
LSP14_BONES = (
    (0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (6, 7), (7, 8), (8, 12), (12, 9), (9, 10), (10, 11), (12, 13),
    (2, 8), (3, 9),
)  # fmt: skip


def take_joints(points: Tensor, joints: tuple[int, ...]) -> Tensor:
    """The joints (..., len(joints), 3) of points (..., J, 3); a view if they are consecutive."""
    if joints == tuple(range(joints[0], joints[-1] + 1)):
        return points[..., joints[0] : joints[-1] + 1, :]
    return points[..., list(joints), :]


def center_at(points: Tensor, joints: Tensor, root: tuple[int, ...]) -> Tensor:
    """Points (..., P, 3) relative to the midpoint of the joints `root` of (..., J, 3)."""
    return points - take_joints(joints, tuple(root)).mean(dim=-2, keepdim=True)
