import pytest

from glot_plugin.errors import InputError
from glot_plugin.io.files import writable_file


def test_writable_file(tmp_path):
    assert writable_file(tmp_path / 'new' / 'out.json', '--out') == tmp_path / 'new' / 'out.json'
    assert list(tmp_path.rglob('*')) == [tmp_path / 'new']


def test_files_that_cannot_be_written(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(InputError, match=r'--out .*/file: cannot be written to'):
        writable_file(tmp_path / 'file' / 'out.json', '--out')
    with pytest.raises(InputError, match=f'--per-track {tmp_path}: a folder, expected the name of a file'):
        writable_file(tmp_path, '--per-track')
