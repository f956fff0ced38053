"""Files that are made to do harm: to take years, to take gigabytes, to run code, or to end in a traceback."""

import bz2
import io
import json
import lzma
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import joblib
import numpy as np
import torch
from file_formats import CHECKPOINT, DATABASE, HUMAN_DATA, RESULT, as_entry, saved, smpl_model

HUGE, GIGABYTES = 10**12, 6 * 10**9
RECONSTRUCT = np.empty(0).__reduce__()[0]


def laughs(kind: type = list, depth: int = 80) -> object:
    """A list of lists of lists: `depth` objects that hold 2 ** `depth`."""
    value = kind(['ha'])
    for _ in range(depth):
        value = kind([value, value])
    return value


class Call:
    """Pickled as a call, and a state that is set afterwards."""

    def __init__(self, function: Callable, args: tuple, state: object = None) -> None:
        self.parts = (function, args, state)

    def __reduce__(self) -> tuple:
        return self.parts


def array(shape: object, dtype: object, data: object) -> Call:
    return Call(RECONSTRUCT, (np.ndarray, (0,), b'b'), (1, shape, dtype, False, data))


LAUGHING = laughs(tuple)
# What stands in the place of an array.
VALUES = {
    'nested sharing': laughs(),
    'shape': array(LAUGHING, np.dtype('f8'), b''),
    'type': array((1,), LAUGHING, b'12345678'),
    'code of a type': array((1,), Call(np.dtype, (LAUGHING,)), b'12345678'),
    'contents': array((1,), np.dtype('O'), [LAUGHING]),
    'value of a dict': {'a': laughs()},
    'shared text': [b'x' * 2**20] * 10_000,
    'shared array': [np.zeros(2**17)] * 10_000,
    'ragged': [[1, 2], [3]],
    'long name among short ones': ['x' * 10**6] + ['y'] * 10**4,
    'huge number': 10**100_000,
    'set': {1, 2},
    'not UTF-8': [b'\xff\xfe'],
    'text': 'text',
    'nothing': None,
    'complex': np.zeros(3, complex),
    'code': Call(os.mkdir, ('ran',)),
}


def nested_pickle() -> bytes:
    """A list in a list in a list, 20,000 deep: Python cannot write it, only read it."""
    return b'\x80\x03}X\x01\x00\x00\x00a' + b']' * 20_000 + b'a' * 19_999 + b's.'


def key_pickle(data: bytes = b'') -> bytes:
    """A dict whose key is a tuple of tuples, which takes years to hash."""
    return b'\x80\x03}' + b'K\x01\x85' + b'2\x86' * 100 + b'K\x01s' + data + b'.'


# Bytes of pickles that claim more than there is.
PICKLES = {
    'memo index of a hundred million': b'\x80\x03}r' + struct.pack('<I', 10**8) + b'.',
    'memo index of four thousand million': b'\x80\x03}r' + struct.pack('<I', 2**32 - 1) + b'.',
    'bytes': b'\x80\x04\x8e' + struct.pack('<Q', HUGE) + b'.',
    'bytearray': b'\x80\x05\x96' + struct.pack('<Q', 2**34) + b'.',
    'text': b'\x80\x04\x8d' + struct.pack('<Q', HUGE) + b'.',
    'frame': b'\x80\x04\x95' + struct.pack('<Q', 2**34) + b'}.',
    'long': b'\x80\x03\x8b' + struct.pack('<i', 2**31 - 1) + b'.',
    'tuple for a key': key_pickle(),
    'tuple for a key of protocol 0': b'(K\x01\x85' + b'2\x86' * 100 + b'K\x01d.',
    'tuple in a set': b'\x80\x04\x8f(K\x01\x85' + b'2\x86' * 100 + b'\x90.',
    'nested deep': nested_pickle(),
    'same text encoded again and again': (
        b'\x80\x03c_codecs\nencode\nq\x00X' + struct.pack('<I', 2**20) + b'x' * 2**20
        + b'q\x010](' + b'h\x00h\x01\x85R' * 2_000 + b'e.'
    ),
    'many arguments': (
        b'\x80\x03cnumpy\ndtype\nq\x00(' + b'N' * 50_000 + b'tq\x010](' + b'h\x00h\x01R' * 5_000 + b'e.'
    ),
    'nothing': b'',
    'one byte': b'\x80',
}  # fmt: skip


def body(value: object) -> bytes:
    """A pickle without its first and last opcode."""
    return pickle.dumps(value, 3)[2:-1]


def joblib_array(shape: object, dtype: object, contents: bytes) -> bytes:
    wrapper = joblib.numpy_pickle.NumpyArrayWrapper(np.ndarray, shape, 'C', dtype)
    del wrapper.numpy_array_alignment_bytes
    return b'\x80\x03' + body(wrapper) + contents + b'.'


