"""Keypoint conventions of the databases, mapped to the 49 joints of SPIN.

A convention is a tuple of joint names; each joint goes to the position of its name among the 49, and every other
position stays zero (confidence 0). Names are those of `SPIN49_NAMES`.
"""

import numpy as np

from glot_plugin.body_model.joint_sets import LSP14_NAMES, MPI17_NAMES, SPIN49_NAMES
from glot_plugin.errors import InputError

# PennAction: its head is the top of the head, its hips are LSP's.
PENN_ACTION13_NAMES = (
    'headtop', 'left_shoulder', 'right_shoulder', 'left_elbow', 'right_elbow', 'left_wrist', 'right_wrist',
    'left_hip_extra', 'right_hip_extra', 'left_knee', 'right_knee', 'left_ankle', 'right_ankle',
)  # fmt: skip
# InstaVariety: OpenPose's joints in another order, with the top of the head and without the pelvis.
INSTA_VARIETY25_NAMES = (
    'right_heel_openpose', 'right_knee_openpose', 'right_hip_openpose', 'left_hip_openpose', 'left_knee_openpose',
    'left_heel_openpose', 'right_wrist_openpose', 'right_elbow_openpose', 'right_shoulder_openpose',
    'left_shoulder_openpose', 'left_elbow_openpose', 'left_wrist_openpose', 'neck_openpose', 'headtop',
    'nose_openpose', 'left_eye_openpose', 'right_eye_openpose', 'left_ear_openpose', 'right_ear_openpose',
    'left_bigtoe_openpose', 'right_bigtoe_openpose', 'left_smalltoe_openpose', 'right_smalltoe_openpose',
    'left_ankle_openpose', 'right_ankle_openpose',
)  # fmt: skip
CONVENTIONS = {
    13: PENN_ACTION13_NAMES,
    14: LSP14_NAMES,
    17: MPI17_NAMES,
    25: INSTA_VARIETY25_NAMES,
    49: SPIN49_NAMES,
}


def spin49_places(num_joints: int, where: str) -> list[int]:
    """Where each joint of the convention with `num_joints` joints goes among the 49.

    Raises:
        InputError: no convention has that many joints; `where` names file and key.
    """
    if num_joints not in CONVENTIONS:
        known = ', '.join(map(str, CONVENTIONS))
        raise InputError(f'{where}: found {num_joints} joints, expected one of the known conventions: {known} joints')
    return [SPIN49_NAMES.index(name) for name in CONVENTIONS[num_joints]]


def as_spin49(joints: np.ndarray, where: str) -> np.ndarray:
    """Joints (n, J, D) of a known convention as (n, 49, D) float32, zeros for the joints that the convention lacks."""
    out = np.zeros((len(joints), len(SPIN49_NAMES), joints.shape[-1]), np.float32)
    out[:, spin49_places(joints.shape[1], where)] = joints
    return out
