"""Meshes with trimesh: the people of one frame as OBJ or PLY, and smooth normals."""

from pathlib import Path
from types import ModuleType

import numpy as np
import torch

from glot_plugin.body_model import SMPLBody
from glot_plugin.errors import InputError
from glot_plugin.export.motion import CAMERA_TO_Y_UP
from glot_plugin.io.files import atomic_write
from glot_plugin.video.result import VideoResult
from glot_plugin.visualisation.palette import person_colour

MESH_FORMATS = ('obj', 'ply')


@torch.no_grad()
def write_frame(result: VideoResult, body: SMPLBody, frame: int, path: str | Path) -> Path:
    """Write the people of one frame, each in their colour, as one mesh: `.obj` or `.ply`, chosen by the path's suffix.

    These are SMPL's full meshes, with each frame's own shape and with pose correctives, in metres, y up, z towards the
    camera, which is at the origin. An OBJ has colours after the vertices' coordinates, where most programs read them.

    Raises:
        InputError: Nobody is in the frame, or the file cannot be written.
    """
    trimesh = import_trimesh()
    meshes = []
    for track in result.people:
        for row in np.flatnonzero(track.frame == frame):
            rotmat, betas = (torch.from_numpy(array[row]).to(body.v_template) for array in (track.rotmat, track.betas))
            vertices = (body.vertices(rotmat, betas).cpu().numpy() + track.translation[row]) @ CAMERA_TO_Y_UP.T
            colour = np.round(255 * np.array([*person_colour(track.person), 1.0])).astype(np.uint8)
            mesh = trimesh.Trimesh(
                vertices, body.faces, vertex_colors=np.tile(colour, (len(vertices), 1)), process=False
            )
            meshes.append(mesh)
    if not meshes:
        raise InputError(f'frame {frame} of {result.source}: nobody is in it, so there is no mesh to write')
    data = trimesh.util.concatenate(meshes).export(file_type=Path(path).suffix.removeprefix('.'))
    with atomic_write(path, 'wb') as file:
        file.write(data.encode() if isinstance(data, str) else data)
    return Path(path)


def smooth_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals (V, 3) of a mesh's vertices (V, 3), averaged over the faces (F, 3) around each."""
    return import_trimesh().Trimesh(vertices, faces, process=False).vertex_normals


def import_trimesh() -> ModuleType:
    """trimesh.

    Raises:
        InputError: It is not installed.
    """
    try:
        import trimesh
    except ImportError as error:
        raise InputError('meshes need trimesh; install it with: pip install "glot_plugin[export]"') from error
    return trimesh
