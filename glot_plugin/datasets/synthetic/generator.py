"""Synthetic tracks, one after another, each a function of the seed and its number alone."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import roma
import torch

from glot_plugin.body_model import SMPLBody, project
from glot_plugin.body_model.joint_sets import SPIN49_OF_54
from glot_plugin.datasets.synthetic.features import FEATURE_DIM, draw_occlusion, frame_features
from glot_plugin.datasets.synthetic.motion import Motion, band_limited, draw_motion
from glot_plugin.errors import InputError

TRACK_FRAMES = (40, 400)  # shortest and longest of the usual tracks
SHORT_TRACK_FRAMES, _SHORT_TRACK_SHARE = (5, 15), 0.04  # some are shorter than a window
CROP_MARGIN = 1.2  # the crop's side over the box's
_MAX_BETA = 2.5
# The joint of the kinematic tree that each of the 54 joints hangs on; an occlusion hides both.
_OWNER_OF_54 = (*range(24), *(15,) * 5, 10, 10, 7, 11, 11, 8, *(22,) * 5, *(23,) * 5, 2, 1, 12, 15, 0, 9, 6, 15, 15)
OWNER_OF_SPIN49 = np.array(_OWNER_OF_54)[list(SPIN49_OF_54)]


@dataclass(frozen=True)
class Bodies:
    """N frames of a generated person, as they are.

    Attributes:
        rotmat: (N, 24, 3, 3), the root's in the camera frame.
        betas: (N, 10).
        camera: (N, 3) weak perspective.
        hidden: (N, 24) bool, occluded joints.
        joints: (N, 49, 3) metres.
    """

    rotmat: np.ndarray
    betas: np.ndarray
    camera: np.ndarray
    hidden: np.ndarray
    joints: np.ndarray


@dataclass(frozen=True)
class Seen:
    """What is seen of N frames: features (N, C), and 2D keypoints (N, 49, 3) and boxes (N, 4) where they differ."""

    features: np.ndarray
    keypoints2d: np.ndarray | None = None
    bbox: np.ndarray | None = None


@dataclass(frozen=True)
class Scenario:
    """What the people of a data set do, and what is seen of them.

    Attributes:
        name: Of the scenario, in `store.json`.
        draw_motion: Frames, frames per second and a generator to the motion.
        see: Bodies and a generator to what is seen.
        feature_dim: Width of the features.
        frames_per_second: One of these for each track.
        shape_spread: Factor on the usual spread of shapes.
        draw_hidden: Frames and a generator to the joints that are hidden, (N, 24) bool.
        parameters: What else determines the data, for `store.json`.
    """

    name: str
    draw_motion: Callable[[int, float, np.random.Generator], Motion]
    see: Callable[[Bodies, np.random.Generator], Seen]
    feature_dim: int
    frames_per_second: tuple[int, ...]
    shape_spread: float = 1.0
    draw_hidden: Callable[[int, np.random.Generator], np.ndarray] = draw_occlusion
    parameters: dict = field(default_factory=dict)


def _see_image_features(bodies: Bodies, rng: np.random.Generator) -> Seen:
    return Seen(frame_features(bodies.rotmat, bodies.betas, bodies.camera, bodies.hidden, rng))


IMAGE_SCENARIO = Scenario('image features', draw_motion, _see_image_features, FEATURE_DIM, (25, 26, 27, 28, 29, 30))


@dataclass
class SyntheticTrack:
    """One person's track of N frames, under the names of a track store's columns."""

    name: str
    features: np.ndarray  # (N, 2048)
    keypoints2d: np.ndarray  # (N, 49, 3) pixels and confidence
    bbox: np.ndarray  # (N, 4) centre and size, pixels
    keypoints3d: np.ndarray | None  # (N, J, 3) metres; None: 2D only
    smpl_pose: np.ndarray | None  # (N, 72) rotation vectors
    smpl_betas: np.ndarray | None  # (N, 10)
    frame_id: np.ndarray  # (N,)
    camera: np.ndarray  # (N, 3) weak perspective; not stored


def longest_track(num_frames: int) -> int:
    """The longest track of a set of `num_frames`: a small set still has several tracks."""
    return min(TRACK_FRAMES[1], max(TRACK_FRAMES[0], num_frames // 8))


def is_2d_only(track: int, share_2d: float) -> bool:
    """Whether track number `track` has 2D targets only; spread evenly, `share_2d` of the tracks."""
    return int((track + 1) * share_2d) > int(track * share_2d)


def _draw_length(rng: np.random.Generator, longest: int) -> int:
    if rng.random() < _SHORT_TRACK_SHARE:
        return int(rng.integers(SHORT_TRACK_FRAMES[0], SHORT_TRACK_FRAMES[1] + 1))
    return int(rng.integers(TRACK_FRAMES[0], longest + 1))


def _draw_camera(times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Weak-perspective cameras (N, 3) with a slow drift; the body stays inside the crop."""
    centre = rng.normal((0.88, 0.0, 0.13), (0.06, 0.05, 0.05))
    return centre + band_limited(times, 3, (0.05, 0.3), rng) * np.array([0.015, 0.02, 0.02])


