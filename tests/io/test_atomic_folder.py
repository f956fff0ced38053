import os

import pytest

from glot_plugin.io import atomic_folder
from glot_plugin.io.atomic_folder import AtomicFolder


def test_everything_is_on_the_disk_before_the_name(tmp_path, monkeypatch):
    calls, real = [], os.replace
    monkeypatch.setattr(atomic_folder, 'sync', lambda path: calls.append(path))
    monkeypatch.setattr(os, 'replace', lambda a, b: (calls.append('replace'), real(a, b)))
    folder = AtomicFolder(tmp_path / 'store', 'index.json')
    hidden = folder.open()
    (hidden / 'inner').mkdir()
    files = [hidden / 'index.json', hidden / 'inner/column.npy']
    for file in files:
        file.touch()
    folder.publish()
    before, after = calls[: calls.index('replace')], calls[calls.index('replace') + 1 :]
    assert {*files, hidden / 'inner'} == {*before[:-1]}
    assert before[-1] == hidden
    assert after == [tmp_path]


def test_what_another_process_writes_is_left_alone(tmp_path):
    first = AtomicFolder(tmp_path / 'store', 'index.json')
    hidden = first.open()
    second = AtomicFolder(tmp_path / 'store', 'index.json')
    assert second.open(lambda _: True) != hidden
    second.discard()
    first.keep()
    assert second.open(lambda _: True) == hidden
    second.discard()
    with pytest.raises(StopIteration):
        next(tmp_path.iterdir())
