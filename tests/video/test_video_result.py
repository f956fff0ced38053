"""The result of a clip: what is written is what is read, by numpy alone too, and damaged files are one message."""

import dataclasses

import numpy as np
import pytest

from glot_plugin.errors import InputError
from glot_plugin.video import PersonTrack, VideoResult, read_result, write_result
from glot_plugin.video.result import ROW_SHAPES


def make_track(person: int, frames: np.ndarray, seed: int = 0) -> PersonTrack:
    generator = np.random.default_rng(seed + person)
    arrays = {name: generator.random((len(frames), *shape), np.float32) for name, shape in ROW_SHAPES.items()}
    arrays['frame'] = frames
    arrays['rotmat'] = np.linalg.qr(generator.normal(size=(len(frames), 24, 3, 3)))[0].astype(np.float32)
    arrays['rotmat'] *= np.linalg.det(arrays['rotmat'])[..., None, None]  # proper rotations
    return PersonTrack(person, **arrays)


def make_result(*people: PersonTrack) -> VideoResult:
    return VideoResult('clip.mp4', (640, 480), 25.0, np.arange(40) / 25, 800.0, people, 'GLoT', 'female')


def test_round_trip(tmp_path):
    result = make_result(make_track(0, np.arange(5)), make_track(3, np.array([2, 3, 7])))
    found = read_result(write_result(result, tmp_path / 'tracks.npz').parent)
    assert dataclasses.replace(found, people=(), times=None) == dataclasses.replace(result, people=(), times=None)
    assert found.num_frames == 40
    assert np.array_equal(found.times, result.times)
    assert [track.person for track in found.people] == [0, 3]
    for mine, theirs in zip(result.people, found.people, strict=True):
        assert all(np.array_equal(getattr(mine, name), getattr(theirs, name)) for name in ROW_SHAPES)


def test_numpy_alone_reads_it(tmp_path):
    track = make_track(1, np.array([4, 6]))
    write_result(make_result(make_track(0, np.arange(3)), track), tmp_path / 'tracks.npz')
    with np.load(tmp_path / 'tracks.npz', allow_pickle=False) as file:
        second = slice(*file['offsets'][1:3])
        assert np.array_equal(file['frame'][second], [4, 6])
        angle = np.linalg.norm(file['pose'][second].reshape(-1, 24, 3), axis=-1)
    cosine = (np.trace(track.rotmat, axis1=-2, axis2=-1) - 1) / 2
    assert np.allclose(np.cos(angle), cosine, atol=1e-5)


def test_nobody_is_a_result(tmp_path):
    assert read_result(write_result(make_result(), tmp_path / 'tracks.npz')).people == ()


def test_bad_files_are_one_message(tmp_path):
    path = write_result(make_result(make_track(0, np.arange(3))), tmp_path / 'tracks.npz')
    with pytest.raises(InputError, match=r'nothing.npz: no such file'):
        read_result(tmp_path / 'nothing.npz')
    (tmp_path / 'cut.npz').write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r'cut.npz: not a valid .npz file'):
        read_result(tmp_path / 'cut.npz')
    np.savez(tmp_path / 'other.npz', a=1)
    with pytest.raises(InputError, match=r'other.npz: expected glot_plugin.tracks'):
        read_result(tmp_path / 'other.npz')
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(tmp_path / 'less.npz', **{name: arrays[name] for name in arrays if name != 'betas'})
    with pytest.raises(InputError, match=r'less.npz: no betas'):
        read_result(tmp_path / 'less.npz')
    np.savez(tmp_path / 'wrong.npz', **{**arrays, 'box': arrays['box'][:, :3]})
    with pytest.raises(InputError, match=r'wrong.npz: box is float32 \(\d+, 3\), expected'):
        read_result(tmp_path / 'wrong.npz')


def test_frames_must_rise():
    with pytest.raises(InputError, match='person 2: expected rising frame numbers'):
        make_track(2, np.array([3, 3]))