def _draw_boxes(times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Boxes (N, 4) of a person who moves slowly through a picture of 1920 x 1080 pixels."""
    size = rng.uniform(180, 700)
    centre = rng.uniform((0.25, 0.4), (0.75, 0.6)) * np.array([1920, 1080])
    centre = centre + band_limited(times, 2, (0.03, 0.2), rng) * np.array([60.0, 15.0])
    height = size * (1 + 0.03 * band_limited(times, 1, (0.05, 0.3), rng))
    width = height * rng.uniform(0.4, 0.9)
    return np.concatenate([centre, width, height], axis=1)


def make_track(
    body: SMPLBody,
    seed: int,
    track: int,
    longest: int = TRACK_FRAMES[1],
    joints3d: str = 'spin49',
    only_2d: bool = False,
    scenario: Scenario = IMAGE_SCENARIO,
) -> SyntheticTrack:
    """Track number `track` of the data set `seed`; the same whatever was generated before.

    Args:
        body: The neutral body that gives the joints.
        seed: The data set's seed.
        track: Number of the track.
        longest: Longest track of the set, frames.
        joints3d: Joint set of `keypoints3d`, `spin49` or `h36m14`.
        only_2d: Leave out 3D joints and SMPL parameters.
        scenario: What the person does, and what is seen.
    """
    rng = np.random.default_rng([seed, track])
    num_frames = _draw_length(rng, longest)
    frames_per_second = scenario.frames_per_second[rng.integers(len(scenario.frames_per_second))]
    times = np.arange(num_frames) / frames_per_second
    motion = scenario.draw_motion(num_frames, frames_per_second, rng)
    betas = np.tile(scenario.shape_spread * np.clip(rng.standard_normal(10), -_MAX_BETA, _MAX_BETA), (num_frames, 1))
    camera, boxes = _draw_camera(times, rng), _draw_boxes(times, rng)
    hidden = scenario.draw_hidden(num_frames, rng)
    confidence = rng.uniform(0.7, 1.0, (num_frames, 49))
    confidence = np.where(hidden[:, OWNER_OF_SPIN49], rng.uniform(0.0, 0.2, confidence.shape), confidence)
    keypoints2d, keypoints3d, spin49 = _targets(body, motion.rotmat, betas, camera, boxes, joints3d)
    keypoints2d = np.concatenate([keypoints2d, confidence[..., None]], axis=-1)
    seen = scenario.see(Bodies(motion.rotmat, betas, camera, hidden, spin49), rng)
    rotvecs = roma.rotmat_to_rotvec(torch.from_numpy(motion.rotmat)).reshape(num_frames, 72).numpy()
    return SyntheticTrack(
        name=f'{track:07d} {motion.name}',
        features=seen.features,
        keypoints2d=(keypoints2d if seen.keypoints2d is None else seen.keypoints2d).astype(np.float32),
        bbox=(boxes if seen.bbox is None else seen.bbox).astype(np.float32),
        keypoints3d=None if only_2d else keypoints3d,
        smpl_pose=None if only_2d else rotvecs.astype(np.float32),
        smpl_betas=None if only_2d else betas.astype(np.float32),
        frame_id=np.arange(num_frames),
        camera=camera.astype(np.float32),
    )


@torch.no_grad()
def _targets(
    body: SMPLBody, rotmat: np.ndarray, betas: np.ndarray, camera: np.ndarray, boxes: np.ndarray, joints3d: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels (N, 49, 2) of the 49 joints, 3D joints (N, J, 3) of the wanted set, and the 49 in 3D."""
    rotmat, betas, camera = (torch.as_tensor(array).float() for array in (rotmat, betas, camera))
    spin49 = body.joints(rotmat, betas, 'spin49')
    wanted = spin49 if joints3d == 'spin49' else body.joints(rotmat, betas, joints3d)
    half_side = CROP_MARGIN * boxes[:, 2:].max(axis=1) / 2
    pixels = boxes[:, None, :2] + project(spin49, camera).double().numpy() * half_side[:, None, None]
    return pixels, wanted.numpy(), spin49.numpy()


def track_lengths(num_frames: int, seed: int) -> list[int]:
    """Lengths of the tracks of a set of `num_frames`; the last one is cut short where it does not fit."""
    lengths, left, longest = [], num_frames, longest_track(num_frames)
    while left > 0:
        length = _draw_length(np.random.default_rng([seed, len(lengths)]), longest)
        lengths.append(min(length, left))
        left -= lengths[-1]
    return lengths


def generate_tracks(
    body: SMPLBody,
    num_frames: int,
    seed: int,
    share_2d: float = 0.4,
    joints3d: str = 'spin49',
    workers: int | None = None,
    scenario: Scenario = IMAGE_SCENARIO,
) -> Iterator[SyntheticTrack]:
    """Tracks of `num_frames` frames together, in their order, a few in memory at a time.

    Args:
        body: The neutral body that gives the joints.
        num_frames: Frames of all tracks together, at least 1.
        seed: Everything random comes from it.
        share_2d: Share of the tracks with neither 3D joints nor SMPL parameters.
        joints3d: Joint set of `keypoints3d`, `spin49` or `h36m14`.
        workers: Threads; as many as there are processors (at most 8) by default. The tracks do not depend on it.
        scenario: What the people do, and what is seen of them.

    Raises:
        InputError: Fewer than one frame, an unknown joint set, or a share outside [0, 1].
    """
    if num_frames < 1:
        raise InputError(f'num_frames is {num_frames}, expected at least 1')
    if not 0 <= share_2d <= 1:
        raise InputError(f'share_2d is {share_2d}, expected a share between 0 and 1')
    if joints3d not in ('spin49', 'h36m14'):
        raise InputError(f'joints3d is {joints3d!r}, expected spin49 or h36m14')
    lengths, longest = track_lengths(num_frames, seed), longest_track(num_frames)

    def make(number: int) -> SyntheticTrack:
        track = make_track(body, seed, number, longest, joints3d, is_2d_only(number, share_2d), scenario)
        return _first_frames(track, lengths[number])

    return _in_order(make, len(lengths), workers or min(8, os.cpu_count() or 1))


def _first_frames(track: SyntheticTrack, count: int) -> SyntheticTrack:
    values = {key: value[:count] if isinstance(value, np.ndarray) else value for key, value in vars(track).items()}
    return SyntheticTrack(**values)


def _in_order(make: Callable[[int], SyntheticTrack], count: int, workers: int) -> Iterator[SyntheticTrack]:
    """`make(0), make(1), …`, made by threads that stay at most two tracks each ahead.

    Torch's own threads rest meanwhile: a track is too small to share, and sums would depend on their number.
    """
    torch_threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
    waiting: deque[Future[SyntheticTrack]] = deque()
    try:
        for number in range(count):
            waiting.append(pool.submit(make, number))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(torch_threads)
