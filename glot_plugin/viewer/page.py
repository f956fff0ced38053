"""Writing a scene as one HTML file that contains three.js, the body, its motion and the video."""

import base64
import json
import re
from copy import deepcopy
from importlib.resources import files
from pathlib import Path

import numpy as np
import roma
import torch

from glot_plugin.body_model import SMPLBody
from glot_plugin.body_model.joint_sets import LSP14_BONES
from glot_plugin.errors import InputError
from glot_plugin.io.files import write_bytes
from glot_plugin.video.result import VideoResult
from glot_plugin.viewer.embedded_video import EmbeddedVideo, embedded_video
from glot_plugin.viewer.packing import pack, pack_quaternions
from glot_plugin.viewer.scene import AnimatedBody, ErrorCurve, TrueJoints, ViewerScene, scene_of_result
from glot_plugin.visualisation.palette import person_colour

SCRIPTS = ('three.min.js', 'unpack.js', 'clock.js', 'stage.js', 'chart.js', 'viewer.js')  # in this order in the page
TRUE_COLOUR = (0.62, 0.63, 0.65)
INFLUENCES = 4  # joints that move a vertex; SMPL has at most four
BESIDE = 1.1  # metres between a predicted and its true body when shown side by side
_TENTH_MM, _TENTH_MS = 1e-4, 1e-4  # steps of positions (m) and of times (s)
_GROUND_FRAMES = 12  # frames of each body whose lowest points determine the ground


def write_viewer(
    result: VideoResult,
    body: SMPLBody,
    path: str | Path,
    video: str | Path | None = None,
    truth: VideoResult | None = None,
    progress: bool = False,
) -> Path:
    """Write the page of a result.

    Args:
        result: The people of a clip.
        body: The SMPL body of the result's gender.
        path: The `.html`.
        video: The clip to show beside the people: a video or a folder of pictures.
        truth: True bodies of the same clip, with the same identities; the page then has an error curve.
        progress: Show a progress bar while the video is compressed.

    Raises:
        InputError: The video does not match the result, or the page cannot be written.
    """
    clip = None if video is None else embedded_video(video, progress)
    return write_page(scene_of_result(result, truth), body, path, clip)


def write_page(scene: ViewerScene, body: SMPLBody, path: str | Path, video: EmbeddedVideo | None = None) -> Path:
    """Write the page of a scene; it appears under its name once it is complete.

    Args:
        scene: What the page shows.
        body: The SMPL body of all people.
        path: The `.html`.
        video: The scene's clip.

    Raises:
        InputError: The video's frames are not those of the scene, or the page cannot be written.
    """
    content = _content(scene, deepcopy(body).cpu())  # a model's own body stays on its device
    content['video'] = None if video is None else _video_address(scene, video)
    assets = files('glot_plugin.viewer') / 'assets'
    page = (assets / 'viewer.html').read_text(encoding='utf-8')
    parts = {
        'STYLE': (assets / 'viewer.css').read_text(encoding='utf-8'),
        'CONTENT': json.dumps(content, allow_nan=False).replace('<', '\\u003c'),  # prevents tags in the content
        'SCRIPTS': '\n'.join((assets / name).read_text(encoding='utf-8') for name in SCRIPTS),
    }
    page = re.sub(r'/\* (STYLE|CONTENT|SCRIPTS) \*/', lambda mark: parts[mark[1]], page)
    write_bytes(path, page.encode())
    return Path(path)


def _video_address(scene: ViewerScene, video: EmbeddedVideo) -> str:
    if len(video.times) != len(scene.times):
        raise InputError(
            f'{video.name}: {len(video.times)} frames, but {scene.title} has {len(scene.times)}; expected the video '
            'that the bodies come from'
        )
    return 'data:video/mp4;base64,' + base64.b64encode(video.content).decode('ascii')


