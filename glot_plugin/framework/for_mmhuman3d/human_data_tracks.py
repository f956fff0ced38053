"""The tracks of a HumanData file, one after another, in the form that a track store takes."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from mmhuman3d.core.conventions.keypoints_mapping import KEYPOINTS_FACTORY, get_mapping

from glot_plugin.converters.columns import as_array, as_numbers, as_text
from glot_plugin.converters.tracks import TrackRows
from glot_plugin.datasets.column_checks import check_boxes
from glot_plugin.errors import InputError
from glot_plugin.framework.for_mmhuman3d.human_data_file import HumanDataFile, check_finite, check_lengths
from glot_plugin.framework.for_mmhuman3d.person_tracks import person_tracks
from glot_plugin.io.messages import brief
from glot_plugin.io.npz_file import CHUNK, ColumnStream

VERSION = 2  # increase it whenever the same file would give other tracks
GENDERS = {'m': 'm', 'male': 'm', 'f': 'f', 'female': 'f', 'n': 'n', 'neutral': 'n'}
PERSON_KEYS = ('track_id', 'person_id')
SMPL_ROWS = {'global_orient': 3, 'body_pose': 69, 'betas': 10, 'transl': 3}  # numbers per frame


@dataclass(frozen=True)
class HumanTrack:
    """One person in one video.

    Attributes:
        name: Unique in its file.
        gender: 'm', 'f', 'n' or None.
        columns: Columns of a track store (n, …); boxes are mmhuman3d's, which are the crops. Without 3D keypoints or
            SMPL if the track has none in any frame.
        keypoints3d_confidence: (n, 49), None: the file has no 3D keypoints.
    """

    name: str
    gender: str | None
    columns: dict[str, np.ndarray]
    keypoints3d_confidence: np.ndarray | None


class HumanDataTracks:
    """The tracks of an open file; iterating reads it once, from its beginning to its end.

    Memory: the small arrays, and all columns of the longest track (where people alternate, of the rows in which they
    do).

    Args:
        file: The file.
        only_vid_name: Its `image_path` holds only the name of the video (and person).
        with_features: Read `features`; otherwise they are zeros, one per frame.

    Attributes:
        num_frames: N.
        order: (N,) the file's rows in the order of the tracks.
        columns: The store's columns that tracks have.
        feature_dim, feature_dtype: Width and type of the features; anything but half precision is read as float32.
        has_smpl: (N,) bool by the file's rows, None: all.
        smpl: Arrays (N, C) of `SMPL_ROWS` by the file's rows; empty without SMPL.

    Raises:
        InputError: Something is missing, damaged or does not fit; the message names file, key and row.
    """

    def __init__(self, file: HumanDataFile, only_vid_name: bool = False, with_features: bool = True) -> None:
        self.path = file.path
        for key in ('features', 'image_path') if with_features else ('image_path',):
            if key not in file:
                raise InputError(
                    f'{self.path}: no {key!r}, found {", ".join(file.keys)}; expected a HumanData file with per-frame '
                    'features (N, C) and image_path (N)'
                )
        self._genders = read_genders(file)
        self._tracks = read_tracks(file, self._genders, only_vid_name)
        self.order = np.concatenate([track.rows for track in self._tracks])
        self.num_frames = len(self.order)
        self._features = _feature_stream(file) if with_features else None
        self.feature_dim = self._features.shape[1] if self._features else 1
        half = self._features is not None and self._features.dtype == np.float16
        self.feature_dtype = 'float16' if half else 'float32'
        self.smpl = _read_smpl(file, self.num_frames)
        has_smpl = file.numbers('has_smpl')
        self.has_smpl = None if has_smpl is None else has_smpl.reshape(-1) > 0
        self._boxes = read_boxes(file, self.num_frames) if 'bbox_xywh' in file else None
        self._keypoints = {name: _Keypoints.of(file, name) for name in ('keypoints2d', 'keypoints3d') if name in file}
        if 'keypoints2d' in self._keypoints and self._boxes is None:
            warnings.warn(
                f'{self.path}: keypoints2d without bbox_xywh, the crop they belong to: left out', stacklevel=2
            )
            del self._keypoints['keypoints2d']
        streams = {name: item.stream for name, item in self._keypoints.items()}
        check_lengths(self.path, {'features': self._features, 'has_smpl': self.has_smpl, **streams}, self.num_frames)

    @property
    def columns(self) -> list[str]:
        names = ['features', *self._keypoints]
        names += ['bbox'] if 'keypoints2d' in self._keypoints else []
        return names + (['smpl_pose', 'smpl_betas'] if self.smpl else [])

    def __iter__(self) -> Iterator[HumanTrack]:
        for tracks, first, stop in _row_blocks(self._tracks):
            block = self._read_block(stop - first)
            for track in tracks:
                inside = track.rows - first
                in_order = len(inside) == stop - first and (np.diff(inside) == 1).all()
                # the usual block is one track: not copied
                yield self._track(track, block if in_order else {key: value[inside] for key, value in block.items()})
            del block  # before the next one is read

    def _read_block(self, count: int) -> dict[str, np.ndarray]:
        """The next rows of all streams."""
        if self._features is None:
            block = {'features': np.zeros((count, 1), np.float32)}
        else:
            block = {'features': self._features.read(count, np.dtype(self.feature_dtype).type)}
        return block | {name: keypoints.read(count) for name, keypoints in self._keypoints.items()}

    def _track(self, track: TrackRows, values: dict[str, np.ndarray]) -> HumanTrack:
        rows, columns, confidence = track.rows, {'frame_id': track.frame_id}, None
        for key, array in values.items():
            check_finite(f'{self.path}: {key}', array, rows)
        columns['features'] = values['features']
        if 'keypoints2d' in values:
            columns |= {'keypoints2d': values['keypoints2d'], 'bbox': self._boxes[rows]}
            check_finite(f'{self.path}: bbox_xywh', columns['bbox'], rows)
            check_boxes(f'{self.path}: track {track.name!r}', columns['keypoints2d'], columns['bbox'])
        if 'keypoints3d' in values:
            confidence = values['keypoints3d'][..., 3]
            if (confidence > 0).any():
                columns['keypoints3d'] = np.ascontiguousarray(values['keypoints3d'][..., :3])
        if self.smpl and (self.has_smpl is None or self.has_smpl[rows].any()):
            parts = {key: array[rows] for key, array in self.smpl.items()}
            for key, part in parts.items():
                check_finite(f'{self.path}: smpl[{key!r}]', part, rows)
            columns['smpl_pose'] = np.concatenate([parts['global_orient'], parts['body_pose']], axis=1)
            columns['smpl_betas'] = parts['betas']
        gender = None if self._genders is None else str(self._genders[rows[0]]) or None
        return HumanTrack(track.name, gender, columns, confidence)


def read_tracks(file: HumanDataFile, genders: np.ndarray | None, only_vid_name: bool = False) -> list[TrackRows]:
    """Which rows are one person in one video; see `person_tracks`."""
    image_paths = read_image_paths(file)
    people = {key: _read_ids(file, key) for key in PERSON_KEYS if key in file}
    check_lengths(file.path, {**people, "meta['gender']": genders}, len(image_paths))
    return person_tracks(file.path, image_paths, only_vid_name, people, genders)


def read_image_paths(file: HumanDataFile) -> np.ndarray:
    """`image_path` (N,), N ≥ 1."""
    paths = np.array(as_text(_read_ids(file, 'image_path'), f'{file.path}: image_path'))
    if not len(paths):
        raise InputError(f'{file.path}: image_path has no rows, expected at least one frame')
    return paths


def read_boxes(file: HumanDataFile, num_frames: int) -> np.ndarray:
    """`bbox_xywh` (N, 4 or 5; corner and size) as centre and size (N, 4)."""
    boxes = file.numbers('bbox_xywh')
    check_lengths(file.path, {'bbox_xywh': boxes}, num_frames)
    if boxes.ndim != 2 or boxes.shape[1] not in (4, 5):
        raise InputError(f'{file.path}: bbox_xywh is {boxes.shape}, expected (N, 4 or 5)')
    return np.concatenate([boxes[:, :2] + boxes[:, 2:4] / 2, boxes[:, 2:4]], axis=1)


def read_genders(file: HumanDataFile) -> np.ndarray | None:
    """`meta['gender']` as (N,) 'm', 'f', 'n' or '' (not known); None where there is none."""
    given = file.mapping('meta').get('gender')
    if given is None:
        return None
    items = np.atleast_1d(as_array(given, f"{file.path}: meta['gender']")).reshape(-1).tolist()
    texts = [item.decode('utf-8', 'replace') if isinstance(item, bytes) else item for item in items]
    return np.array([GENDERS.get(text.lower(), '') if isinstance(text, str) else '' for text in texts])


def _read_ids(file: HumanDataFile, key: str) -> np.ndarray:
    """Numbers or strings (N,); those of an object array become strings."""
    values = np.atleast_1d(as_array(file.value(key), f'{file.path}: {key}'))
    if values.size != len(values):
        raise InputError(f'{file.path}: {key} is {values.shape}, expected (N,)')
    values = values.reshape(-1)
    return np.array(as_text(values, f'{file.path}: {key}')) if values.dtype.hasobject else values


def _feature_stream(file: HumanDataFile) -> ColumnStream:
    features = file.stream('features')
    if len(features.shape) != 2 or features.dtype.kind != 'f':
        raise InputError(f'{file.path}: features are {features.dtype} {features.shape}, expected floating point (N, C)')
    return features


def _read_smpl(file: HumanDataFile, num_frames: int) -> dict[str, np.ndarray]:
    smpl = file.mapping('smpl')
    missing = [key for key in SMPL_ROWS if key not in smpl and key != 'transl']
    if missing:
        if smpl:
            warnings.warn(f'{file.path}: smpl has no {", ".join(missing)}: SMPL left out', stacklevel=3)
        return {}
    found = {}
    for key in SMPL_ROWS.keys() & smpl.keys():
        name = f'smpl[{key!r}]'
        where = f'{file.path}: {name}'
        values = as_numbers(np.atleast_1d(as_array(smpl[key], where)), np.float32, where)
        check_lengths(file.path, {name: values}, num_frames)
        if values.size != num_frames * SMPL_ROWS[key]:
            raise InputError(f'{where} is {values.shape}, expected (N, {SMPL_ROWS[key]})')
        found[key] = values.reshape(num_frames, -1)
    return found


def _row_blocks(tracks: list[TrackRows]) -> Iterator[tuple[list[TrackRows], int, int]]:
    """Split the tracks into the smallest blocks that each fill the rows `first:stop` of the file."""
    block, first, stop = [], 0, 0
    for track in tracks:
        if block and track.rows.min() >= stop:
            yield block, first, stop
            block, first = [], stop
        block.append(track)
        stop = max(stop, int(track.rows.max()) + 1)
    yield block, first, stop


@dataclass
class _Keypoints:
    """A keypoint array in any convention, read as the 49 joints (n, 49, D)."""

    stream: ColumnStream
    columns: np.ndarray  # of the stored array, for each joint that it has
    joints: np.ndarray  # which of the 49 these are

    @classmethod
    def of(cls, file: HumanDataFile, key: str) -> '_Keypoints':
        stream = file.stream(key)
        convention = file.value(f'{key}_convention', 'human_data')
        if not isinstance(convention, str) or convention not in KEYPOINTS_FACTORY:
            raise InputError(f'{file.path}: {key}_convention is {brief(convention)}, which mmhuman3d does not have')
        joints, columns, _ = get_mapping(convention, 'smpl_49')
        joints, columns = np.asarray(joints), np.asarray(columns)
        num_joints = len(KEYPOINTS_FACTORY[convention])
        mask = file.numbers(f'{key}_mask')
        mask = np.ones(num_joints, bool) if mask is None else mask > 0
        if mask.shape != (num_joints,):
            raise InputError(f'{file.path}: {key}_mask is {mask.shape}, expected ({num_joints},) for {convention}')
        joints, columns = joints[mask[columns]], columns[mask[columns]]
        if file.flag('__keypoints_compressed__'):
            columns = (np.cumsum(mask) - 1)[columns]  # only the joints of the mask are stored
            mask = mask[mask]
        width = 3 if key == 'keypoints2d' else 4
        if stream.shape[1:] != (len(mask), width):
            raise InputError(f'{file.path}: {key} is {stream.shape}, expected (N, {len(mask)}, {width})')
        return cls(stream, columns, joints)

    def read(self, count: int) -> np.ndarray:
        rows = []
        for start in range(0, count, CHUNK):
            stored = self.stream.read(min(CHUNK, count - start), np.float32)
            keypoints = np.zeros((len(stored), 49, stored.shape[-1]), np.float32)
            keypoints[:, self.joints] = stored[:, self.columns]
            keypoints[keypoints[..., -1] <= 0] = 0
            rows.append(keypoints)
        return np.concatenate(rows)
