"""Synthetic tracks as track stores on disk, and the three splits of a data set."""

import os
import zlib
from pathlib import Path

from rich.progress import Progress

from glot_plugin.body_model import SMPLBody
from glot_plugin.datasets.store_writer import TrackStoreWriter
from glot_plugin.datasets.synthetic.generator import IMAGE_SCENARIO, Scenario, generate_tracks
from glot_plugin.datasets.track_store import TrackStore
from glot_plugin.errors import InputError

GENERATOR_VERSION = 1  # raised whenever the same settings give other data


def write_synthetic_store(
    path: str | os.PathLike,
    body_dir: str | os.PathLike,
    num_frames: int,
    seed: int,
    share_2d: float = 0.4,
    joints3d: str = 'spin49',
    feature_dtype: str = 'float32',
    progress: bool = True,
    scenario: Scenario = IMAGE_SCENARIO,
) -> Path:
    """Writes a track store of synthetic tracks, in the memory of one track; one that is there already is kept.

    A store with other settings, or one that cannot be read, is written anew. An interrupted run leaves nothing.

    Args:
        path: The store's folder.
        body_dir: Body-model files (those of `write_synthetic_body`, or any others in SMPL's format).
        num_frames: Frames of all tracks together.
        seed: Everything random comes from it.
        share_2d: Share of the tracks with neither 3D joints nor SMPL parameters.
        joints3d: Joint set of `keypoints3d`: `spin49`, or `h36m14`, which evaluation takes.
        feature_dtype: `float32` or `float16` (half the disk).
        progress: Show a progress bar.
        scenario: What the people do, and what is seen of them.

    Returns:
        The store's path.
    """
    path, body = Path(path), SMPLBody(body_dir)
    settings = {
        'generator_version': GENERATOR_VERSION,
        'num_frames': num_frames,
        'seed': seed,
        'share_2d': share_2d,
        'joints3d': joints3d,
        'feature_dtype': feature_dtype,
        'body': zlib.crc32(body.v_template.numpy().tobytes()),
    }
    if scenario is not IMAGE_SCENARIO:
        settings['scenario'] = scenario.name
        settings.update(scenario.parameters)
    if _is_complete(path, settings):
        return path
    writer = TrackStoreWriter(
        path,
        source='synthetic: generated motion of a generated body, to run and test the system; no benchmark',
        feature_dim=scenario.feature_dim,
        keypoints3d_joints=joints3d,
        feature_dtype=feature_dtype,
        meta={'synthetic': settings},
        overwrite=True,
    )
    with writer, Progress(disable=not progress) as bar:
        task = bar.add_task(f'{path.name}: {num_frames} frames', total=num_frames)
        for track in generate_tracks(body, num_frames, seed, share_2d, joints3d, scenario=scenario):
            columns = {key: value for key, value in vars(track).items() if key not in ('name', 'camera')}
            writer.add_track(track.name, **columns)
            bar.advance(task, len(track.features))
    return path


def _is_complete(path: Path, settings: dict) -> bool:
    """Whether a readable store of these settings is there."""
    try:
        with TrackStore(path) as store:
            return store.meta.get('synthetic') == settings
    except InputError:
        return False


def write_synthetic_dataset(
    out_dir: str | os.PathLike,
    body_dir: str | os.PathLike,
    train_frames: int,
    val_frames: int,
    test_frames: int,
    seed: int = 0,
    progress: bool = True,
    feature_dtype: str = 'float32',
    train_share_2d: float = 0.4,
    scenario: Scenario = IMAGE_SCENARIO,
) -> dict[str, Path]:
    """Writes `train`, `val` and `test` under `out_dir`; complete ones of the same settings are kept.

    Training tracks are 2D-only in part (`train_share_2d`) and have 49 joints in 3D; validation and test tracks all have
    the paper's 14 evaluation joints and SMPL parameters. No two splits share a motion.

    Returns:
        Split name to the path of its store.
    """
    out_dir = Path(out_dir)
    splits = {
        'train': (train_frames, train_share_2d, 'spin49'),
        'val': (val_frames, 0.0, 'h36m14'),
        'test': (test_frames, 0.0, 'h36m14'),
    }
    stores = {}
    for number, (split, (num_frames, share_2d, joints3d)) in enumerate(splits.items()):
        split_seed = len(splits) * seed + number
        stores[split] = write_synthetic_store(
            out_dir / split, body_dir, num_frames, split_seed, share_2d, joints3d, feature_dtype, progress, scenario
        )
    return stores
