"""From the features of the people in a clip to their bodies in the full picture."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from glot_plugin.body_model import SMPLBody
from glot_plugin.structures import SmplParams
from glot_plugin.video.camera import full_translation, project_to_picture
from glot_plugin.video.people import People, PersonInClip
from glot_plugin.video.result import PersonTrack, VideoResult
from glot_plugin.video.smoothing import smooth_points, smooth_rotations


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

    Raises:
        InputError: The features have another width than the predictor takes, or the smoothing is unknown.
    """
    people = tuple(_predict_person(person, clip, predictor, body, focal_length, smoothing) for person in clip.people)
    return VideoResult(clip.source, clip.size, clip.fps, clip.times, focal_length, people, model, gender)


def _predict_person(
    person: PersonInClip,
    clip: People,
    predictor: TrackPredictor,
    body: SMPLBody,
    focal_length: float,
    smoothing: str | None,
) -> PersonTrack:
    device = body.v_template.device
    params = predictor.predict_track(torch.from_numpy(person.features).to(device, torch.float32))
    rotmat, betas, camera = (tensor.float().cpu().numpy() for tensor in (params.rotmat, params.betas, params.camera))
    times = clip.times[person.frame]
    if smoothing is not None:
        rotmat = smooth_rotations(rotmat, times, smoothing)
    joints3d = _joints(body, rotmat, betas)
    translation = full_translation(joints3d, camera, person.box, focal_length, clip.size).astype(np.float32)
    if smoothing is not None:
        translation = smooth_points(translation, times, smoothing)
    joints2d = project_to_picture(joints3d, translation, focal_length, clip.size).astype(np.float32)
    return PersonTrack(person.person, person.frame, person.box, rotmat, betas, camera, translation, joints3d, joints2d)


def _joints(body: SMPLBody, rotmat: np.ndarray, betas: np.ndarray, chunk: int = 1024) -> np.ndarray:
    """The 49 joints (N, 49, 3) in metres, in pieces of bounded memory."""
    device = body.v_template.device
    pieces: Sequence[tuple[Tensor, Tensor]] = list(
        zip(*(torch.from_numpy(array).to(device).split(chunk) for array in (rotmat, betas)), strict=True)
    )
    return np.concatenate([body.joints(*piece).cpu().numpy() for piece in pieces])