def npy(header: str, contents: bytes = b'', version: int = 1) -> bytes:
    text = header.encode('latin1') + b'\n'
    return b'\x93NUMPY' + bytes([version, 0]) + struct.pack('<H' if version == 1 else '<I', len(text)) + text + contents


HEADERS = {
    'a million million rows': npy(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({HUGE}, 6890)}}"),
    'negative': npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 8)}", bytes(64)),
    'more dimensions': npy(f"{{'descr': '<f8', 'fortran_order': False, 'shape': {(1,) * 99}}}", bytes(8)),
    'huge type': npy("{'descr': '<U500000000', 'fortran_order': False, 'shape': (1,)}"),
    'record': npy("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,)}", bytes(8)),
    'deep': npy('(' * 5000),
    'deep minus': npy('-' * 9000 + '1'),
    'long': npy('x' * 60_000),
    'claimed header': b'\x93NUMPY\x02\x00' + struct.pack('<I', 2**32 - 1) + b'{',
    'objects': saved(np.save, as_entry([1])),
    'nothing': b'',
}  # fmt: skip


def zip_of(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def npz_with(arrays: dict[str, object], **changes: object) -> bytes:
    """Arrays, and members given as bytes."""
    given = {**arrays, **changes}
    members = {f'{k}.npy': v if isinstance(v, bytes) else saved(np.save, v) for k, v in given.items() if v is not None}
    return zip_of(members)


def object_member(data: bytes) -> bytes:
    return npy("{'descr': '|O', 'fortran_order': False, 'shape': ()}") + data


def unfolding(num_bytes: int, compressor: object) -> bytes:
    """What really unfolds to zeros."""
    piece, pieces = bytes(2**20), []
    for _ in range(num_bytes // 2**20):
        pieces.append(compressor.compress(piece))
    return b''.join([*pieces, compressor.flush()])


def lying_zip(data: bytes, size: int, method: int | None = None) -> bytes:
    """A zip whose directory claims other sizes, or another method."""
    changed = bytearray(data)
    place = changed.find(b'PK\x01\x02')
    while place >= 0:
        if method is not None:
            changed[place + 10 : place + 12] = struct.pack('<H', method)
        if size:
            changed[place + 24 : place + 28] = struct.pack('<I', size % 2**32)
        place = changed.find(b'PK\x01\x02', place + 1)
    return bytes(changed)


def human_data_cases(heavy: bool) -> dict[str, bytes]:
    plain = npz_with(HUMAN_DATA)
    found = {f'{key}: {name}': npz_with(HUMAN_DATA, **{key: object_member(pickled(value))})
             for key in ('meta', 'smpl', 'image_path') for name, value in VALUES.items()}  # fmt: skip
    for name, value in VALUES.items():
        found[f'gender: {name}'] = npz_with(HUMAN_DATA, meta=object_member(pickled(as_array({'gender': value}))))
        smpl = {**HUMAN_DATA['smpl'].item(), 'betas': value}
        found[f'betas: {name}'] = npz_with(HUMAN_DATA, smpl=object_member(pickled(as_array(smpl))))
    found |= {f'meta: {name}': npz_with(HUMAN_DATA, meta=object_member(data)) for name, data in PICKLES.items()}
    found |= {f'features: {name}': npz_with(HUMAN_DATA, features=data) for name, data in HEADERS.items()}
    found |= {f'without {key}': npz_with(HUMAN_DATA, **{key: None}) for key in HUMAN_DATA}
    found['a foreign member'] = zip_of({'readme.txt': b'hello', 'features': b'hello', 'image_path.npy': b'hello'})
    found['a name that is no UTF-8'] = plain.replace(b'features.npy', b'feat\xff\xfees.npy')
    found['an unknown method'] = lying_zip(plain, 0, 99)
    found['a method of lzma'] = zip_of({'features.npy': HEADERS['deep'], 'image_path.npy': b''}, zipfile.ZIP_LZMA)
    found['announced gigabytes'] = lying_zip(plain, 4 * 10**9)
    if heavy:
        bomb = io.BytesIO()
        with zipfile.ZipFile(bomb, 'w', zipfile.ZIP_DEFLATED) as archive, archive.open('image_path.npy', 'w') as member:
            member.write(npy(f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({2**28}, 1)}}"))
            for _ in range(2**10):
                member.write(bytes(2**20))
        found['unfolds to a gigabyte'] = bomb.getvalue()
    return found


def as_array(value: object) -> Call:
    return array((), np.dtype('O'), [value])


def pickled(value: object) -> bytes:
    return pickle.dumps(value, 4)


def joblib_cases(heavy: bool) -> dict[str, bytes]:
    found = {f'{key}: {name}': pickled({**DATABASE, key: value}) for key in ('vid_name', 'pose')
             for name, value in VALUES.items()}  # fmt: skip
    found |= PICKLES
    found |= {
        f'described {name}': joblib_array(shape, dtype, bytes(8))
        for name, shape, dtype in [
            ('shape', LAUGHING, np.dtype('f8')), ('type', (1,), LAUGHING), ('rows', (HUGE,), np.dtype('f8')),
            ('size', (2**62, 2**62), np.dtype('f8')), ('objects', (1,), np.dtype('O')),
        ]
    }  # fmt: skip
    announced = joblib_array((GIGABYTES,), np.dtype('u1'), bytes(64))
    found |= {
        'zlib announces gigabytes': zlib.compress(announced),
        'bz2 announces gigabytes': bz2.compress(announced),
        'xz announces gigabytes': lzma.compress(announced),
        'a huge dictionary of lzma': b'\x5d\x00' + struct.pack('<I', 2**32 - 1) + b'\xff' * 8 + bytes(64),
    }
    if heavy:
        found |= {
            'zlib unfolds to a gigabyte': unfolding(2**30, zlib.compressobj()),
            'bz2 unfolds to a gigabyte': unfolding(2**30, bz2.BZ2Compressor()),
            'xz unfolds to a gigabyte': unfolding(2**30, lzma.LZMACompressor()),
            'lists that unfold': zlib.compress(b'\x80\x03' + b']' * (60 * 2**20) + b'.'),
        }
    return found


def checkpoint_cases() -> dict[str, bytes]:
    def with_pickle(data: bytes) -> bytes:
        plain = saved(lambda file: torch.save(CHECKPOINT, file))
        with zipfile.ZipFile(io.BytesIO(plain)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        return zip_of({name: data if name.endswith('data.pkl') else value for name, value in members.items()})

    def with_meta(meta: object) -> bytes:
        return saved(lambda file: torch.save({**CHECKPOINT, 'meta': meta}, file))

    old = saved(lambda file: torch.save(CHECKPOINT, file, _use_new_zipfile_serialization=False))
    claimed = b'\x80\x02}X\x0a\x00\x00\x00state_dict}X\x01\x00\x00\x00a'
    size = b'\x8a\x06' + HUGE.to_bytes(6, 'little')
    found = {f'pickle: {name}': with_pickle(data) for name, data in PICKLES.items()}
    found |= {f'old: {name}': data for name, data in PICKLES.items()}
    found |= {f'meta: {name}': with_meta(meta) for name, meta in {
        'a list': [1], 'epoch': {'epoch': 'one'}, 'half an epoch': {'epoch': 0.5}, 'infinite': {'epoch': float('inf')},
        'experiment': {'experiment_name': 7}, 'shared': laughs(), 'seed': {'seed': [1]},
        'shared config': {'cfg': laughs()}, 'deep config': {'cfg': '-' * 200_000 + '1'},
        'deep brackets': {'cfg': 'model = ' + '[' * 50_000}, 'long sum': {'cfg': 'model = ' + '1+' * 100_000 + '1'},
        'deep attributes': {'cfg': 'model = a' + '.a' * 100_000}, 'not a config': {'cfg': '\0'},
        'shared experiment': {'experiment_name': laughs()}, 'name': {'converted_from': laughs()},
    }.items()}  # fmt: skip
    for name, call in {'bytearray': b'cbuiltins\nbytearray\n', 'tensor': b'ctorch\nFloatTensor\n'}.items():
        found[f'call of {name}'] = with_pickle(
            claimed + call + b'\x8a\x05' + (10**11).to_bytes(5, 'little') + b'\x85Rss.'
        )
    found['code'] = with_pickle(claimed + b'cos\nmkdir\nX\x03\x00\x00\x00ran\x85Rss.')
    found['old, a storage of terabytes'] = old.replace(b'K\x0c', size)
    found['a storage of terabytes'] = with_pickle(
        claimed
        + b'ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000'
        b'X\x03\x00\x00\x00cpu' + size + b'tQK\x00' + size + b'\x85K\x01\x85\x89}tRss.'
    )
    found['an expanded tensor'] = with_pickle(
        claimed
        + b'ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000'
        b'X\x03\x00\x00\x00cpuK\x0ctQK\x00' + size + b'\x85K\x00\x85\x89}tRss.'
    )
    compressed = io.BytesIO()
    with zipfile.ZipFile(compressed, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('archive/data.pkl', claimed + b'N' * 2**24)
    found['compressed'] = compressed.getvalue()
    for kind in (torch.complex64, torch.float32):
        weights = torch.full((3,), float('nan'), dtype=kind)
        found[f'NaN of {kind}'] = saved(
            lambda file, weights=weights: torch.save({'model': {'fc1.weight': weights}}, file)
        )
    return found


def hdf5_cases(folder: Path) -> dict[str, bytes]:
    found = {}
    for name, options in {'rows': {}, 'chunks': {'chunks': (2**20, 4), 'compression': 'gzip'}}.items():
        path = folder / f'{name}.h5'
        with h5py.File(path, 'w') as file:
            for key, width in (('features', (4,)), ('joints2D', (25, 3)), ('vid_name', ()), ('frame_id', ())):
                shape = (HUGE, *width)
                chunks = {'chunks': (2**20, *width)} if options else {'chunks': (1, *width)}
                file.create_dataset(key, shape, 'S8' if key == 'vid_name' else 'f4', **{**options, **chunks})
        found[name] = path.read_bytes()
    with h5py.File(folder / 'link.h5', 'w') as file:
        file['features'] = h5py.ExternalLink('/etc/passwd', 'x')
        file['vid_name'] = np.zeros(3, complex)
        file['joints2D'] = np.zeros((3, 25, 3), [('a', 'f4')])
    found['links and records'] = (folder / 'link.h5').read_bytes()
    return found


def json_cases(valid: object, number: str) -> dict[str, bytes]:
    text = json.dumps(valid)
    return {
        'deep': b'[' * 10**6,
        'deep objects': b'{"a":' * 10**5,
        'huge number': text.replace(number, '9' * 4000).encode(),
        'too huge a number': text.replace(number, '9' * 5000).encode(),
        'infinite': text.replace(number, 'Infinity').encode(),
        'not UTF-8': text.replace('a', 'ä').encode('latin1'),
        'null': b'null',
        'nothing': b'',
        'a list': b'[1, 2]',
        'other types': b'[{"frame": {}, "track": [], "cx": "x", "cy": null, "w": [], "h": true}]',
    }


def hostile_cases(folder: Path, heavy: bool = False) -> dict[tuple[str, str], bytes]:
    """Hostile files by the format that they pretend to have and what is wrong with them.

    `heavy`: also those that take seconds to make or to refuse.
    """
    body_model = {key: pickled({**smpl_model(), key: value}) for key, value in {'f': VALUES['nested sharing']}.items()}
    store = {'schema_version': 1, 'num_frames': HUGE, 'num_tracks': HUGE, 'feature_dim': 4, 'columns': {}, 'meta': {},
             'source': 'x', 'keypoints3d_joints': []}  # fmt: skip
    mean = {'pose': np.zeros(144), 'shape': np.zeros(10), 'cam': np.zeros(3)}
    groups = {
        'SMPL pickle': {**PICKLES, **body_model, **{name: pickled({'v_template': v}) for name, v in VALUES.items()}},
        'SMPL npz': {key: npz_with(smpl_model(), J_regressor=data) for key, data in HEADERS.items()},
        'mean parameters': {
            **{key: npz_with(mean, pose=data) for key, data in HEADERS.items()},
            'missing': npz_with(mean, pose=None),
            'too large for half the width': npz_with(mean, cam=np.full(3, 1e300)),
            'complex': npz_with(mean, cam=np.zeros(3, complex)),
            'unknown method': lying_zip(npz_with(mean), 0, 99),
        },
        'regressor': HEADERS,
        'store, features.npy': HEADERS,
        'store, track_offsets.npy': {
            **HEADERS,
            'offsets that overflow': saved(np.save, np.array([0, 2**63 - 1, 6])),
        },
        'store, store.json': {**json_cases(store, '4'), 'claims': json.dumps(store).encode()},
        'HumanData': human_data_cases(heavy),
        'joblib': joblib_cases(heavy),
        'checkpoint': checkpoint_cases(),
        'HDF5': hdf5_cases(folder),
        'result': json_cases(RESULT, '50.6'),
        'boxes, JSON': json_cases([{'frame': 1, 'track': 'a', 'cx': 3, 'cy': 3, 'w': 3, 'h': 3}], '3'),
        'boxes, CSV': {
            'not UTF-8': b'frame,track\xff',
            'long': b'frame,' + b'x' * 10**6,
            'nul': b'frame\0',
            'nothing': b'',
        },
        'safetensors': {'header': struct.pack('<Q', HUGE) + b'{}', 'deep': struct.pack('<Q', 5000) + b'[' * 5000},
        'stored config': {
            'deep': b'(' * 10**5,
            'minus': b'-' * 10**6,
            'nul': b'\0',
            'lambda': b'lambda:' * 10**5 + b'1',
        },
    }
    return {(kind, name): data for kind, cases in groups.items() for name, data in cases.items()}
