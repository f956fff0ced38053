"""Extracting features from pictures into a track store, with one or several processes, resumable track by track."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmengine.dist import barrier

from glot_plugin.converters.convert import source_stamp
from glot_plugin.datasets import TrackStore, TrackStoreWriter
from glot_plugin.datasets.column_checks import first_nonfinite_row
from glot_plugin.datasets.store_schema import MANDATORY_COLUMNS
from glot_plugin.errors import InputError
from glot_plugin.features.backbones import BackboneSpec, FrameExtractor, build_backbone
from glot_plugin.features.blazepose import MODEL_FILES, find_model
from glot_plugin.features.crop_dataset import CropDataset, crop_loader
from glot_plugin.features.feature_cache import FeatureCache
from glot_plugin.features.image_tracks import ImageSource, ImageTrack
from glot_plugin.features.processes import default_device, join_processes, share
from glot_plugin.io.progress import progress_bar

VERSION = 1  # increased whenever the same pictures give different features


@dataclass(frozen=True)
class ExtractOptions:
    """How an extraction runs.

    Attributes:
        batch_size: Crops per forward pass of the backbone.
        workers: Decoding processes for each extracting process.
        half: Store features as float16.
        feature_dim: Expected feature width; None: whatever the backbone gives.
        overwrite: Replace an existing store.
        progress: Show a progress bar.
        device: Device of the backbone; None: the GPU of this process, or the CPU.
    """

    batch_size: int = 64
    workers: int = 4
    half: bool = False
    feature_dim: int | None = None
    overwrite: bool = False
    progress: bool = True
    device: torch.device | None = None

    def __post_init__(self) -> None:
        for name, least in (('batch_size', 1), ('workers', 0)):
            if getattr(self, name) < least:
                raise InputError(f'{name} is {getattr(self, name)}, expected at least {least}')


def extract_features(
    source: ImageSource, spec: BackboneSpec, out: str | Path, options: ExtractOptions | None = None
) -> Path:
    """Extract the features of every frame of a source into the track store `out`.

    The store appears at the end, complete; until then finished tracks are kept in a hidden folder beside it, and the
    same call resumes with the others. An existing store from the same files, backbone and options is kept. Under
    torchrun the processes share the tracks, and the first one writes the store.

    Args:
        source: Pictures and boxes.
        spec: The backbone.
        out: Folder of the store.
        options: How to run.

    Returns:
        The store's folder.

    Raises:
        InputError: `out` exists and is something else, a picture, box or track is invalid (the message names it), the
            weights do not fit, or the disk is full.
    """
    options, out = options or ExtractOptions(), Path(out).absolute()
    rank, world_size = join_processes()
    settings = _settings(source, spec, options)
    if _is_there(out, settings, options):
        return out
    backbone = build_backbone(spec).to(options.device or default_device())
    if options.feature_dim not in (None, backbone.feature_dim):
        raise InputError(
            f'--backbone {spec.name}: features are {backbone.feature_dim} wide, expected {options.feature_dim}'
        )
    work = FeatureCache(out)
    if rank == 0:
        work.prepare(settings)
        source.prepare(work.path)
    barrier()
    tracks = source.tracks(work.path)
    left = [track for track in range(len(tracks)) if not work.has(track)]
    barrier()  # no process writes a track before all know which are left
    mine = share([len(track.frames) for track in tracks], left, rank, world_size)
    _extract_tracks(tracks, mine, backbone, work, options, show=options.progress and rank == 0)
    barrier()
    if rank == 0:
        _assemble(source, tracks, work, out, settings, backbone.feature_dim, options)
        work.remove()
    barrier()
    return out


def _settings(source: ImageSource, spec: BackboneSpec, options: ExtractOptions) -> dict:
    """The settings that identify features: the files (name, size, modification time) and the backbone."""
    if spec.name == 'blazepose':
        weights = [source_stamp(find_model(name)) for name in MODEL_FILES]
    else:
        weights = {'seed': spec.seed} if spec.weights is None else source_stamp(spec.weights)
    return {
        'version': VERSION,
        'files': [source_stamp(file) for file in source.files],
        'backbone': spec.name,
        'weights': weights,
        'half': options.half,
    }


def _is_there(out: Path, settings: dict, options: ExtractOptions) -> bool:
    if options.overwrite or not out.exists():
        return False
    try:
        with TrackStore(out) as store:
            if store.meta.get('extracted_from') == settings:
                return True
    except InputError:
        pass
    raise InputError(f'{out}: already exists, but from other files, weights or options; set overwrite to replace it')


@torch.inference_mode()
def _extract_tracks(
    tracks: list[ImageTrack],
    chosen: list[int],
    backbone: FrameExtractor,
    work: FeatureCache,
    options: ExtractOptions,
    show: bool,
) -> None:
    """Extract and save the chosen tracks one after another."""
    dataset = CropDataset(tracks, chosen, options.batch_size, backbone.crop_size)
    dtype = torch.float16 if options.half else torch.float32
    with progress_bar(show) as bar:
        task = bar.add_task('features', total=sum(len(tracks[track].frames) for track in chosen))
        parts: list[np.ndarray] = []
        for (track, start, stop), crops in crop_loader(dataset, options.workers):
            if isinstance(crops, InputError):
                raise crops
            parts.append(backbone(crops).to(dtype).cpu().numpy())
            if stop == len(tracks[track].frames):
                features, parts = np.concatenate(parts), []
                _check_finite(features, tracks[track])
                work.save(track, features)
            bar.advance(task, stop - start)


def _check_finite(features: np.ndarray, track: ImageTrack) -> None:
    row = first_nonfinite_row(features)
    if row is not None:
        frame = track.frames.name(row)
        raise InputError(
            f'track {track.name!r}: {frame}: the backbone gives features that are not finite as {features.dtype}; '
            'look at its weights, or store features in single precision'
        )


def _assemble(
    source: ImageSource,
    tracks: list[ImageTrack],
    work: FeatureCache,
    out: Path,
    settings: dict,
    feature_dim: int,
    options: ExtractOptions,
) -> None:
    """Write the store from the finished tracks and the source's annotations."""
    annotations = source.annotations(work.path)
    found = () if annotations is None else annotations.frame_columns
    kept = [name for name in found if name not in (*MANDATORY_COLUMNS, 'bbox')]
    writer = TrackStoreWriter(
        out,
        source=f'{source.name}, features of {settings["backbone"]}',
        columns=('bbox', *kept),
        feature_dim=feature_dim,
        keypoints3d_joints='spin49' if annotations is None else annotations.keypoints3d_joints or 'spin49',
        feature_dtype='float16' if options.half else 'float32',
        meta={'extracted_from': settings},
        overwrite=options.overwrite,
    )
    with writer:
        for index, track in enumerate(tracks):
            features = work.load(index, (len(track.frames), feature_dim))
            extra = {} if annotations is None else _annotations(annotations, index, kept)
            bbox = track.bbox.astype(np.float32)
            writer.add_track(track.name, features=features, bbox=bbox, frame_id=track.frame_id, **extra)


def _annotations(store: TrackStore, track: int, columns: list[str]) -> dict:
    """A track's columns other than features and boxes, as arguments of `TrackStoreWriter.add_track`."""
    absent = set() if store.track_has_keypoints3d[track] else {'keypoints3d'}
    absent |= set() if store.track_has_smpl[track] else {'smpl_pose', 'smpl_betas'}
    rows = store.track(track)
    given = {name: rows[name] for name in columns if name not in absent}
    return {**given, 'valid': rows['valid'], 'gender': str(store.track_gender[track]) or None}
