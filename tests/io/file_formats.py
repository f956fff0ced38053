"""A small valid file of every format that is read, and what reads it to the end."""

import io
import json
import pickle
import sys
import tempfile
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import joblib
import numpy as np
import torch
from safetensors.torch import save as save_safetensors
from scipy import sparse

from glot_plugin.body_model.smpl_files import load_joint_regressor, load_mean_params, load_smpl
from glot_plugin.checkpoints.original import convert_file
from glot_plugin.checkpoints.provenance import read_origin, recipe_digest
from glot_plugin.checkpoints.reading import read_checkpoint, read_tensors
from glot_plugin.checkpoints.spin import read_spin_state
from glot_plugin.converters.database_specs import find_databases
from glot_plugin.converters.databases import open_database
from glot_plugin.converters.tracks import find_tracks
from glot_plugin.datasets import TrackStore, TrackStoreWriter
from glot_plugin.errors import InputError
from glot_plugin.features.backbones import read_state
from glot_plugin.features.boxes import read_boxes
from glot_plugin.io.joblib_file import load_joblib
from glot_plugin.io.safe_pickle import load_pickled_arrays
from glot_plugin.reports.paper_tables import make_report, read_result
from glot_plugin.video import result as video_result

FRAMES, WIDTH = 6, 4
RNG = np.random.default_rng(0)


@dataclass(frozen=True)
class FileFormat:
    """A format.

    Attributes:
        file: Name of its files.
        data: A valid one.
        load: Reads one to the end, from its path.
        others: Files that lie beside it.
    """

    file: str
    data: bytes
    load: Callable[[Path], object]
    others: tuple[tuple[str, bytes], ...] = ()


def saved(save: Callable, *args: object, **options: object) -> bytes:
    """What a function that takes an open file writes."""
    buffer = io.BytesIO()
    save(buffer, *args, **options)
    return buffer.getvalue()


