"""How landmarks of a picture err: simulated landmarks of known bodies, for training.

What BlazePose does was looked at on real clips, and is modelled part by part: points that are not SMPL's joints, a size
that is not the person's, a depth that is compressed and tilted, errors that drift and errors that jitter, hidden and
cut-off limbs, frames without a person, and left taken for right.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from glot_plugin.errors import InputError
from glot_plugin.features.landmarks import (
    LANDMARK_HIPS,
    LANDMARK_NAMES,
    NUM_LANDMARKS,
    SPIN49_OF_BLAZEPOSE21,
    landmark_box,
    landmark_features,
)
from glot_plugin.registry import TRANSFORMS

PICTURE_SIDE = 1000.0  # pixels of the simulated picture; only ratios matter
_DEPTH_AXIS = 2
_LEFT = tuple(i for i, name in enumerate(LANDMARK_NAMES) if name.startswith('left_'))
_RIGHT = tuple(LANDMARK_NAMES.index(LANDMARK_NAMES[i].replace('left_', 'right_')) for i in _LEFT)
_LEGS = tuple(i for i, name in enumerate(LANDMARK_NAMES) if name.endswith(('knee', 'ankle', 'heel', 'foot_index')))


def _part(*words: str) -> tuple[int, ...]:
    return tuple(i for i, name in enumerate(LANDMARK_NAMES) if any(word in name for word in words))


# What disappears together, behind something or behind the body itself.
_PARTS = (
    _part('left_elbow', 'left_wrist'),
    _part('right_elbow', 'right_wrist'),
    _part('left_wrist'),
    _part('right_wrist'),
    _part('left_knee', 'left_ankle', 'left_heel', 'left_foot'),
    _part('right_knee', 'right_ankle', 'right_heel', 'right_foot'),
    _part('ankle', 'heel', 'foot'),
    _part('knee', 'ankle', 'heel', 'foot'),
    _part('left_shoulder', 'left_elbow', 'left_wrist', 'left_knee', 'left_ankle', 'left_heel', 'left_foot'),
    _part('right_shoulder', 'right_elbow', 'right_wrist', 'right_knee', 'right_ankle', 'right_heel', 'right_foot'),
    _part('nose', 'eye', 'ear'),
    tuple(range(NUM_LANDMARKS)),
)
# Standard deviation of each landmark's errors over that of the average one: hips and trunk are steady, ends are not.
_UNSTEADY = np.array(
    [
        0.4 if 'hip' in name else 0.8 if 'shoulder' in name or 'knee' in name else 1.3 if 'wrist' in name else
        1.2 if name.endswith(('ankle', 'heel', 'foot_index')) else 0.9
        for name in LANDMARK_NAMES
    ]
)[:, None]  # fmt: skip


# How long parts of the landmarks' body are over SMPL's, at the least and at the most (measured on real clips): what
# moves, the point that it is measured from (the middle of several landmarks), and these factors.
_PROPORTIONS = (
    (_part('left_wrist'), _part('left_elbow'), (0.85, 1.05)),
    (_part('right_wrist'), _part('right_elbow'), (0.85, 1.05)),
    (_part('left_heel', 'left_foot'), _part('left_ankle'), (0.5, 1.0)),
    (_part('right_heel', 'right_foot'), _part('right_ankle'), (0.5, 1.0)),
    (_part('nose', 'eye', 'ear'), _part('shoulder'), (0.85, 1.05)),
    (_part('nose', 'eye'), _part('ear'), (0.75, 1.05)),
    (_part('hip'), _part('hip'), (1.0, 1.5)),
    (_part('hip'), _part('shoulder'), (0.94, 1.02)),
)


_TREMBLING = (0.2, 1.4)  # the jitter of clips, least and most, over the usual one


@dataclass(frozen=True)
class LandmarkErrors:
    """Sizes of the errors; metres and degrees are standard deviations, shares are of frames or clips.

    Attributes:
        offset: Metres of a landmark from its joint, the same for a person's whole clip, turning with the pelvis.
        proportions: How much of the differences between BlazePose's and SMPL's proportions there is; 0 none, 1 all.
        scale: Of the size of the world landmarks.
        compression: Lowest and highest factor on the depth of the world landmarks.
        tilt: Degrees by which the world landmarks are turned, in a clip.
        sway: The same, drifting.
        drift: Metres, slowly changing; `depth` times as much in depth.
        jitter: Metres, from frame to frame; `depth` times as much in depth.
        depth: See `drift`.
        picture_drift, picture_jitter: The same of the landmarks in the picture, over the person's height there.
        hidden: Metres, slowly changing, where a landmark is hidden.
        hidden_share: Bursts of hidden parts that begin, a frame.
        cut_share: Clips in which an edge of the picture cuts the person off.
        missing_share: Runs of frames without landmarks that begin, a frame.
        swap_share: Bursts in which left and right are swapped that begin, a frame.
        box: Relative deviation of the box's centre and size.
        distance: Smallest and largest distance of the camera, metres.
    """

    offset: float = 0.012
    proportions: float = 1.0
    scale: float = 0.01
    compression: tuple[float, float] = (0.85, 1.05)
    tilt: float = 4.0
    sway: float = 2.0
    drift: float = 0.01
    jitter: float = 0.007
    depth: float = 2.2
    picture_drift: float = 0.0025
    picture_jitter: float = 0.002
    hidden: float = 0.07
    hidden_share: float = 0.012
    cut_share: float = 0.04
    missing_share: float = 0.004
    swap_share: float = 0.002
    box: float = 0.01
    distance: tuple[float, float] = (2.0, 12.0)


@dataclass
class SimulatedLandmarks:
    """Landmarks of B clips of T frames, and the true joints in the same picture.

    Attributes:
        world: (B, T, 21, 3) metres, axes as the camera's.
        points2d: (B, T, 21, 2) pixels.
        visibility: (B, T, 21); 0 where the frame was missing and is filled in.
        box: (B, T, 4), the landmarks' box.
        joints2d: (B, T, 49, 2) pixels, without any error.
    """

    world: np.ndarray
    points2d: np.ndarray
    visibility: np.ndarray
    box: np.ndarray
    joints2d: np.ndarray

    @property
    def features(self) -> np.ndarray:
        """(B, T, 126) float32."""
        return landmark_features(self.world, self.points2d, self.visibility, self.box)


def smooth_noise(shape: tuple[int, ...], frames: float, rng: np.random.Generator) -> np.ndarray:
    """Noise (B, T, ...) float32 of variance 1 that changes over about this number of frames along the second axis."""
    margin = int(np.ceil(3 * frames))
    long = (shape[0], shape[1] + 2 * margin, *shape[2:])
    noise = gaussian_filter1d(rng.standard_normal(long, dtype=np.float32), frames, axis=1, truncate=3.0)
    return noise[:, margin : margin + shape[1]] * np.sqrt(2 * frames * np.sqrt(np.pi))


def _bursts(clips: int, frames: int, share: float, length: float, rng: np.random.Generator) -> list[tuple[int, slice]]:
    """Clip and frames of bursts that begin with this probability in every frame, of this mean length."""
    bursts = []
    for clip in range(clips):
        for _ in range(rng.poisson(share * (frames + length))):
            start = int(rng.integers(-int(length), frames))
            bursts.append((clip, slice(max(start, 0), start + 1 + int(rng.exponential(length)))))
    return bursts


def simulate_landmarks(
    joints: np.ndarray, root: np.ndarray, rng: np.random.Generator, errors: LandmarkErrors | None = None
) -> SimulatedLandmarks:
    """What a landmark detector might say about bodies.

    Args:
        joints: (B, T, 49, 3) metres, axes as the camera's, anywhere.
        root: (B, T, 3, 3) global orientation of the pelvis.
        rng: Everything random comes from it.
        errors: Sizes of the errors.
    """
    errors = errors or LandmarkErrors()
    joints = joints - joints[..., 8:9, :]  # the pelvis
    shape = (*joints.shape[:2], NUM_LANDMARKS)
    offset = errors.offset * rng.standard_normal((shape[0], 1, NUM_LANDMARKS, 3))
    points = joints[:, :, SPIN49_OF_BLAZEPOSE21] + offset @ root.swapaxes(-1, -2)
    _change_proportions(points, rng, errors)
    distance = np.exp(rng.uniform(*np.log(errors.distance), (shape[0], 1, 1)))
    outside = _cut_off(points, rng, errors)
    hidden = _hidden_parts(shape, rng, errors) | outside
    lost = hidden[..., None] * errors.hidden * smooth_noise((*shape, 3), 5, rng)
    lost[..., _DEPTH_AXIS] *= 1.5
    points2d = _project(points + lost, distance)
    height = np.ptp(points2d[..., 1], axis=-1)[..., None, None]
    points2d += height * errors.picture_drift * _UNSTEADY * smooth_noise((*shape, 2), 4, rng)
    points2d += height * errors.picture_jitter * _UNSTEADY * rng.standard_normal((*shape, 2), dtype=np.float32)
    world = _world_errors(points + lost, rng, errors)
    visibility = _visibility(hidden, rng)
    _swap_sides((world, points2d, visibility), rng, errors)
    _fill_missing((world, points2d, visibility), rng, errors)
    return SimulatedLandmarks(world, points2d, visibility, _boxes(points2d, rng, errors), _project(joints, distance))


def _change_proportions(points: np.ndarray, rng: np.random.Generator, errors: LandmarkErrors) -> None:
    """Lengthen and shorten parts of bodies (B, T, 21, 3), each clip's in its own way (in place)."""
    for moved, origin, factors in _PROPORTIONS:
        factor = 1 + errors.proportions * (rng.uniform(*factors, (len(points), 1, 1, 1)) - 1)
        about = points[:, :, origin].mean(axis=2, keepdims=True)
        points[:, :, moved] = about + factor * (points[:, :, moved] - about)


