"""How well predicted bodies agree with the landmarks that were measured in a clip, person by person."""

from dataclasses import dataclass

import numpy as np

from glot_plugin.datasets import TrackStore
from glot_plugin.errors import InputError
from glot_plugin.features.landmarks import FEATURE_DIM, LANDMARK_HIPS, SPIN49_OF_BLAZEPOSE21, split_landmark_features
from glot_plugin.reports.markdown import markdown_table
from glot_plugin.transforms import normalize_keypoints2d
from glot_plugin.video.camera import crop_orientation
from glot_plugin.video.result import PersonTrack, VideoResult

M_TO_MM = 1000.0


@dataclass(frozen=True)
class Agreement:
    """Of one person's joints with their counterparts among the landmarks.

    Attributes:
        person: Identity.
        frames: Frames that were compared: those in which landmarks were found.
        picture: Median distance in the picture, percent of the crop's side.
        world: Median distance in 3D, both about the middle of the hips, mm.
        joint_jitter: Mean norm of the second differences of the joints about the hips, mm per frame²; NaN where no
            three frames follow each other.
        landmark_jitter: The same of the world landmarks.
    """

    person: int
    frames: int
    picture: float
    world: float
    joint_jitter: float
    landmark_jitter: float


def jitter(points: np.ndarray, frame: np.ndarray) -> float:
    """Mean norm of second differences of points (N, J, 3), where three frames of `frame` (N,) follow each other."""
    consecutive = (np.diff(frame[:-1]) == 1) & (np.diff(frame[1:]) == 1)
    norms = np.linalg.norm(np.diff(points, 2, axis=0), axis=-1)[consecutive]
    return float(norms.mean()) if norms.size else float('nan')


def agreement(track: PersonTrack, features: np.ndarray, turn: np.ndarray | None = None) -> Agreement:
    """Compare a person's track with the landmarks it was predicted from.

    Args:
        track: N frames.
        features: (N, 126) landmark features of these frames, in the track's boxes.
        turn: (N, 3, 3) from the axes of the crops' cameras, which world landmarks have, to those of the track.

    Raises:
        InputError: Features of other frames, or no frame with landmarks.
    """
    if len(features) != len(track):
        raise InputError(f'person {track.person}: {len(features)} frames of landmarks, expected {len(track)}')
    landmarks = split_landmark_features(np.asarray(features, np.float64))
    found = landmarks.visibility.max(axis=-1) > 0
    if not found.any():
        raise InputError(f'person {track.person}: no frame with landmarks')
    joints2d = track.joints2d[:, SPIN49_OF_BLAZEPOSE21]
    crop = normalize_keypoints2d(np.concatenate([joints2d, np.ones_like(joints2d[..., :1])], axis=-1), track.box)
    joints = about_hips(track.joints3d[:, SPIN49_OF_BLAZEPOSE21])
    world, frame = about_hips(landmarks.world), track.frame[found]
    world = (world if turn is None else world @ turn.swapaxes(1, 2))[found]
    in_picture = np.linalg.norm(crop[..., :2] - landmarks.crop, axis=-1)[found] / 2  # the crop is 2 wide
    return Agreement(
        person=track.person,
        frames=int(found.sum()),
        picture=100 * float(np.median(in_picture)),
        world=M_TO_MM * float(np.median(np.linalg.norm(joints[found] - world, axis=-1))),
        joint_jitter=M_TO_MM * jitter(joints[found], frame),
        landmark_jitter=M_TO_MM * jitter(world, frame),
    )


def clip_agreement(result: VideoResult, landmarks: TrackStore) -> list[Agreement]:
    """Compare all people of a clip with their landmarks.

    Args:
        result: The predicted people.
        landmarks: A store of landmark features with a track a person, named by the identity, as `tools/video.py` keeps
            it beside the result.

    Raises:
        InputError: The store has other features, or lacks a person or a frame.
    """
    if landmarks.feature_dim != FEATURE_DIM:
        raise InputError(
            f'{landmarks.path}: features are {landmarks.feature_dim} wide, expected the {FEATURE_DIM} of landmarks'
        )
    names = landmarks.track_names.tolist()
    agreements = []
    for person in result.people:
        if str(person.person) not in names:
            raise InputError(f'{landmarks.path}: no track {person.person}, found {", ".join(names)}')
        rows = landmarks.track(names.index(str(person.person)))
        place = np.searchsorted(rows['frame_id'], person.frame).clip(max=len(rows['frame_id']) - 1)
        absent = person.frame[rows['frame_id'][place] != person.frame]
        if len(absent):
            raise InputError(f'{landmarks.path}: track {person.person} has no frame {absent[0]}')
        turn = crop_orientation(person.box, result.focal_length, result.size)
        agreements.append(agreement(person, rows['features'][place], turn))
    return agreements


def about_hips(points: np.ndarray) -> np.ndarray:
    """Landmarks, or their counterparts among the joints, (N, 21, 3) about the middle of the hips."""
    return points - points[:, LANDMARK_HIPS].mean(axis=1, keepdims=True)


def agreement_table(agreements: list[Agreement]) -> str:
    """A row a person, in Markdown."""
    header = ('person', 'frames', 'in the picture', 'in 3D', 'jitter of joints', 'jitter of landmarks')
    rows = [
        (str(a.person), str(a.frames), f'{a.picture:.2f} %', f'{a.world:.0f} mm')
        + tuple(f'{jitter:.1f} mm/frame²' for jitter in (a.joint_jitter, a.landmark_jitter))
        for a in agreements
    ]
    return markdown_table(header, rows, left=0)
