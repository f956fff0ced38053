"""From the features of the people in a clip to their bodies in the full picture."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from glot_plugin.body_model import SMPLBody
from glot_plugin.body_model.joint_sets import SPIN49_NAMES
from glot_plugin.features.landmarks import FEATURE_DIM, SPIN49_OF_BLAZEPOSE21
from glot_plugin.structures import SmplParams
from glot_plugin.video.camera import crop_orientation, crop_pixels, fitted_translation, project_to_picture
from glot_plugin.video.people import People, PersonInClip
from glot_plugin.video.result import PersonTrack, VideoResult
from glot_plugin.video.smoothing import smooth_points, smooth_rotations

SPIN49_PELVIS = SPIN49_NAMES.index('pelvis_openpose')
_LEAST_WEIGHT = 0.05  # of a landmark that is not visible, beside 1 of one that is


class TrackPredictor(Protocol):
    """What predicts a track: a model (`GLoTEstimator`), or an exported one."""

    def predict_track(self, features: Tensor) -> SmplParams: ...


@torch.inference_mode()
def predict_bodies(
    clip: People,
    predictor: TrackPredictor,
    body: SMPLBody,
    focal_length: float,
    smoothing: str | None = None,
    model: str = '',
    gender: str = 'neutral',
    mode: str | None = None,
) -> VideoResult:
    """Predict every person of a clip.

    Args:
        clip: The people, with the features that the predictor was trained on.
        predictor: Predicts tracks of features.
        body: SMPL body of `gender`.
        focal_length: Of the full picture, pixels.
        smoothing: One of `glot_plugin.video.smoothing.SMOOTHINGS`; None: none.
        model: Where the weights come from, in words.
        gender: Of the body.
        mode: The inference mode (docs/speed.md), which a model takes and an exported one does not; None: its own.

    Raises:
        InputError: The features have another width than the predictor takes, or the smoothing or mode is unknown.
    """
    people = tuple(
        _predict_person(person, clip, predictor, body, focal_length, smoothing, mode) for person in clip.people
    )
    return VideoResult(clip.source, clip.size, clip.fps, clip.times, focal_length, people, model, gender)


def _predict_person(
    person: PersonInClip,
    clip: People,
    predictor: TrackPredictor,
    body: SMPLBody,
    focal_length: float,
    smoothing: str | None,
    mode: str | None,
) -> PersonTrack:
    device = body.v_template.device
    features = torch.from_numpy(person.features).to(device, torch.float32)
    params = predictor.predict_track(features) if mode is None else predictor.predict_track(features, mode=mode)
    rotmat, betas, camera = (tensor.float().cpu().numpy() for tensor in (params.rotmat, params.betas, params.camera))
    times = clip.times[person.frame]
    if smoothing is not None:
        rotmat = smooth_rotations(rotmat, times, smoothing)
    placed = place_bodies(person, rotmat, betas, camera, body, focal_length, clip.size)
    if smoothing is not None:
        translation = smooth_points(placed.translation, times, smoothing)
        joints2d = project_to_picture(placed.joints3d, translation, focal_length, clip.size).astype(np.float32)
        placed = placed._replace(translation=translation, joints2d=joints2d)
    return PersonTrack(person.person, person.frame, person.box, *placed)


class PlacedBodies(NamedTuple):
    """Bodies in the full picture: the arrays of a `PersonTrack` from `rotmat` on."""

    rotmat: np.ndarray
    betas: np.ndarray
    camera: np.ndarray
    translation: np.ndarray
    joints3d: np.ndarray
    joints2d: np.ndarray


def place_bodies(
    seen: PersonInClip,
    rotmat: np.ndarray,
    betas: np.ndarray,
    camera: np.ndarray,
    body: SMPLBody,
    focal_length: float,
    size: tuple[int, int],
) -> PlacedBodies:
    """Turn N bodies from their crops to the picture, and find where they are.

    Args:
        seen: N frames with features, which may be of several people.
        rotmat, betas, camera: (N, 24, 3, 3), (N, 10) and (N, 3) as predicted.
        body: SMPL body.
        focal_length: Of the full picture, pixels.
        size: Width and height of the picture, pixels.
    """
    in_crop = _joints(body, rotmat, betas)
    turn = crop_orientation(seen.box, focal_length, size).astype(np.float32)
    rotmat = np.concatenate([(turn @ rotmat[:, 0])[:, None], rotmat[:, 1:]], axis=1)
    pelvis = in_crop[:, SPIN49_PELVIS, None]  # what the global orientation turns about
    joints3d = (in_crop - pelvis) @ turn.swapaxes(1, 2) + pelvis
    points = _joints_in_picture(seen, in_crop, camera)
    translation = fitted_translation(joints3d[:, points.joints], points.pixels, points.weight, focal_length, size)
    translation = translation.astype(np.float32)
    joints2d = project_to_picture(joints3d, translation, focal_length, size).astype(np.float32)
    return PlacedBodies(rotmat, betas, camera, translation, joints3d, joints2d)


class JointsInPicture(NamedTuple):
    """Where some of the 49 joints are in the picture, for N frames.

    Attributes:
        joints: J of the 49.
        pixels: (N, J, 2).
        weight: (N, J).
    """

    joints: list[int]
    pixels: np.ndarray
    weight: np.ndarray


def _joints_in_picture(person: PersonInClip, joints3d: np.ndarray, camera: np.ndarray) -> JointsInPicture:
    """Where the landmarks are, if they are the features: they were seen. Otherwise where the crop's camera has them."""
    if person.features.shape[1] == FEATURE_DIM:
        weight = person.landmarks.visibility + _LEAST_WEIGHT
        return JointsInPicture(list(SPIN49_OF_BLAZEPOSE21), person.landmarks2d, weight)
    pixels = crop_pixels(joints3d, camera, person.box)
    return JointsInPicture(list(range(49)), pixels, np.ones(pixels.shape[:2]))


def _joints(body: SMPLBody, rotmat: np.ndarray, betas: np.ndarray, chunk: int = 1024) -> np.ndarray:
    """The 49 joints (N, 49, 3) in metres, in pieces of bounded memory."""
    device = body.v_template.device
    pieces: Sequence[tuple[Tensor, Tensor]] = list(
        zip(*(torch.from_numpy(array).to(device).split(chunk) for array in (rotmat, betas)), strict=True)
    )
    return np.concatenate([body.joints(*piece).cpu().numpy() for piece in pieces])
