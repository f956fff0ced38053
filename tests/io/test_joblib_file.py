"""joblib files: the same values as joblib's own reader, large arrays on disk, and no code."""

import os
import pickle
import zlib

import joblib
import numpy as np
import pytest

from glot_plugin.errors import InputError
from glot_plugin.io.file_column import FileColumn
from glot_plugin.io.joblib_file import load_joblib

VALUES = {
    'features': np.random.default_rng(0).standard_normal((300, 2048)).astype(np.float32),  # above 1 MiB
    'small': np.arange(12, dtype=np.float64).reshape(3, 4),
    'column_major': np.asfortranarray(np.arange(600_000.0).reshape(300, 2000)),
    'names': np.array(['a', 'bcd']),
    'bytes': np.array([b'a', b'bcd']),
    'objects': np.array([np.arange(3), 'text', None, b'raw'], dtype=object),
    'scalar': np.float32(2.5),
    'zero_d': np.array(7),
    'empty': np.zeros((0, 3)),
    'list': [1, 'two', np.arange(2)],
}


def assert_same(loaded: dict) -> None:
    assert loaded.keys() == VALUES.keys()
    for key in ('features', 'small', 'column_major', 'names', 'bytes', 'scalar', 'zero_d', 'empty'):
        found = loaded[key][0:300] if isinstance(loaded[key], FileColumn) else loaded[key]
        np.testing.assert_array_equal(found, VALUES[key])
        assert found.dtype == VALUES[key].dtype
    np.testing.assert_array_equal(loaded['objects'][0], np.arange(3))
    assert loaded['objects'][1:].tolist() == ['text', None, b'raw']
    np.testing.assert_array_equal(loaded['list'][2], np.arange(2))


@pytest.mark.parametrize('protocol', [2, 3, 4, 5])
def test_every_protocol(tmp_path, protocol):
    path = tmp_path / 'db.pt'
    joblib.dump(VALUES, path, protocol=protocol)
    loaded = load_joblib(path)
    assert_same(loaded)
    assert isinstance(loaded['features'], FileColumn)
    assert isinstance(loaded['column_major'], FileColumn)
    assert not isinstance(loaded['small'], FileColumn)
    np.testing.assert_array_equal(loaded['features'][17:19], VALUES['features'][17:19])


def test_long_columns_of_names_stay_on_disk(tmp_path):
    names = np.char.add('downtown_walking_', np.arange(20_000).astype(str))
    joblib.dump({'text': names, 'bytes': names.astype('S64')}, tmp_path / 'db.pt')
    loaded = load_joblib(tmp_path / 'db.pt')
    assert isinstance(loaded['text'], FileColumn)
    assert isinstance(loaded['bytes'], FileColumn)
    assert loaded['text'][19_000:19_002].tolist() == ['downtown_walking_19000', 'downtown_walking_19001']
    assert loaded['bytes'][-1:].tolist() == [b'downtown_walking_19999']
    assert loaded['text'][5:5].shape == (0,)


@pytest.mark.parametrize('shape', [(900, 300), (900, 30, 10)])
@pytest.mark.parametrize('dtype', ['f8', '>f4', 'U2'])
def test_rows_of_column_major_arrays(tmp_path, shape, dtype):
    values = np.asfortranarray(np.arange(np.prod(shape)).reshape(shape).astype(dtype))
    joblib.dump({'x': values, 'after': 1}, tmp_path / 'db.pt')
    loaded = load_joblib(tmp_path / 'db.pt')
    assert isinstance(loaded['x'], FileColumn)
    assert loaded['after'] == 1
    for rows in (slice(0, 1), slice(17, 300), slice(890, 1000), slice(5, 5), slice(7, 3)):
        np.testing.assert_array_equal(loaded['x'][rows], values[rows])
        assert loaded['x'][rows].flags.c_contiguous
    with (tmp_path / 'db.pt').open('r+b') as file:
        file.truncate(2**20)
    with pytest.raises(InputError, match='truncated while it was read'):
        loaded['x'][0:900]


@pytest.mark.parametrize('method', ['zlib', 'gzip', 'bz2', 'lzma', 'xz'])
@pytest.mark.parametrize('level', [1, 9])
def test_compressed(tmp_path, method, level):
    path = tmp_path / 'db.pt'
    small = {**VALUES, 'features': VALUES['features'][:20], 'column_major': VALUES['column_major'][:3]}
    joblib.dump(small, path, compress=(method, level))
    loaded = load_joblib(path)
    for key in ('features', 'column_major', 'names'):
        np.testing.assert_array_equal(loaded[key], small[key])


def test_files_of_joblib_before_1_2_have_no_padding(tmp_path, monkeypatch):
    """Those that VIBE's users have were written so."""
    wrapper = joblib.numpy_pickle.NumpyArrayWrapper
    original = wrapper.__init__

    def without_alignment(self, *args, **kwargs):
        original(self, *args, **kwargs)
        del self.numpy_array_alignment_bytes

    monkeypatch.setattr(wrapper, '__init__', without_alignment)
    joblib.dump(VALUES, tmp_path / 'db.pt')
    monkeypatch.undo()
    assert b'numpy_array_alignment_bytes' not in (tmp_path / 'db.pt').read_bytes()
    assert_same(load_joblib(tmp_path / 'db.pt'))


