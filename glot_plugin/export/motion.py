"""One person's motion for animation formats: a body of constant shape, in the format's axes.

A result is in the camera's axes (x right, y down, z away) and has one shape per frame. Animation formats have one
skeleton per person, so its shape is the mean of the person's betas. A change of axes rotates only the root joint, since
all other rotations are relative to a parent.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial.transform import Rotation, Slerp

from glot_plugin.body_model import SMPLBody
from glot_plugin.errors import InputError
from glot_plugin.video.result import PersonTrack, VideoResult

# Rotations from the camera's axes.
CAMERA_TO_Y_UP = np.array([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]])  # by pi about x: glTF, BVH, OBJ, PLY
CAMERA_TO_Z_UP = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # by -pi / 2 about x: AMASS


@dataclass(frozen=True)
class Motion:
    """A person in N frames.

    Attributes:
        person: Identity.
        frame: (N,) frame numbers, increasing.
        rotmat: (N, 24, 3, 3), relative to the parent joint; the root's in the format's axes.
        pelvis: (N, 3), position of the root joint in metres, in the format's axes.
        betas: (10,), the person's mean shape.
        rest_joints: (24, 3), the joints of that shape in SMPL's rest pose, metres.
    """

    person: int
    frame: np.ndarray
    rotmat: np.ndarray
    pelvis: np.ndarray
    betas: np.ndarray
    rest_joints: np.ndarray


@torch.no_grad()
def person_motion(track: PersonTrack, body: SMPLBody, axes: np.ndarray) -> Motion:
    """The motion of a track with at least one frame.

    Args:
        track: One person of a result.
        body: The body whose joints are the skeleton.
        axes: (3, 3), from the camera's axes to the format's.
    """
    betas = np.mean(track.betas, axis=0)
    device = body.v_template.device
    rest_pose = torch.eye(3, device=device).expand(24, 3, 3)
    rest_joints = body.joints(rest_pose, torch.from_numpy(betas).to(device), 'smpl24').double().cpu().numpy()
    rotmat = np.array(track.rotmat, np.float64)
    rotmat[:, 0] = axes @ rotmat[:, 0]
    pelvis = (rest_joints[0] + track.translation) @ axes.T  # SMPL rotates the body about its root joint
    return Motion(track.person, track.frame, rotmat, pelvis, betas, rest_joints)


def evenly_timed(motion: Motion, result: VideoResult) -> Motion:
    """The motion at every 1 / fps seconds from the clip's first frame to its last, for formats with one frame time.

    Between two existing poses, rotations are interpolated along the shortest arc and the pelvis linearly. Before the
    person's first frame and after the last one the pose is held. If the clip's frame rate is constant, frames in which
    the person was seen are unchanged.
    """
    times = clip_times(result)
    known = times[motion.frame]
    wanted = np.clip(np.arange(result.num_frames) / result.fps, known[0], known[-1])
    if len(known) == 1:
        index = np.zeros(len(wanted), int)
        rotmat, pelvis = motion.rotmat[index], motion.pelvis[index]
    else:
        joints = (Slerp(known, Rotation.from_matrix(motion.rotmat[:, joint])) for joint in range(24))
        rotmat = np.stack([joint(wanted).as_matrix() for joint in joints], axis=1)
        pelvis = np.stack([np.interp(wanted, known, motion.pelvis[:, axis]) for axis in range(3)], axis=1)
    frame = np.arange(result.num_frames)
    return Motion(motion.person, frame, rotmat, pelvis, motion.betas, motion.rest_joints)


def clip_times(result: VideoResult) -> np.ndarray:
    """(F,) seconds of each frame from the first one.

    Raises:
        InputError: They do not increase, or the clip has no frame rate.
    """
    if not 0 < result.fps < np.inf:
        raise InputError(f'fps of {result.source} is {result.fps}, expected frames per second above 0')
    times = np.asarray(result.times, np.float64)
    if not (np.isfinite(times).all() and (np.diff(times) > 0).all()):
        raise InputError(f'times of {result.source}: expected finite seconds that rise from frame to frame')
    return times - times[:1]
