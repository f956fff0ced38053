"""HumanData files as track stores: converted once, kept beside the file, memory-mapped from then on."""

import json
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch.distributed as dist
from mmcv.runner import get_dist_info
from mmhuman3d.core.conventions.keypoints_mapping import KEYPOINTS_FACTORY, get_mapping

from glot_plugin.datasets import TrackStore, TrackStoreWriter
from glot_plugin.datasets.whole_folder import WholeFolder
from glot_plugin.errors import InputError
from glot_plugin.framework.our_parts.human_data_file import HumanDataFile, check_lengths
from glot_plugin.framework.our_parts.person_tracks import person_tracks

VERSION = 1
INDEX_FILE, STORE_FOLDER = 'source.json', 'store'
GENDERS = {'m': 'm', 'male': 'm', 'f': 'f', 'female': 'f', 'n': 'n', 'neutral': 'n'}
PERSON_KEYS = ('track_id', 'person_id')
CHUNK = 4096  # frames in memory at a time


@dataclass
class VideoSource:
    """A track store, and what of a HumanData file has no column there.

    Attributes:
        store: The frames, in the order of the file.
        box_scale: Side of the crops over the larger side of the boxes.
        keypoints3d_confidence: (N, 49), None: 1 where a track has 3D keypoints.
        has_smpl: (N,) bool, None: as the track.
        smpl_transl: (N, 3) metres, None: zeros.
    """

    store: TrackStore
    box_scale: float
    keypoints3d_confidence: np.ndarray | None = None
    has_smpl: np.ndarray | None = None
    smpl_transl: np.ndarray | None = None


def open_source(
    path: str | Path, only_vid_name: bool = False, cache_dir: str | Path | None = None, box_scale: float | None = None
) -> VideoSource:
    """Open a track store, or a HumanData file through the store that it is converted to.

    Args:
        path: Folder of a track store, or a HumanData `.npz` with `features`.
        only_vid_name: Its `image_path` names the video (and person) alone.
        cache_dir: Where converted files are kept; beside the file by default.
        box_scale: Side of the crops over the larger side of the boxes; by default 1.2 for track stores and 1 for
            HumanData, whose boxes mmhuman3d takes as they are.

    Raises:
        InputError: Nothing is there, something lacks or does not fit, or the cache cannot be written.
    """
    path = Path(path)
    if path.is_dir():
        return VideoSource(TrackStore(path), 1.2 if box_scale is None else box_scale)
    folder = Path(cache_dir or path.parent) / f'{path.name}.tracks'
    rank, world_size = get_dist_info()
    if rank == 0:
        _convert_if_needed(path, folder, only_vid_name)
    if world_size > 1:
        dist.barrier()
    extras = {
        name: np.load(folder / f'{name}.npy', mmap_mode='r')
        for name in ('keypoints3d_confidence', 'has_smpl', 'smpl_transl')
        if (folder / f'{name}.npy').is_file()
    }
    return VideoSource(TrackStore(folder / STORE_FOLDER), 1.0 if box_scale is None else box_scale, **extras)


def _convert_if_needed(path: Path, folder: Path, only_vid_name: bool) -> None:
    if not path.is_file():
        raise InputError(f'{path}: no such file; expected a HumanData .npz, or the folder of a track store')
    status = path.stat()
    stamp = {
        'version': VERSION,
        'bytes': status.st_size,
        'mtime_ns': status.st_mtime_ns,
        'only_vid_name': only_vid_name,
    }
    try:
        if json.loads((folder / INDEX_FILE).read_text()) == stamp:
            return
    except (OSError, ValueError):  # not there, or not whole: written anew
        pass
    try:
        whole = WholeFolder(folder, INDEX_FILE, overwrite=True)
        hidden = whole.open()
    except OSError as error:
        raise InputError(f'{folder}: cannot be written ({error.strerror}); set cache_dir in the data set') from error
    try:
        convert_human_data(path, hidden, only_vid_name)
        (hidden / INDEX_FILE).write_text(json.dumps(stamp))
        whole.publish()
    finally:
        whole.discard()


