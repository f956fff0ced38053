"""The contents of a page: bodies over time, and the errors of predicted ones."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from glot_plugin.body_model import SMPLBody
from glot_plugin.body_model.joint_sets import LSP14, LSP14_HIPS
from glot_plugin.errors import InputError
from glot_plugin.evaluation.frame_errors import frame_errors, h36m14_joints, true_h36m14_joints
from glot_plugin.evaluation.track_metric import smpl_targets
from glot_plugin.video.result import PersonTrack, VideoResult

STORE_FPS = 30.0  # assumed for track stores, which do not record their frame rate


@dataclass(frozen=True)
class AnimatedBody:
    """A body in N frames of a clip, predicted or true.

    Attributes:
        person: Identity; determines the colour.
        name: Name in the list of people.
        frame: (N,) frame numbers, increasing.
        rotmat: (N, 24, 3, 3), relative to the parent joint; the root's in the camera's axes (x right, y down, z away).
        betas: (N, 10); the page shows one shape per body, their mean.
        translation: (N, 3) metres, in the camera's axes; None: not known, and the hips stay in place.
        is_true: Ground truth, drawn grey.
    """

    person: int
    name: str
    frame: np.ndarray
    rotmat: np.ndarray
    betas: np.ndarray
    translation: np.ndarray | None = None
    is_true: bool = False


@dataclass(frozen=True)
class TrueJoints:
    """Ground truth that has only joints: the 14 LSP joints in N frames, drawn as sticks.

    Attributes:
        name: Name in the list of people.
        frame: (N,) frame numbers, increasing.
        joints: (N, 14, 3) metres, in the camera's axes; the root of the predicted body is at the origin.
    """

    name: str
    frame: np.ndarray
    joints: np.ndarray


@dataclass(frozen=True)
class ErrorCurve:
    """The error of a predicted body in N frames.

    Attributes:
        person: Identity.
        name: Name in the list of curves.
        frame: (N,) frame numbers, increasing.
        values: For each metric, (N,) mm; NaN for frames without an error.
    """

    person: int
    name: str
    frame: np.ndarray
    values: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class ViewerScene:
    """Everything that a page shows except the video.

    Attributes:
        title: Name of the clip or track.
        subtitle: Where the bodies come from.
        times: (F,) seconds of all frames of the clip, increasing.
        bodies: Predicted and true bodies.
        errors: Errors of predicted bodies that have ground truth.
    """

    title: str
    subtitle: str
    times: np.ndarray
    bodies: tuple[AnimatedBody | TrueJoints, ...]
    errors: tuple[ErrorCurve, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.times) or (np.diff(self.times) < 0).any() or not np.isfinite(self.times).all():
            raise InputError(f'{self.title}: {len(self.times)} frame times, expected at least one, finite and rising')
        for body in self.bodies:
            if len(body.frame) and body.frame[-1] >= len(self.times):
                raise InputError(
                    f'{self.title}: {body.name} is in frame {body.frame[-1]}, but the clip has {len(self.times)} frames'
                )


def scene_of_result(result: VideoResult, truth: VideoResult | None = None) -> ViewerScene:
    """The people of a clip; with ground truth, also the true bodies, and the errors in frames that both have.

    Args:
        result: Predicted bodies.
        truth: True bodies of the same clip, with the same identities.
    """
    true_tracks = {} if truth is None else {track.person: track for track in truth.people}
    bodies = [_body_of_track(track, is_true=False) for track in result.people]
    bodies += [_body_of_track(track, is_true=True) for track in true_tracks.values()]
    pairs = [(track, true_tracks[track.person]) for track in result.people if track.person in true_tracks]
    return ViewerScene(
        result.source, result.model, result.times, tuple(bodies), tuple(_curve_of_tracks(*pair) for pair in pairs)
    )


def _person_name(person: int, is_true: bool) -> str:
    return f'Person {person}{" (true)" if is_true else ""}'


def _body_of_track(track: PersonTrack, is_true: bool) -> AnimatedBody:
    name = _person_name(track.person, is_true)
    return AnimatedBody(track.person, name, track.frame, track.rotmat, track.betas, track.translation, is_true)


def _curve_of_tracks(predicted: PersonTrack, true: PersonTrack) -> ErrorCurve:
    frame, rows, true_rows = np.intersect1d(predicted.frame, true.frame, return_indices=True)
    joints = (track.joints3d[picked][:, LSP14] for track, picked in ((predicted, rows), (true, true_rows)))
    return ErrorCurve(predicted.person, _person_name(predicted.person, False), frame, frame_errors(*joints))


def scene_of_track(
    item: Mapping,
    body: SMPLBody,
    predicted: tuple[np.ndarray, np.ndarray] | None = None,
    subtitle: str = '',
    times: np.ndarray | None = None,
) -> ViewerScene:
    """A track of a store: its true body (or joints), and a predicted body beside it.

    Args:
        item: An item of `TrackDataset`.
        body: The SMPL body, which gives the joints to compare.
        predicted: Rotations (N, 24, 3, 3) and betas (N, 10).
        subtitle: Where the bodies come from.
        times: (F,) seconds of all frames of the track's video, indexed by the track's `frame_id`; None: the track's
            frames are consecutive, at 30 per second.

    Raises:
        InputError: There is nothing to show (neither ground truth nor a prediction), or the video lacks the track's
            frames.
    """
    name, frame_id = item['track_name'], item['frame_id']
    if times is not None and not 0 <= frame_id.min() <= frame_id.max() < len(times):
        raise InputError(
            f'{name}: has frames {frame_id.min()} to {frame_id.max()}, but the video has 0 to {len(times) - 1}; '
            'expected the video that the track comes from'
        )
    frame = np.arange(len(frame_id)) if times is None else frame_id
    bodies, errors = [], []
    true, true_joints = smpl_targets(item, torch.device('cpu')), true_h36m14_joints(body, item)
    hips = 0.0  # of the predicted body, from its root
    if predicted is not None:
        bodies.append(AnimatedBody(0, 'Predicted', frame, *predicted))
        joints = h36m14_joints(body, *predicted)
        hips = _hips(joints) - _root_joint(body, *predicted)
        if true_joints is not None:
            values = frame_errors(joints, true_joints)
            values = {metric: np.where(item['frame_valid'], value, np.nan) for metric, value in values.items()}
            errors.append(ErrorCurve(0, 'Predicted', frame, values))
    if true is not None:
        bodies.append(AnimatedBody(0, 'True', frame, *(tensor.numpy() for tensor in true), is_true=True))
    elif true_joints is not None:
        bodies.append(TrueJoints('True', frame, true_joints - _hips(true_joints) + hips))
    if not bodies:
        raise InputError(f'{name}: nothing to show: the track has no ground truth, and there is no prediction')
    times = np.arange(len(frame)) / STORE_FPS if times is None else times
    return ViewerScene(name, subtitle, times, tuple(bodies), tuple(errors))


def _hips(joints: np.ndarray) -> np.ndarray:
    """The midpoint of the hips (N, 1, 3) from joints (N, 14, 3)."""
    return joints[:, list(LSP14_HIPS)].mean(1, keepdims=True)


@torch.no_grad()
def _root_joint(body: SMPLBody, rotmat: np.ndarray, betas: np.ndarray) -> np.ndarray:
    """SMPL's root joint (N, 1, 3)."""
    tensors = (torch.from_numpy(array).to(body.v_template.device) for array in (rotmat, betas))
    return body.joints(*tensors, 'smpl24')[:, :1].cpu().numpy()
