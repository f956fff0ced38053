"""BVH: a person's skeleton and motion as text, for animation programs."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from glot_plugin.body_model import SMPLBody
from glot_plugin.body_model.joint_sets import SMPL24_NAMES, SMPL_PARENTS
from glot_plugin.export.motion import CAMERA_TO_Y_UP, evenly_timed, person_motion
from glot_plugin.io.files import atomic_write
from glot_plugin.video.result import PersonTrack, VideoResult

# Biovision's order: Zrotation Xrotation Yrotation, each about the axes rotated by the previous one.
ROTATION_ORDER = 'ZXY'
_ROTATIONS = ' '.join(f'{axis}rotation' for axis in ROTATION_ORDER)
# Distance of a leaf's End Site, relative to the bone that ends in the leaf. SMPL has no joint there.
_END_LENGTH = 0.5


def write_bvh(result: VideoResult, track: PersonTrack, body: SMPLBody, path: str | Path) -> Path:
    """Write one person's motion as a BVH file.

    The hierarchy is SMPL's 24 joints by name in its rest pose (arms out, facing +z) with the person's mean shape.
    Offsets and positions are in metres, y up, z towards the camera, which is at the origin; rotations in degrees. The
    root's offset is zero, so its position channels give the pelvis. The file has all frames of the clip, with a frame
    time of 1 / fps; for frames without the person see `evenly_timed`.

    Raises:
        InputError: The file cannot be written, or the clip's times do not increase.
    """
    motion = evenly_timed(person_motion(track, body, CAMERA_TO_Y_UP), result)
    offsets = motion.rest_joints - motion.rest_joints[list(SMPL_PARENTS)]
    offsets[0] = 0
    order = list(_walk(0))
    angles = Rotation.from_matrix(motion.rotmat[:, order].reshape(-1, 3, 3)).as_euler(ROTATION_ORDER, degrees=True)
    angles = np.unwrap(angles.reshape(len(motion.frame), -1), period=360, axis=0)  # programs interpolate them
    with atomic_write(path) as file:
        file.write('HIERARCHY\n')
        file.writelines(_joint_lines(0, 0, offsets))
        file.write(f'MOTION\nFrames: {len(motion.frame)}\nFrame Time: {1 / result.fps:.9f}\n')
        np.savetxt(file, np.concatenate([motion.pelvis, angles], axis=1), fmt='%.6f')
    return Path(path)


def _walk(joint: int) -> Iterator[int]:
    """A joint and its descendants, in the order of BVH's channels."""
    yield joint
    for child in _children(joint):
        yield from _walk(child)


def _children(joint: int) -> list[int]:
    return [child for child, parent in enumerate(SMPL_PARENTS) if parent == joint]


def _joint_lines(joint: int, depth: int, offsets: np.ndarray) -> Iterator[str]:
    pad = '  ' * depth
    kind, channels = 'JOINT', f'3 {_ROTATIONS}'
    if joint == 0:
        kind, channels = 'ROOT', f'6 Xposition Yposition Zposition {_ROTATIONS}'
    yield f'{pad}{kind} {SMPL24_NAMES[joint]}\n{pad}{{\n'
    yield f'{pad}  {_offset(offsets[joint])}{pad}  CHANNELS {channels}\n'
    for child in _children(joint):
        yield from _joint_lines(child, depth + 1, offsets)
    if not _children(joint):
        yield f'{pad}  End Site\n{pad}  {{\n{pad}    {_offset(_END_LENGTH * offsets[joint])}{pad}  }}\n'
    yield f'{pad}}}\n'


def _offset(offset: np.ndarray) -> str:
    return 'OFFSET {:.6f} {:.6f} {:.6f}\n'.format(*offset)
