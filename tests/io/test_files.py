import os
import resource
from pathlib import Path

import numpy as np
import pytest

from glot_plugin.errors import InputError, WriteError
from glot_plugin.io.files import atomic_write, writable_file, write_bytes, write_errors, write_npy


@pytest.fixture
def short_files():
    """No file can be longer than 100 kB."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limit)


def test_writable_file(tmp_path):
    assert writable_file(tmp_path / 'new' / 'out.json', '--out') == tmp_path / 'new' / 'out.json'
    assert list(tmp_path.rglob('*')) == [tmp_path / 'new']


def test_files_that_cannot_be_written(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(InputError, match=r'--out .*/file: cannot be written to'):
        writable_file(tmp_path / 'file' / 'out.json', '--out')
    with pytest.raises(InputError, match=f'--per-track {tmp_path}: a folder, expected the name of a file'):
        writable_file(tmp_path, '--per-track')


def test_full_disk_is_one_error_and_leaves_the_old_file(tmp_path, short_files):
    path = tmp_path / 'a.bin'
    write_bytes(path, b'old')
    message = rf'^{path}: cannot be written \(File too large; 2.5 MB needed, .* free in {tmp_path}\)$'
    with pytest.raises(WriteError, match=message):
        write_bytes(path, bytes(2_500_000))
    message = r'\(File too large; more than 0.1 MB needed, '
    with pytest.raises(WriteError, match=message), atomic_write(path, 'wb') as file:  # noqa: PT012
        for _ in range(100):
            file.write(bytes(20_000))
    assert path.read_bytes() == b'old'
    assert list(tmp_path.iterdir()) == [path]


def test_only_a_full_disk():
    with (
        pytest.raises(WriteError, match=r'^x: cannot be written \(No space left on device; '),
        write_errors(Path('x'), only_no_room=True),
        open('/dev/full', 'wb') as file,
    ):
        file.write(b'x')
    with pytest.raises(FileNotFoundError), write_errors(Path('x'), only_no_room=True):
        Path('/nowhere/at/all').read_text()


def test_on_the_disk_before_the_name_and_the_name_after(tmp_path, monkeypatch):
    calls = []
    paths = {}
    real = {'open': os.open, 'fsync': os.fsync, 'replace': os.replace}

    def opened(path, *args, **kwargs):
        descriptor = real['open'](path, *args, **kwargs)
        paths[descriptor] = path
        return descriptor

    monkeypatch.setattr(os, 'open', opened)
    monkeypatch.setattr(os, 'fsync', lambda d: (calls.append(('fsync', paths[d])), real['fsync'](d)))
    monkeypatch.setattr(os, 'replace', lambda a, b: (calls.append(('replace', b)), real['replace'](a, b)))
    write_bytes(tmp_path / 'a', b'content')
    partial = tmp_path / f'.a.{os.getpid()}.partial'
    assert calls == [('fsync', partial), ('replace', tmp_path / 'a'), ('fsync', tmp_path)]


@pytest.mark.parametrize(
    'array',
    [
        np.arange(12, dtype=np.float16).reshape(3, 4),
        np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        np.array(['a', 'longer']),
        np.array([True, False]),
        np.zeros((0, 5), np.float32),
    ],
    ids=['rows', 'columns', 'text', 'bool', 'empty'],
)
def test_npy_is_what_numpy_reads(tmp_path, array):
    with (tmp_path / 'a.npy').open('wb') as file:
        write_npy(file, array)
    found = np.load(tmp_path / 'a.npy', allow_pickle=False)
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)
