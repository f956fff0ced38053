"""Conversion of databases to track stores."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from glot_plugin.converters.database_specs import DATABASES, DatabaseSpec
from glot_plugin.converters.databases import Database, open_database
from glot_plugin.converters.keypoint_conventions import as_spin49
from glot_plugin.converters.tracks import TrackRows, find_tracks
from glot_plugin.datasets.column_checks import check_boxes
from glot_plugin.datasets.store_writer import TrackStoreWriter
from glot_plugin.datasets.track_store import TrackStore
from glot_plugin.errors import InputError
from glot_plugin.io.progress import progress_bar
from glot_plugin.transforms.normalize import NormalizeKeypoints2d

CONVERTER_VERSION = 2  # increase it whenever the same file would give another store


def convert_database(
    spec: DatabaseSpec,
    root: str | Path,
    out: str | Path,
    half: bool = False,
    feature_dim: int = 2048,
    progress: bool = True,
) -> Path:
    """Convert one database to the track store `out / spec.name`; an existing store of the same file is kept.

    The store records the file's name, size and modification time: a changed file is converted again. Invalid frames
    stay in the store, marked in `valid`; tests on 3DPW leave them out (`drop_invalid`). A killed or interrupted
    conversion resumes where it stopped. Memory: the longest track and, for HDF5, a block of each column.

    Args:
        spec: The database.
        root: Folder of the databases.
        out: Folder of the stores.
        half: Store features as float16.
        feature_dim: Expected feature width.
        progress: Show a progress bar.

    Returns:
        The store's folder.

    Raises:
        InputError: a bad file (the message names file and key), or a full disk.
    """
    source, store = Path(root) / spec.file, Path(out) / spec.name
    stamp = source_stamp(source, half=half, feature_dim=feature_dim)
    if is_current(store, stamp):
        return store
    with open_database(source, spec, feature_dim) as database:
        tracks = find_tracks(database.columns['vid_name'], database.columns.get('frame_id'), str(source))
        writer = TrackStoreWriter(
            store,
            source=f'{spec.name} ({spec.file})',
            columns=_store_columns(spec),
            feature_dim=feature_dim,
            keypoints3d_joints='h36m14' if database.row_shapes.get('joints3D', (0,))[0] == 14 else 'spin49',
            feature_dtype='float16' if half else 'float32',
            meta={'converted_from': stamp},
            overwrite=True,
            resume=True,
        )
        with writer, progress_bar(progress) as bar:
            task = bar.add_task(spec.name, total=database.num_frames)
            for track in tracks:
                if track.name in writer:
                    bar.advance(task, len(track.rows))
                    continue
                columns = _track_columns(database, spec, track)
                writer.add_track(track.name, frame_id=track.frame_id, **columns)
                bar.advance(task, len(track.rows))
    return store


def convert_databases(
    specs: Iterable[DatabaseSpec], root: str | Path, out: str | Path, **options: object
) -> dict[str, Path | InputError]:
    """Convert several databases; an error in one does not stop the others.

    Returns:
        The store or the error of each, by name.
    """
    results: dict[str, Path | InputError] = {}
    for spec in specs:
        try:
            results[spec.name] = convert_database(spec, root, out, **options)
        except InputError as error:
            results[spec.name] = error
    return results


def databases_in(root: str | Path) -> list[DatabaseSpec]:
    """The databases found in a folder.

    Raises:
        InputError: the folder is missing or holds no database.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f'--root {root}: no such folder')
    found = [spec for spec in DATABASES if (root / spec.file).is_file()]
    if not found:
        raise InputError(f'--root {root}: no database there; expected some of {", ".join(r.file for r in DATABASES)}')
    return found


def source_stamp(source: Path, **settings: object) -> dict:
    """What identifies the file a store was made from: its name, size and modification time, and the settings."""
    if not source.is_file():
        raise InputError(f'{source}: no such file')
    status = source.stat()
    return {
        'version': CONVERTER_VERSION,
        'file': source.name,
        'bytes': status.st_size,
        'mtime_ns': status.st_mtime_ns,
        **settings,
    }


def is_current(store: Path, stamp: dict) -> bool:
    """Whether a readable store with this stamp exists.

    Raises:
        InputError: the existing store was made from another file, and must not be replaced.
    """
    try:
        with TrackStore(store) as found:
            made_from = found.meta.get('converted_from')
            source = made_from['file'] if isinstance(made_from, dict) and 'file' in made_from else found.source
    except InputError:
        return False
    if source != stamp['file']:
        raise InputError(
            f'{store}: was made from {source}, not from {stamp["file"]}; remove it, or choose another folder for stores'
        )
    return made_from == stamp


def crop_boxes(count: int, crop_size: int) -> np.ndarray:
    """Boxes (n, 4) whose crop is the full square of `crop_size` pixels."""
    side = crop_size / NormalizeKeypoints2d().box_scale
    return np.tile(np.array([crop_size / 2, crop_size / 2, side, side], np.float32), (count, 1))


def _store_columns(spec: DatabaseSpec) -> list[str]:
    columns = ['features', 'keypoints2d', 'bbox']
    columns += ['keypoints3d'] if spec.has_3d else []
    return columns + (['smpl_pose', 'smpl_betas'] if spec.has_smpl else [])


def _track_columns(database: Database, spec: DatabaseSpec, track: TrackRows) -> dict[str, np.ndarray]:
    """One track as the arguments of `TrackStoreWriter.add_track`."""
    rows, where = track.rows, str(database.path)
    columns = {
        'features': database.numbers('features', rows),
        'keypoints2d': as_spin49(database.numbers('joints2D', rows), f'{where}: joints2D'),
    }
    if spec.crop_size is None:
        columns['bbox'] = database.numbers('bbox', rows)
    else:
        columns['bbox'] = crop_boxes(len(rows), spec.crop_size)
    check_boxes(f'{where}: track {track.name!r}', columns['keypoints2d'], columns['bbox'])
    if spec.has_3d:
        joints = database.numbers('joints3D', rows)
        columns['keypoints3d'] = joints if joints.shape[1] == 14 else as_spin49(joints, f'{where}: joints3D')
    if spec.has_smpl:
        columns['smpl_pose'] = database.numbers('pose', rows)
        columns['smpl_betas'] = database.numbers('shape', rows)
    if spec.valid_key in database.columns:
        columns['valid'] = database.numbers(spec.valid_key, rows).reshape(-1) > 0
    return columns