def convert_human_data(path: Path, folder: Path, only_vid_name: bool = False) -> None:
    """Write a HumanData file as a track store `store` in `folder`, and what has no column there beside it.

    The rows stay in their order. Features and keypoints pass through in pieces, so that memory does not grow with them.

    Raises:
        InputError: The file lacks `features` or `image_path`, or something in it does not fit.
    """
    with HumanDataFile(path) as file:
        for key in ('features', 'image_path'):
            if key not in file:
                raise InputError(
                    f'{path}: no {key!r}, found {", ".join(file.keys)}; expected a HumanData file with per-frame '
                    'features (N, C) and image_path (N)'
                )
        _Conversion(file, only_vid_name).write(folder)


class _Conversion:
    """One conversion: the small arrays at once, the large ones as streams."""

    def __init__(self, file: HumanDataFile, only_vid_name: bool) -> None:
        self.file, path = file, file.path
        self.features = file.stream('features')
        if len(self.features.shape) != 2 or self.features.dtype.kind != 'f':
            raise InputError(
                f'{path}: features are {self.features.dtype} {self.features.shape}, expected numbers (N, C)'
            )
        num_frames = self.features.shape[0]
        image_paths = np.asarray(file.value('image_path')).astype(str)
        genders = (file.value('meta') or {}).get('gender')
        people = [np.asarray(file.value(key)) for key in PERSON_KEYS if key in file]
        check_lengths(path, {'image_path': image_paths, **({} if genders is None else {'gender': genders})}, num_frames)
        self.genders = None if genders is None else np.array([GENDERS.get(str(item).lower(), '') for item in genders])
        tellers = people + ([] if self.genders is None else [self.genders])
        self.offsets, self.names, self.frame_id = person_tracks(path, image_paths, only_vid_name, tellers)
        self.smpl = self._smpl(num_frames)
        self.has_smpl = _optional(file.value('has_smpl'), lambda values: np.asarray(values).reshape(-1) > 0)
        self.boxes = _optional(file.value('bbox_xywh'), _centred_boxes)
        self.keypoints = {name: _Keypoints.of(file, name) for name in ('keypoints2d', 'keypoints3d')}
        if self.keypoints['keypoints2d'] and self.boxes is None:
            warnings.warn(f'{path}: keypoints2d without bbox_xywh, the crop they belong to: left out', stacklevel=2)
            self.keypoints['keypoints2d'] = None
        streams = {name: item.stream for name, item in self.keypoints.items() if item}
        small = {'has_smpl': self.has_smpl, 'bbox_xywh': self.boxes}
        check_lengths(path, {**streams, **{k: v for k, v in small.items() if v is not None}}, num_frames)

    def _smpl(self, num_frames: int) -> dict[str, np.ndarray] | None:
        smpl = self.file.value('smpl')
        missing = [key for key in ('global_orient', 'body_pose', 'betas') if key not in (smpl or {})]
        if missing:
            if smpl:
                warnings.warn(f'{self.file.path}: smpl has no {", ".join(missing)}: SMPL left out', stacklevel=2)
            return None
        check_lengths(self.file.path, {f'smpl[{key!r}]': value for key, value in smpl.items()}, num_frames)
        pose = [np.asarray(smpl[key], np.float32).reshape(num_frames, -1) for key in ('global_orient', 'body_pose')]
        columns = {'smpl_pose': np.concatenate(pose, axis=1), 'smpl_betas': np.asarray(smpl['betas'], np.float32)}
        if 'transl' in smpl:
            columns['smpl_transl'] = np.asarray(smpl['transl'], np.float32)
        return columns

    def write(self, folder: Path) -> None:
        columns = ['features']
        columns += ['keypoints2d', 'bbox'] if self.keypoints['keypoints2d'] else []
        columns += ['keypoints3d'] if self.keypoints['keypoints3d'] else []
        columns += ['smpl_pose', 'smpl_betas'] if self.smpl else []
        num_frames = len(self.frame_id)
        confidence = None
        if self.keypoints['keypoints3d']:
            confidence = np.lib.format.open_memmap(
                folder / 'keypoints3d_confidence.npy', 'w+', np.float32, (num_frames, 49)
            )
        with TrackStoreWriter(
            folder / STORE_FOLDER,
            source=f'HumanData {self.file.path.name}',
            columns=columns,
            feature_dim=self.features.shape[1],
            feature_dtype='float16' if self.features.dtype == np.float16 else 'float32',
        ) as writer:
            for track, name in enumerate(self.names):
                rows = slice(int(self.offsets[track]), int(self.offsets[track + 1]))
                writer.add_track(name, **self._track(rows, confidence))
        if self.has_smpl is not None:
            np.save(folder / 'has_smpl.npy', self.has_smpl)
        if self.smpl and 'smpl_transl' in self.smpl:
            np.save(folder / 'smpl_transl.npy', self.smpl['smpl_transl'])

    def _track(self, rows: slice, confidence: np.ndarray | None) -> dict[str, Any]:
        count = rows.stop - rows.start
        track: dict[str, Any] = {'features': self.features.read(count), 'frame_id': self.frame_id[rows]}
        if self.keypoints['keypoints2d']:
            track['keypoints2d'] = self.keypoints['keypoints2d'].read(count)
            track['bbox'] = self.boxes[rows]
        if self.keypoints['keypoints3d']:
            keypoints = self.keypoints['keypoints3d'].read(count)
            confidence[rows] = keypoints[..., 3]
            if (keypoints[..., 3] > 0).any():
                track['keypoints3d'] = np.ascontiguousarray(keypoints[..., :3])
        if self.smpl and (self.has_smpl is None or self.has_smpl[rows].any()):
            track |= {key: self.smpl[key][rows] for key in ('smpl_pose', 'smpl_betas')}
        if self.genders is not None:
            track['gender'] = str(self.genders[rows.start]) or None
        return track


