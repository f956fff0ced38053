"""`.npz` and `.npy` files: the same arrays as numpy's own reader, and nothing that a header only claims."""

import zipfile

import numpy as np
import pytest

from glot_plugin.errors import InputError
from glot_plugin.io.npy_file import NpyFile
from glot_plugin.io.npz_file import NpzFile

ARRAYS = {
    'numbers': np.random.default_rng(0).normal(size=(30, 4)),
    'column_major': np.asfortranarray(np.arange(12).reshape(3, 4)),
    'texts': np.array(['a', 'bäc']),
    'big_endian': np.arange(3, dtype='>f4'),
    'scalar': np.array(7),
    'empty': np.zeros((0, 3), np.float32),
}


@pytest.mark.parametrize('save', [np.savez, np.savez_compressed])
def test_arrays_of_npz(tmp_path, save):
    save(tmp_path / 'a.npz', **ARRAYS)
    with NpzFile(tmp_path / 'a.npz') as file:
        assert file.keys == tuple(ARRAYS)
        for key, expected in ARRAYS.items():
            np.testing.assert_array_equal(file.read(key), expected)
            assert file.read(key).dtype == expected.dtype


@pytest.mark.parametrize('name', ARRAYS)
def test_arrays_of_npy(tmp_path, name):
    np.save(tmp_path / 'a.npy', ARRAYS[name])
    file = NpyFile.open(tmp_path / 'a.npy')
    np.testing.assert_array_equal(file.load(), ARRAYS[name])
    assert file.load().dtype == ARRAYS[name].dtype
    if ARRAYS[name].size:
        np.testing.assert_array_equal(file.memmap(), ARRAYS[name])


def test_members_that_are_no_arrays_are_left_alone(tmp_path):
    np.savez(tmp_path / 'a.npz', **ARRAYS)
    with zipfile.ZipFile(tmp_path / 'a.npz', 'a') as archive:
        archive.writestr('readme.txt', 'hello')
    with NpzFile(tmp_path / 'a.npz') as file:
        assert file.keys == tuple(ARRAYS)
        with pytest.raises(InputError, match='a.npz: no other; found numbers, column_major'):
            file.read('other')


def test_methods_that_numpy_does_not_have(tmp_path):
    with zipfile.ZipFile(tmp_path / 'a.npz', 'w', zipfile.ZIP_BZIP2) as archive:
        archive.writestr('a.npy', b'')
    with pytest.raises(InputError, match='a.npz: a.npy is compressed by the zip method 12, expected none or deflate'):
        NpzFile(tmp_path / 'a.npz')


def test_the_limit_to_what_a_file_unfolds_to(tmp_path):
    np.savez_compressed(tmp_path / 'good.npz', x=np.zeros(60 * 2**20, np.uint8))
    with NpzFile(tmp_path / 'good.npz') as file:
        assert file.read('x').nbytes == 60 * 2**20
    np.savez_compressed(tmp_path / 'bad.npz', x=np.zeros(80 * 2**20, np.uint8))
    with pytest.raises(InputError, match=r'bad.npz: its arrays take 838\d+ bytes, more than the 7\d+ that a file of'):
        NpzFile(tmp_path / 'bad.npz')


def test_numbers_that_are_no_characters(tmp_path):
    np.save(tmp_path / 'a.npy', np.array(['ab']))
    data = (tmp_path / 'a.npy').read_bytes()
    (tmp_path / 'a.npy').write_bytes(data[:-4] + b'\xff' * 4)
    with pytest.raises(InputError, match='a.npy: found numbers that are no characters'):
        NpyFile.open(tmp_path / 'a.npy').load()