def _content(scene: ViewerScene, body: SMPLBody) -> dict:
    bodies = [shown for shown in scene.bodies if len(shown.frame)]
    return {
        'title': scene.title,
        'subtitle': scene.subtitle,
        'times': pack(scene.times - scene.times[0], 'int32', _TENTH_MS, differences=True),
        'mesh': _mesh(body),
        'bodies': [_sticks(shown) if isinstance(shown, TrueJoints) else _body(shown, body) for shown in bodies],
        'errors': [_curve(curve) for curve in scene.errors if len(curve.frame)],
        'ground': max((_lowest(shown, body) for shown in bodies), default=0.0),
    }


def _mesh(body: SMPLBody) -> dict:
    """The data shared by all bodies: faces, and for each vertex the four joints that move it, with weights."""
    weights = body.skinning_weights.numpy()
    joints = np.argsort(-weights, axis=1)[:, :INFLUENCES]
    shares = np.take_along_axis(weights, joints, axis=1)
    return {
        'faces': pack(body.faces, 'uint16'),
        'joints': pack(joints, 'uint8'),
        'shares': pack(shares / shares.sum(1, keepdims=True), 'uint16', 1 / 65535),
        'parents': body.parents,
    }


def _body(shown: AnimatedBody, body: SMPLBody) -> dict:
    betas = torch.from_numpy(np.asarray(shown.betas, np.float32)).mean(0)
    rest_pose = torch.eye(3).expand(24, 3, 3)
    joints = body.joints(rest_pose, betas, 'smpl24').numpy()
    quaternions = roma.rotmat_to_unitquat(torch.from_numpy(np.asarray(shown.rotmat, np.float64)))  # x, y, z, w
    return {
        **_figure(shown.name, shown.frame, None if shown.is_true else shown.person),
        'vertices': pack(body.vertices(rest_pose, betas).numpy(), 'int16', _TENTH_MM),
        'joints': joints.tolist(),
        'rotations': pack_quaternions(quaternions.numpy()),
        'positions': pack(_pelvis(shown, joints[0]), 'int32', _TENTH_MM, differences=True),
    }


def _sticks(shown: TrueJoints) -> dict:
    return {
        **_figure(shown.name, shown.frame, None),
        'numJoints': shown.joints.shape[1],
        'lines': LSP14_BONES,
        'joints': pack(shown.joints, 'int32', _TENTH_MM, differences=True),
        'positions': pack(np.zeros((len(shown.frame), 3)), 'int32', _TENTH_MM),
    }


def _figure(name: str, frame: np.ndarray, person: int | None) -> dict:
    """The fields shared by bodies and sticks; ground truth does not have a person's colour."""
    return {
        'name': name,
        'isTrue': person is None,
        'colour': TRUE_COLOUR if person is None else person_colour(person),
        'beside': BESIDE if person is None else 0.0,
        'frames': pack(frame, 'int32', differences=True),
    }


def _pelvis(shown: AnimatedBody, root: np.ndarray) -> np.ndarray:
    """Positions of the root joint (N, 3) in the camera's axes; at the origin if they are not known."""
    if shown.translation is None:
        return np.zeros((len(shown.frame), 3))
    return shown.translation + root


def _curve(curve: ErrorCurve) -> dict:
    values = {name: np.round(array.astype(float), 2) for name, array in curve.values.items()}
    return {
        'person': curve.person,
        'name': curve.name,
        'frames': curve.frame.tolist(),
        'values': {name: [None if np.isnan(x) else x for x in array] for name, array in values.items()},
    }


@torch.no_grad()
def _lowest(shown: AnimatedBody | TrueJoints, body: SMPLBody) -> float:
    """How far down a body typically reaches, in metres along the camera's y axis."""
    if isinstance(shown, TrueJoints):
        return float(np.percentile(shown.joints[..., 1].max(-1), 80))
    picked = np.unique(np.linspace(0, len(shown.frame) - 1, _GROUND_FRAMES).astype(int))
    rotmat, betas = (torch.from_numpy(np.asarray(array[picked], np.float32)) for array in (shown.rotmat, shown.betas))
    root = body.joints(rotmat, betas, 'smpl24')[:, 0].numpy()
    down = body.vertices(rotmat, betas)[..., 1].amax(-1).numpy() - root[:, 1]
    pelvis = 0.0 if shown.translation is None else shown.translation[picked, 1] + root[:, 1]
    return float(np.percentile(down + pelvis, 80))
