"""HumanData files as track stores: converted once, kept beside the file, memory-mapped from then on."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch.distributed as dist
from mmcv.runner import get_dist_info

from glot_plugin.datasets import TrackStore, TrackStoreWriter
from glot_plugin.errors import InputError, WriteError
from glot_plugin.framework.for_mmhuman3d.human_data_file import HumanDataFile
from glot_plugin.framework.for_mmhuman3d.human_data_tracks import VERSION, HumanDataTracks
from glot_plugin.io.atomic_folder import AtomicFolder
from glot_plugin.io.files import write_errors, write_npy
from glot_plugin.io.json_file import read_json
from glot_plugin.io.npy_file import NpyFile

INDEX_FILE, STORE_FOLDER = 'source.json', 'store'


@dataclass
class VideoSource:
    """A track store, and the data of a HumanData file that have no column in it.

    Attributes:
        store: The frames; the arrays below are in its order.
        box_scale: Side of the crops divided by the larger side of the boxes.
        keypoints3d_confidence: (N, 49), None: 1 where a track has 3D keypoints.
        has_smpl: (N,) bool, None: as in the track.
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
    """Open a track store, or a HumanData file by way of the store that it is converted to.

    Args:
        path: Folder of a track store, or a HumanData `.npz` with `features`.
        only_vid_name: Its `image_path` holds only the name of the video (and person).
        cache_dir: Where converted files are kept; beside the file by default.
        box_scale: Side of the crops divided by the larger side of the boxes; by default 1.2 for track stores and 1 for
            HumanData, whose boxes mmhuman3d takes as they are.

    Raises:
        InputError: The path does not exist, something is missing or does not fit, or the cache cannot be written.
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
        name: NpyFile.open(folder / f'{name}.npy').memmap()
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
        if read_json(folder / INDEX_FILE) == stamp:
            return
    except InputError:  # missing or incomplete: written again
        pass
    whole = AtomicFolder(folder, INDEX_FILE, overwrite=True)
    try:
        with write_errors(folder):
            hidden = whole.open()
            convert_human_data(path, hidden, only_vid_name)
            (hidden / INDEX_FILE).write_text(json.dumps(stamp))
            whole.publish()
    except WriteError as error:
        raise WriteError(f'{error}; set cache_dir in the data set to another folder') from error
    finally:
        whole.discard()


def convert_human_data(path: Path, folder: Path, only_vid_name: bool = False) -> None:
    """Write a HumanData file as a track store `store` in `folder`, and the data that have no column in it beside it.

    Raises:
        InputError: The file lacks `features` or `image_path`, or something in it does not fit.
    """
    with HumanDataFile(path) as file:
        tracks = HumanDataTracks(file, only_vid_name)
        writer = TrackStoreWriter(
            folder / STORE_FOLDER,
            source=f'HumanData {path.name}',
            columns=tracks.columns,
            feature_dim=tracks.feature_dim,
            feature_dtype=tracks.feature_dtype,
        )
        with writer, (folder / 'keypoints3d_confidence.npy').open('wb') as confidence:
            header = {'descr': '<f4', 'fortran_order': False, 'shape': (tracks.num_frames, 49)}
            np.lib.format.write_array_header_1_0(confidence, header)
            for track in tracks:
                writer.add_track(track.name, gender=track.gender, **track.columns)
                if track.keypoints3d_confidence is not None:
                    confidence.write(track.keypoints3d_confidence.tobytes())
    if 'keypoints3d' not in tracks.columns:
        (folder / 'keypoints3d_confidence.npy').unlink()
    if tracks.has_smpl is not None:
        _save(folder / 'has_smpl.npy', tracks.has_smpl[tracks.order])
    if 'transl' in tracks.smpl:
        _save(folder / 'smpl_transl.npy', tracks.smpl['transl'][tracks.order])


def _save(path: Path, array: np.ndarray) -> None:
    with path.open('wb') as file:
        write_npy(file, array)


def annotation_path(data_prefix: str | os.PathLike, ann_file: str | os.PathLike) -> Path:
    """`data_prefix/preprocessed_datasets/ann_file`, where mmhuman3d looks for it, if that exists; else `ann_file`."""
    usual = Path(data_prefix) / 'preprocessed_datasets' / ann_file
    return usual if usual.exists() else Path(ann_file)
