"""Small track stores with random contents."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from glot_plugin.datasets import TrackStoreWriter
from glot_plugin.datasets.store_schema import FRAME_COLUMNS, MANDATORY_COLUMNS

WIDTH = 8


def random_track(length: int, kind: str, seed: int, joints: int = 49) -> dict[str, np.ndarray]:
    """Columns of one track; `kind` is '2d', '3d' (keypoints and SMPL) or 'smpl' (SMPL alone)."""
    rng = np.random.default_rng(seed)
    track = {
        'features': rng.standard_normal((length, WIDTH), dtype=np.float32),
        'keypoints2d': rng.uniform(0, 200, (length, 49, 3)).astype(np.float32),
        'bbox': rng.uniform(50, 150, (length, 4)).astype(np.float32),
        'frame_id': np.arange(length) + 100,
        'valid': rng.random(length) < 0.8,
    }
    if kind == '3d':
        track['keypoints3d'] = rng.standard_normal((length, joints, 3)).astype(np.float32)
    if kind in ('3d', 'smpl'):
        track['smpl_pose'] = rng.standard_normal((length, 72)).astype(np.float32)
        track['smpl_betas'] = rng.standard_normal((length, 10)).astype(np.float32)
    return track


@pytest.fixture
def make_store(tmp_path: Path) -> Callable[..., tuple[Path, list[dict]]]:
    """`make_store(name, lengths, kinds)` writes a store and returns its path and the columns of its tracks."""

    def make(
        name: str = 'store', lengths: tuple[int, ...] = (40, 16, 5), kinds: tuple[str, ...] = (), **options: object
    ) -> tuple[Path, list[dict]]:
        kinds = kinds or ('3d',) * len(lengths)
        joints = 14 if options.get('keypoints3d_joints') == 'h36m14' else 49
        tracks = [
            random_track(length, kind, seed, joints)
            for seed, (length, kind) in enumerate(zip(lengths, kinds, strict=True))
        ]
        path = tmp_path / name
        columns = tuple(options.pop('columns', FRAME_COLUMNS))
        given = {*columns, *MANDATORY_COLUMNS}
        with TrackStoreWriter(path, 'random', columns, **{'feature_dim': WIDTH, **options}) as writer:
            for number, track in enumerate(tracks):
                writer.add_track(f'{name}/{number}', **{key: value for key, value in track.items() if key in given})
        return path, tracks

    return make


@pytest.fixture
def million_frames(tmp_path: Path) -> Path:
    """A store of a million zero frames in 20,000 tracks, 2048 features wide: sparse files, so that it takes no disk."""
    path = tmp_path / 'million'
    with TrackStoreWriter(path, 'zeros') as writer:
        writer.add_track('a', np.zeros((2, 2048), np.float32))
    index = json.loads((path / 'store.json').read_text())
    index.update(num_frames=1_000_000, num_tracks=20_000)
    for name, declared in index['columns'].items():
        declared['shape'][0] = 1_000_000
        dtype, shape = np.dtype(declared['dtype']), tuple(declared['shape'])
        with (path / f'{name}.npy').open('wb') as file:
            np.lib.format.write_array_header_1_0(file, {'descr': dtype.str, 'fortran_order': False, 'shape': shape})
            file.truncate(file.tell() + dtype.itemsize * int(np.prod(shape)))
    np.save(path / 'track_offsets.npy', np.arange(0, 1_000_001, 50))
    np.save(path / 'track_names.npy', np.char.add('a/video/of/some/length/', np.arange(20_000).astype(str)))
    np.save(path / 'track_has_keypoints3d.npy', np.arange(20_000) % 2 == 0)
    np.save(path / 'track_has_smpl.npy', np.zeros(20_000, bool))
    (path / 'store.json').write_text(json.dumps(index))
    return path