def test_arrays_that_were_memory_maps(tmp_path):
    joblib.dump({'x': np.arange(5)}, tmp_path / 'first')
    mapped = joblib.load(tmp_path / 'first', mmap_mode='r')
    assert isinstance(mapped['x'], np.memmap)
    joblib.dump(mapped, tmp_path / 'second')
    np.testing.assert_array_equal(load_joblib(tmp_path / 'second')['x'], np.arange(5))


class Hostile:
    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize('compress', [0, 3])
@pytest.mark.parametrize('inside_objects', [False, True])
def test_code_is_refused_by_name_and_not_run(tmp_path, compress, inside_objects):
    victim = tmp_path / 'victim'
    victim.touch()
    hostile = Hostile(os.remove, str(victim))
    values = np.array([1, hostile], dtype=object) if inside_objects else hostile
    path = tmp_path / 'hostile.pt'
    joblib.dump({'features': np.zeros((2, 3)), 'pose': values}, path, compress=compress)
    with pytest.raises(InputError, match=r'hostile.pt: refused to load \w+\.remove'):
        load_joblib(path)
    assert victim.exists()


def test_joblib_itself_is_refused_but_for_its_arrays(tmp_path):
    path = tmp_path / 'hostile.pt'
    path.write_bytes(pickle.dumps({'x': joblib.load}))
    with pytest.raises(InputError, match='refused to load joblib.numpy_pickle.load'):
        load_joblib(path)


def test_code_cannot_be_changed(tmp_path):
    """BUILD on a class would set attributes of it."""
    path = tmp_path / 'hostile.pt'
    path.write_bytes(b'cnumpy\nmemmap\n(N}X\x01\x00\x00\x00aK\x01stb.')
    with pytest.raises(InputError, match='refused to change'):
        load_joblib(path)


NUMBERS = np.dtype('f8')


def description(dtype=NUMBERS, shape=(1,), order='C'):
    wrapper = joblib.numpy_pickle.NumpyArrayWrapper(np.memmap, shape, order, dtype)
    del wrapper.numpy_array_alignment_bytes  # so that the bytes follow at once
    return wrapper


POINTER = b'A' * 8
FORGED = {
    'records of objects': (description(np.dtype([('pointer', 'O')])), POINTER, 'expected plain numbers'),
    'records': (description(np.dtype([('x', 'f4'), ('y', 'f4')])), POINTER, 'expected plain numbers'),
    'objects from bytes': (description(np.dtype('O')), POINTER, 'not a valid joblib file'),
    'negative shape': (description(shape=(-1,)), POINTER, 'shape'),
    'huge shape': (description(shape=(2**40, 2**40)), POINTER, '(truncated|not a valid joblib file)'),
    'huge and empty': (description(shape=(0, 2**62, 2**62)), b'', 'not a valid joblib file'),
    'shape of texts': (description(shape='8'), POINTER, 'shape'),
    'another order': (description(order='K'), POINTER, 'order'),
    'no type': (description(None), POINTER, 'type None'),
    'array of pointers': (Hostile(np.ndarray, (1,), np.dtype('O'), POINTER), b'', 'only be named'),
}


@pytest.mark.parametrize('compress', [False, True])
@pytest.mark.parametrize('case', FORGED)
def test_forged_arrays_are_refused(tmp_path, case, compress):
    forged, contents, message = FORGED[case]
    path = tmp_path / 'forged.pt'
    data = pickle.dumps([forged], 3)
    data = data[: data.rindex(b'a')] + contents + data[data.rindex(b'a') :]  # before it is put into the list
    path.write_bytes(zlib.compress(data) if compress else data)
    with pytest.raises(InputError, match=rf'forged.pt: .*{message}'):
        load_joblib(path)


def test_arrays_that_are_read_cannot_be_changed(tmp_path):
    """BUILD on a finished array would give it a new type, shape and contents."""
    state = pickle.dumps((1, (1,), np.dtype('O'), False, [1]), 3)[2:-1]
    path = tmp_path / 'forged.pt'
    path.write_bytes(pickle.dumps(description(), 3)[:-1] + POINTER + state + b'b.')
    with pytest.raises(InputError, match='refused to change'):
        load_joblib(path)


@pytest.mark.parametrize('share', [0.001, 0.3, 0.9, 0.999])
@pytest.mark.parametrize('compress', [0, 3])
def test_truncated(tmp_path, share, compress):
    path = tmp_path / 'db.pt'
    joblib.dump({'features': VALUES['features'], 'z': VALUES['features'][:9]}, path, compress=compress)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError, match='db.pt: (truncated|not a valid joblib file)'):
        load_joblib(path)


@pytest.mark.parametrize(
    ('data', 'message'),
    [
        (b'', 'not a valid joblib file'),
        (b'garbage', 'not a valid joblib file'),
        (b'\x04"M\x18 and so on', 'LZ4.*only if you trust the file'),
        (b'PK\x03\x04 and so on', 'zip'),
    ],
)
def test_other_formats(tmp_path, data, message):
    path = tmp_path / 'db.pt'
    path.write_bytes(data)
    with pytest.raises(InputError, match=rf'db.pt: .*{message}'):
        load_joblib(path)


def test_absent(tmp_path):
    with pytest.raises(InputError, match='db.pt: no such file'):
        load_joblib(tmp_path / 'db.pt')
