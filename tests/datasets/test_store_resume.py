"""A writer that goes on with what a killed or interrupted one left."""

import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from glot_plugin.datasets import TrackStore, TrackStoreWriter, store_writer
from glot_plugin.errors import InputError

WIDTH = 8


def random_track(number: int) -> dict[str, np.ndarray]:
    rng, length = np.random.default_rng(number), 4 + number
    return {
        'features': rng.standard_normal((length, WIDTH), dtype=np.float32),
        'keypoints2d': rng.uniform(0, 200, (length, 49, 3)).astype(np.float32),
        'bbox': rng.uniform(50, 150, (length, 4)).astype(np.float32),
    }


TRACKS = {f'track {number}': random_track(number) for number in range(6)}


@pytest.fixture(autouse=True)
def frequent_saves(monkeypatch):
    monkeypatch.setattr(store_writer, 'BYTES_BETWEEN_SAVES', 1)


def writer_for(path: Path, **options: object) -> TrackStoreWriter:
    return TrackStoreWriter(path, 'test', **{'feature_dim': WIDTH, 'resume': True, **options})


def write_all(path: Path, **options: object) -> list[str]:
    """Write what is not written; returns which tracks that were."""
    added = []
    with writer_for(path, **options) as writer:
        for name, track in TRACKS.items():
            if name not in writer:
                writer.add_track(name, **track, gender='f')
                added.append(name)
    return added


def begin(path: Path, names: list[str], error: type[BaseException]) -> None:
    with writer_for(path) as writer:
        for name in names:
            writer.add_track(name, **TRACKS[name], gender='f')
        raise error('now')


def interrupt_after(path: Path, count: int, error: type[BaseException] = KeyboardInterrupt) -> None:
    with pytest.raises(error, match='now'):
        begin(path, list(TRACKS)[:count], error)


def contents(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


@pytest.fixture
def whole(tmp_path) -> dict[str, bytes]:
    write_all(tmp_path / 'uninterrupted')
    return contents(tmp_path / 'uninterrupted')


def test_interrupted_writer_goes_on_and_gives_the_same_bytes(tmp_path, whole):
    interrupt_after(tmp_path / 's', 2)
    assert not (tmp_path / 's').exists()
    assert write_all(tmp_path / 's') == list(TRACKS)[2:]
    assert contents(tmp_path / 's') == whole
    assert not [entry for entry in tmp_path.iterdir() if entry.name.startswith('.')]


def kill_in_the_middle_of_a_track(path: Path) -> None:
    with writer_for(path) as writer:
        for name, track in list(TRACKS.items())[:3]:
            writer.add_track(name, **track, gender='f')
        writer._files['features'].write(b'half a row')
        writer._files['features'].flush()
        os.kill(os.getpid(), signal.SIGKILL)


def test_killed_writer_goes_on_without_the_rows_of_the_track_it_was_in(tmp_path, whole):
    process = multiprocessing.get_context('fork').Process(target=kill_in_the_middle_of_a_track, args=(tmp_path / 's',))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert write_all(tmp_path / 's') == list(TRACKS)[3:]
    assert contents(tmp_path / 's') == whole


def test_interrupted_twice(tmp_path, whole):
    interrupt_after(tmp_path / 's', 1)
    with pytest.raises(KeyboardInterrupt):
        begin(tmp_path / 's', ['track 1'], KeyboardInterrupt)
    assert write_all(tmp_path / 's') == list(TRACKS)[2:]
    assert contents(tmp_path / 's') == whole


@pytest.mark.parametrize('change', [{'meta': {'file': 'another'}}, {'feature_dtype': 'float16'}])
def test_another_source_starts_at_the_beginning(tmp_path, change):
    interrupt_after(tmp_path / 's', 2)
    assert write_all(tmp_path / 's', **change) == list(TRACKS)
    assert TrackStore(tmp_path / 's').num_tracks == len(TRACKS)
    assert [entry.name for entry in tmp_path.iterdir()] == ['s']


@pytest.mark.parametrize('damage', ['column', 'progress', 'missing'])
def test_damaged_remains_are_not_gone_on_with(tmp_path, whole, damage):
    interrupt_after(tmp_path / 's', 3)
    (left,) = tmp_path.glob('.s.*')
    if damage == 'missing':
        (left / 'bbox.npy').unlink()
    else:
        file = left / ('features.npy' if damage == 'column' else 'progress.json')
        os.truncate(file, file.stat().st_size - 1)
    assert write_all(tmp_path / 's') == list(TRACKS)
    assert contents(tmp_path / 's') == whole


def test_errors_leave_nothing_behind(tmp_path):
    interrupt_after(tmp_path / 's', 3, InputError)
    assert list(tmp_path.iterdir()) == []


def test_a_written_track_is_not_added_again(tmp_path):
    interrupt_after(tmp_path / 's', 2)
    with pytest.raises(InputError, match='already in the store'), writer_for(tmp_path / 's') as writer:
        writer.add_track('track 1', **TRACKS['track 1'])


def test_without_resume_what_was_left_is_removed(tmp_path):
    interrupt_after(tmp_path / 's', 2)
    with writer_for(tmp_path / 's', resume=False) as writer:
        assert 'track 0' not in writer
        writer.add_track('other', np.ones((2, WIDTH), np.float32))
    assert TrackStore(tmp_path / 's').track_names.tolist() == ['other']
    assert [entry.name for entry in tmp_path.iterdir()] == ['s']