def _project(points: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Pixels of points (B, T, J, 3) about the origin, seen from `distance` (B, 1, 1) metres."""
    return PICTURE_SIDE * (0.5 + 0.5 * points[..., :2] / (1 + points[..., 2] / distance)[..., None])


def _world_errors(points: np.ndarray, rng: np.random.Generator, errors: LandmarkErrors) -> np.ndarray:
    """World landmarks (B, T, 21, 3) about the hips, from where the points are."""
    clips, frames = points.shape[:2]
    world = points - points[:, :, LANDMARK_HIPS].mean(axis=2, keepdims=True)
    size = np.exp(errors.scale * rng.standard_normal((clips, 1, 1, 1)))
    depth = rng.uniform(*errors.compression, (clips, 1, 1))
    turned = errors.tilt * rng.standard_normal((clips, 1, 3)) + errors.sway * smooth_noise((clips, frames, 3), 5, rng)
    turn = Rotation.from_rotvec(np.radians(turned).reshape(-1, 3)).as_matrix().reshape(clips, frames, 3, 3)
    world = size * (world @ turn.swapaxes(-1, -2))
    world[..., _DEPTH_AXIS] *= depth
    noise = errors.drift * smooth_noise(world.shape, 4, rng)
    trembling = rng.uniform(*_TREMBLING, (clips, 1, 1, 1))
    noise += errors.jitter * trembling * rng.standard_normal(world.shape, dtype=np.float32)
    noise[..., _DEPTH_AXIS] *= errors.depth
    return world + _UNSTEADY * noise


def _cut_off(points: np.ndarray, rng: np.random.Generator, errors: LandmarkErrors) -> np.ndarray:
    """Which landmarks (B, T, 21) are outside the picture: in few clips all beyond a line below or beside the person."""
    outside = np.zeros(points.shape[:3], dtype=bool)
    for clip in np.flatnonzero(rng.random(len(points)) < errors.cut_share):
        axis, sign = ((1, 1), (1, 1), (0, 1), (0, -1))[rng.integers(4)]
        values = sign * points[clip, ..., axis]
        low, high = values.min(), values.max()
        outside[clip] = values > high - rng.uniform(0, 0.6) * (high - low)
    return outside


def _hidden_parts(shape: tuple[int, int, int], rng: np.random.Generator, errors: LandmarkErrors) -> np.ndarray:
    hidden = np.zeros(shape, dtype=bool)
    for clip, frames in _bursts(shape[0], shape[1], errors.hidden_share, 8.0, rng):
        hidden[clip, frames, _PARTS[rng.integers(len(_PARTS))]] = True
    return hidden


def _visibility(hidden: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mostly near 1; of hidden landmarks anything from 0 to 0.7, slowly changing."""
    seen = 1 - 0.05 * rng.standard_exponential(hidden.shape, dtype=np.float32)
    level = 0.35 + 0.2 * smooth_noise(hidden.shape, 4, rng)
    return np.clip(np.where(hidden, level, seen), 0.02, 1.0)


def _swap_sides(arrays: tuple[np.ndarray, ...], rng: np.random.Generator, errors: LandmarkErrors) -> None:
    """Left and right change places, of the legs or of all, for some frames (in place)."""
    clips, frames = arrays[0].shape[:2]
    for clip, run in _bursts(clips, frames, errors.swap_share, 3.0, rng):
        pairs = [(left, right) for left, right in zip(_LEFT, _RIGHT, strict=True)]
        if rng.random() < 0.5:
            pairs = [pair for pair in pairs if pair[0] in _LEGS]
        left, right = (list(side) for side in zip(*pairs, strict=True))
        for array in arrays:
            array[clip, run, left + right] = array[clip, run, right + left]


def _fill_missing(arrays: tuple[np.ndarray, ...], rng: np.random.Generator, errors: LandmarkErrors) -> None:
    """Frames without a person: landmarks between those of the frames around them, visibility 0 (in place)."""
    clips, frames = arrays[0].shape[:2]
    for clip, run in _bursts(clips, frames, errors.missing_share, 3.0, rng):
        before, after = run.start - 1, min(run.stop, frames)
        if before < 0 and after >= frames:
            continue
        first, last = (before if before >= 0 else after), (after if after < frames else before)
        places = np.arange(run.start, after)
        share = (places - before) / (after - before)
        for array in arrays:
            weight = share.reshape(-1, *(1,) * (array.ndim - 2))
            array[clip, places] = (1 - weight) * array[clip, first] + weight * array[clip, last]
        arrays[-1][clip, places] = 0


def _boxes(points2d: np.ndarray, rng: np.random.Generator, errors: LandmarkErrors) -> np.ndarray:
    box = landmark_box(points2d)
    noise = errors.box * smooth_noise(box.shape, 4, rng)
    side = box[..., 2:].max(axis=-1, keepdims=True)
    return np.concatenate([box[..., :2] + side * noise[..., :2], box[..., 2:] * np.exp(noise[..., 2:])], axis=-1)


@TRANSFORMS.register_module()
class SimulateLandmarks:
    """Put newly simulated landmarks of the batch's bodies into a training batch.

    `features` become landmark features, `keypoints2d` the joints in the picture that they were seen in, `bbox` the box
    of the landmarks. Needs `keypoints3d` (49 joints) and `smpl_pose` of every clip.

    Args:
        errors: Sizes of errors, as arguments of `LandmarkErrors`, that differ from the usual ones.
    """

    def __init__(self, **errors: float | tuple[float, float]) -> None:
        try:
            self.errors = LandmarkErrors(**errors)
        except TypeError as error:
            names = ', '.join(LandmarkErrors.__dataclass_fields__)
            raise InputError(f'SimulateLandmarks: {error}; expected some of {names}') from None

    def __call__(self, batch: dict, rng: np.random.Generator) -> dict:
        if not (batch['has_keypoints3d'].all() and batch['has_smpl'].all()):
            raise InputError(
                'SimulateLandmarks: some clips have no 3D joints or no SMPL parameters, expected both of all'
            )
        rotvec = batch['smpl_pose'][..., :3]
        root = Rotation.from_rotvec(rotvec.reshape(-1, 3)).as_matrix().reshape(*rotvec.shape, 3)
        seen = simulate_landmarks(batch['keypoints3d'], root, rng, self.errors)
        confidence = np.ones((*seen.joints2d.shape[:-1], 1))
        keypoints2d = np.concatenate([seen.joints2d, confidence], axis=-1)
        return {**batch, 'features': seen.features, 'keypoints2d': keypoints2d, 'bbox': seen.box}