@dataclass
class _Keypoints:
    """A keypoint array in any convention, read as the 49 joints (n, 49, D)."""

    stream: Any
    columns: np.ndarray  # of the stored array, for each joint that it has
    joints: np.ndarray  # which of the 49 these are

    @classmethod
    def of(cls, file: HumanDataFile, key: str) -> '_Keypoints | None':
        if key not in file:
            return None
        stream = file.stream(key)
        convention = file.value(f'{key}_convention', 'human_data')
        if convention not in KEYPOINTS_FACTORY:
            raise InputError(f"{file.path}: {key}_convention is {convention!r}, which is none of mmhuman3d's")
        joints, columns, _ = get_mapping(convention, 'smpl_49')
        joints, columns = np.asarray(joints), np.asarray(columns)
        mask = np.asarray(file.value(f'{key}_mask', np.ones(len(KEYPOINTS_FACTORY[convention])))) > 0
        joints, columns = joints[mask[columns]], columns[mask[columns]]
        if file.value('__keypoints_compressed__', False):
            columns = (np.cumsum(mask) - 1)[columns]  # only the joints of the mask are stored
            mask = mask[mask]
        width = 3 if key == 'keypoints2d' else 4
        if stream.shape[1:] != (len(mask), width):
            raise InputError(f'{file.path}: {key} is {stream.shape}, expected (N, {len(mask)}, {width})')
        return cls(stream, columns, joints)

    def read(self, count: int) -> np.ndarray:
        rows = []
        for start in range(0, count, CHUNK):
            stored = self.stream.read(min(CHUNK, count - start))
            keypoints = np.zeros((len(stored), 49, stored.shape[-1]), np.float32)
            keypoints[:, self.joints] = stored[:, self.columns]
            keypoints[keypoints[..., -1] <= 0] = 0
            rows.append(keypoints)
        return np.concatenate(rows)


def _centred_boxes(boxes: np.ndarray) -> np.ndarray:
    """`bbox_xywh` (N, 4 or 5; corner and size) as centre and size (N, 4)."""
    boxes = np.asarray(boxes, np.float32)
    return np.concatenate([boxes[:, :2] + boxes[:, 2:4] / 2, boxes[:, 2:4]], axis=1)


def _optional(value: Any, function: Callable[[Any], np.ndarray]) -> np.ndarray | None:
    return None if value is None else function(value)


def annotation_path(data_prefix: str | os.PathLike, ann_file: str | os.PathLike) -> Path:
    """`data_prefix/preprocessed_datasets/ann_file`, as mmhuman3d looks for it, where it is there; else `ann_file`."""
    usual = Path(data_prefix) / 'preprocessed_datasets' / ann_file
    return usual if usual.exists() else Path(ann_file)
