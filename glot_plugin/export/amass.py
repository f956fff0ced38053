"""AMASS's motion format: a person's poses as an npz, read by Blender's SMPL add-on and most motion code."""

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from glot_plugin.body_model import SMPLBody
from glot_plugin.export.motion import CAMERA_TO_Z_UP, evenly_timed, person_motion
from glot_plugin.io.files import atomic_write
from glot_plugin.video.result import PersonTrack, VideoResult

# AMASS's bodies are SMPL-H: SMPL's first 22 joints, then 15 for each hand; and 16 shape components.
_SHARED_JOINTS, _SMPLH_JOINTS, _SMPLH_BETAS = 22, 52, 16


def write_amass(result: VideoResult, track: PersonTrack, body: SMPLBody, path: str | Path) -> Path:
    """Write one person's motion in AMASS's format.

    | key | shape, type | what it is |
    |---|---|---|
    | `poses` | (F, 156) float64 | axis-angle of SMPL-H's 52 joints, radians; fingers are at rest |
    | `trans` | (F, 3) float64 | metres; added to SMPL's vertices, it gives the person's position |
    | `betas` | (16,) float64 | the person's mean shape: ten predicted numbers, the others are 0 |
    | `gender` | () text | neutral, male or female |
    | `mocap_framerate` | () float64 | frames per second |
    | `seen` | (F,) bool | frames that were predicted; in the others the pose is interpolated or held |

    The axes are AMASS's: z up, x to the camera's right, y away from it; the camera is at the origin. SMPL's joints
    `left_hand` and `right_hand` have no counterpart in SMPL-H and are left out.

    Raises:
        InputError: The file cannot be written, or the clip's times do not increase.
    """
    motion = evenly_timed(person_motion(track, body, CAMERA_TO_Z_UP), result)
    poses = np.zeros((len(motion.frame), _SMPLH_JOINTS, 3))
    shared = motion.rotmat[:, :_SHARED_JOINTS].reshape(-1, 3, 3)
    poses[:, :_SHARED_JOINTS] = Rotation.from_matrix(shared).as_rotvec().reshape(-1, _SHARED_JOINTS, 3)
    arrays = {
        'poses': poses.reshape(len(poses), -1),
        'trans': motion.pelvis - motion.rest_joints[0],
        'betas': np.pad(motion.betas.astype(np.float64), (0, _SMPLH_BETAS - len(motion.betas))),
        'gender': np.array(result.gender),
        'mocap_framerate': np.array(result.fps, np.float64),
        'seen': np.isin(motion.frame, track.frame),
    }
    with atomic_write(path, 'wb') as file:
        np.savez_compressed(file, **arrays)
    return Path(path)
