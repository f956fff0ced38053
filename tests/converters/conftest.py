"""Databases in exactly the layouts that TCMR's and VIBE's scripts write, with synthetic people in them."""

from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
import pytest

from glot_plugin.body_model.joint_sets import LSP14
from glot_plugin.converters import DatabaseSpec, find_databases
from glot_plugin.converters.keypoint_conventions import spin49_places
from glot_plugin.datasets.synthetic import SyntheticTrack, generate_tracks

JOINTS_2D = {'3dpw': 14, 'penn': 13, 'insta': 25}


@pytest.fixture(scope='session')
def people(body) -> list[SyntheticTrack]:
    """Tracks with the 49 joints, pose and shape."""
    tracks = list(generate_tracks(body, 150, seed=3, share_2d=0.0, workers=1))
    assert len(tracks) >= 3
    return tracks


@pytest.fixture(scope='session')
def people14(body) -> list[SyntheticTrack]:
    """The same people with the 14 joints of 3DPW's evaluation."""
    return list(generate_tracks(body, 150, seed=3, share_2d=0.0, joints3d='h36m14', workers=1))


def vid_name(number: int) -> str:
    """Two people of each video, told apart by the last number, as in 3DPW."""
    return f'downtown_video_{number // 2:02d}_{number % 2}'


def database_of(spec: DatabaseSpec, people: list[SyntheticTrack]) -> dict[str, np.ndarray]:
    """The dict of one database: keys, types and shapes as in the real ones."""
    joints = JOINTS_2D.get(spec.name.split('-')[0], 49)
    keypoints2d = np.concatenate([track.keypoints2d for track in people])[:, spin49_places(joints, '')]
    names = [vid_name(number) for number, track in enumerate(people) for _ in track.frame_id]
    frames = np.concatenate([track.frame_id for track in people])
    database = {
        'vid_name': np.array(names),
        'frame_id': frames,
        'img_name': np.array(
            [f'/data/{name[:-2]}/image_{frame:05d}.jpg' for name, frame in zip(names, frames, strict=True)]
        ),
        'joints2D': keypoints2d,
        'bbox': np.concatenate([track.bbox for track in people]).astype(np.float64),
        'features': np.concatenate([track.features for track in people]),
    }
    if spec.has_3d:
        database['joints3D'] = np.concatenate([track.keypoints3d for track in people]).astype(np.float64)
    if spec.has_smpl:
        database['pose'] = np.concatenate([track.smpl_pose for track in people]).astype(np.float64)
        database['shape'] = np.concatenate([track.smpl_betas for track in people]).astype(np.float64)
    if spec.valid_key == 'valid':
        database['valid'] = (np.arange(len(names)) % 5 != 0).astype(np.float64)
    if spec.valid_key == 'valid_i':
        database['valid_i'] = (np.arange(len(names)) % 4 != 0).astype(np.uint8)[:, None]
    return database


@pytest.fixture(scope='session')
def write_database(people, people14) -> Callable[..., tuple[DatabaseSpec, dict[str, np.ndarray]]]:
    """`write_database(root, name, change=None)` writes a database to the folder; `change` may alter the dict."""

    def write(root: Path, name: str, change: Callable[[dict], None] | None = None, **dump: object) -> tuple:
        (spec,) = find_databases([name])
        database = database_of(spec, people14 if name in ('3dpw-val', '3dpw-test') else people)
        if change:
            change(database)
        path = root / spec.file
        path.parent.mkdir(exist_ok=True)
        if spec.is_hdf5:
            write_hdf5(path, database)
        else:
            joblib.dump(database, path, **dump)
        return spec, database

    return write


@pytest.fixture
def make_database(tmp_path, write_database) -> Callable[..., tuple[DatabaseSpec, dict[str, np.ndarray]]]:
    """`make_database(name, change=None)` writes a database to `tmp_path / 'root'`."""
    return lambda name, change=None, **dump: write_database(tmp_path / 'root', name, change, **dump)


def write_hdf5(path: Path, database: dict[str, np.ndarray]) -> None:
    """As InstaVariety's: names are bytes, keypoints are pixels of a crop of 224, arrays lie in chunks."""
    import h5py

    with h5py.File(path, 'w') as file:
        for key, values in database.items():
            values = values.astype('S') if values.dtype.kind == 'U' else values
            file.create_dataset(key, data=values, chunks=True if len(values) else None)

    return list(LSP14)