def numbers(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def as_entry(value: object) -> np.ndarray:
    entry = np.empty((), dtype=object)
    entry[()] = value
    return entry


DATABASE = {
    'vid_name': np.array(['walk_0'] * 3 + ['run_0'] * 3),
    'frame_id': np.arange(FRAMES),
    'joints2D': numbers(FRAMES, 49, 3),
    'joints3D': numbers(FRAMES, 49, 3),
    'bbox': numbers(FRAMES, 4),
    'features': numbers(FRAMES, WIDTH),
    'pose': numbers(FRAMES, 72),
    'shape': numbers(FRAMES, 10),
    'valid': np.ones(FRAMES),
}
HUMAN_DATA = {
    'image_path': np.array([f'walk/{number:05d}.jpg' for number in range(FRAMES)]),
    'bbox_xywh': np.abs(numbers(FRAMES, 5)) + 1,
    'keypoints2d': numbers(FRAMES, 190, 3),
    'keypoints2d_mask': np.ones(190, np.int64),
    'smpl': as_entry(
        {'global_orient': numbers(FRAMES, 3), 'body_pose': numbers(FRAMES, 23, 3), 'betas': numbers(FRAMES, 10)}
    ),
    'meta': as_entry({'gender': ['m'] * FRAMES}),
    'features': numbers(FRAMES, WIDTH),
}
CONFIG = "model = dict(type='GLoT', head=dict(num_frames=16))\ntrain_cfg = dict(max_iters=10)\nseed = 3\n"
CHECKPOINT = {
    'state_dict': {'head.weight': torch.randn(3, 4), 'head.bias': torch.randn(3)},
    'model': {'fc1.weight': torch.randn(3, 4)},
    'meta': {'epoch': 1, 'iter': 10, 'seed': 3, 'experiment_name': 'glot_20250102_030405', 'cfg': CONFIG},
}
RESULT = {
    'config': 'configs/glot/glot_3dpw.py',
    'checkpoint': 'iter_10.pth',
    'metrics': {'3DPW': {'camera': {'PA-MPJPE': 50.6, 'MPJPE': 80.7}}},
    'origin': {'config': 'glot_3dpw', 'seed': 3},
    'cfg_options': {},
}
BOXES = [{'frame': f'{n}.jpg', 'track': 'a', 'cx': 5.0, 'cy': 5, 'w': 2, 'h': 3} for n in range(3)]


def smpl_model(kind: type = np.int8) -> dict[str, np.ndarray]:
    """A body of zeros with the shapes of SMPL's."""
    parents = np.maximum(np.arange(24) - 1, 0)
    return {
        'v_template': np.zeros((6890, 3), kind),
        'shapedirs': np.zeros((6890, 3, 10), kind),
        'posedirs': np.zeros((6890, 3, 207), kind),
        'J_regressor': np.zeros((24, 6890), kind),
        'weights': np.zeros((6890, 24), kind),
        'kintree_table': np.stack([parents, np.arange(24)]),
        'f': np.zeros((4, 3), np.uint32),
    }


def small_smpl_pickle() -> bytes:
    """What official SMPL files are made of, a few numbers of each."""
    ch = types.ModuleType('chumpy.ch')
    ch.Ch = type('Ch', (), {'__module__': 'chumpy.ch'})
    value = ch.Ch()
    value.x = numbers(5, 3)
    before = dict(sys.modules)
    sys.modules |= {'chumpy': types.ModuleType('chumpy'), 'chumpy.ch': ch}
    try:
        return pickle.dumps(
            {'v_template': value, 'J_regressor': sparse.csc_matrix(np.eye(4, 5)), 'kintree_table': np.arange(8)}, 2
        )
    finally:
        for name in ('chumpy', 'chumpy.ch'):
            sys.modules.pop(name)
            if name in before:
                sys.modules[name] = before[name]


def hdf5_database() -> bytes:
    with tempfile.NamedTemporaryFile(suffix='.h5') as file:
        with h5py.File(file.name, 'w') as out:
            for key in ('frame_id', 'features'):
                out.create_dataset(key, data=DATABASE[key], chunks=True, compression='gzip')
            out['joints2D'] = numbers(FRAMES, 25, 3)
            out['vid_name'] = DATABASE['vid_name'].astype('S')
        return Path(file.name).read_bytes()


def store_files() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        columns = ['features', 'keypoints2d', 'bbox']
        with TrackStoreWriter(Path(folder) / 'store', 'made', columns=columns, feature_dim=WIDTH) as writer:
            for name in ('a', 'b'):
                boxes = np.abs(numbers(3, 4)) + 1
                writer.add_track(
                    name, features=numbers(3, WIDTH), keypoints2d=numbers(3, 49, 3), bbox=boxes, gender='m'
                )
        return {path.name: path.read_bytes() for path in (Path(folder) / 'store').iterdir()}


def read_database(path: Path, name: str) -> None:
    spec = find_databases([name])[0]
    with open_database(path, spec, feature_dim=WIDTH) as database:
        for track in find_tracks(database.columns['vid_name'], database.columns.get('frame_id'), str(path)):
            for key in database.row_shapes:
                database.numbers(key, track.rows)


def read_smpl_pickle(path: Path) -> None:
    load_pickled_arrays(path)
    load_smpl(path)


def read_human_data(path: Path) -> None:
    from glot_plugin.framework.for_mmhuman3d.human_data_file import HumanDataFile
    from glot_plugin.framework.for_mmhuman3d.human_data_tracks import HumanDataTracks

    with HumanDataFile(path) as file:
        list(HumanDataTracks(file))


def read_every_way(path: Path) -> None:
    """A checkpoint, by all that takes one."""
    errors = []
    for read in (read_tensors, read_checkpoint, read_origin, read_spin_state, read_state, _convert):
        try:
            read(path)
        except InputError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _convert(path: Path) -> None:
    convert_file(path, path.with_name('converted.pth'))


def read_store(path: Path) -> None:
    with TrackStore(path.parent) as store:
        for track in range(store.num_tracks):
            for column in store.track(track).values():
                np.array(column)


def read_report(path: Path) -> None:
    make_report([read_result(path)])


def read_stored_config(path: Path) -> None:
    recipe_digest(path.read_text(encoding='utf-8', errors='replace'))


def video_file() -> bytes:
    track = video_result.PersonTrack(
        0,
        np.arange(3),
        **{name: numbers(3, *shape) for name, shape in video_result.ROW_SHAPES.items() if name != 'frame'},
    )
    clip = video_result.VideoResult('clip.mp4', (64, 48), 25.0, np.arange(3) / 25, 80.0, (track,))
    with tempfile.TemporaryDirectory() as folder:
        return video_result.write_result(clip, Path(folder) / 'tracks.npz').read_bytes()


def all_formats() -> dict[str, FileFormat]:
    """The formats by name."""
    store = store_files()
    regressor = numbers(9, 6890).astype(np.float16)
    mean = {'pose': numbers(144), 'shape': numbers(10), 'cam': numbers(3)}
    csv = 'frame,track,cx,cy,w,h\n' + ''.join(','.join(map(str, row.values())) + '\n' for row in BOXES)
    formats = {
        'SMPL pickle': FileFormat('SMPL_NEUTRAL.pkl', small_smpl_pickle(), read_smpl_pickle),
        'SMPL npz': FileFormat('SMPL_NEUTRAL.npz', saved(np.savez_compressed, **smpl_model()), load_smpl),
        'mean parameters': FileFormat('smpl_mean_params.npz', saved(np.savez, **mean), load_mean_params),
        'regressor': FileFormat('J.npy', saved(np.save, regressor), lambda path: load_joint_regressor(path, 9)),
        'HumanData': FileFormat('people.npz', saved(np.savez, **HUMAN_DATA), read_human_data),
        'HumanData, compressed': FileFormat('people.npz', saved(np.savez_compressed, **HUMAN_DATA), read_human_data),
        'HDF5': FileFormat('insta_train_db.h5', hdf5_database(), lambda path: read_database(path, 'insta-variety')),
        'checkpoint': FileFormat('iter_10.pth', saved(lambda file: torch.save(CHECKPOINT, file)), read_every_way),
        'old checkpoint': FileFormat(
            'spin.pth.tar',
            saved(lambda file: torch.save(CHECKPOINT, file, _use_new_zipfile_serialization=False)),
            read_every_way,
        ),
        'safetensors': FileFormat('vit.safetensors', save_safetensors(CHECKPOINT['state_dict']), read_state),
        'boxes, CSV': FileFormat('boxes.csv', csv.encode(), read_boxes),
        'boxes, JSON': FileFormat('boxes.json', json.dumps(BOXES).encode(), read_boxes),
        'result': FileFormat('result.json', json.dumps(RESULT).encode(), read_report),
        'stored config': FileFormat('config.py', CONFIG.encode(), read_stored_config),
        'clip': FileFormat('tracks.npz', video_file(), video_result.read_result),
    }
    for compress in (0, ('zlib', 3), ('lzma', 3), ('bz2', 3)):
        data = saved(lambda file, compress=compress: joblib.dump(DATABASE, file, compress=compress))
        name = f'joblib, {compress[0]}' if compress else 'joblib'
        formats[name] = FileFormat('3dpw_val_db.pt', data, lambda path: read_database(path, '3dpw-val'))
    objects = {'names': np.array(['a', 2, None], object), 'x': [numbers(3)]}
    formats['joblib, objects'] = FileFormat('any.pt', saved(lambda file: joblib.dump(objects, file)), load_joblib)
    for name in ('store.json', 'features.npy', 'track_offsets.npy', 'track_names.npy', 'track_gender.npy'):
        others = tuple((other, data) for other, data in store.items() if other != name)
        formats[f'store, {name}'] = FileFormat(name, store[name], read_store, others)
    return formats
