"""Clips: times, rotation, sizes, broken files, folders of pictures, and reading ahead."""

import cv2
import numpy as np
import pytest
from clip_files import frame_image, write_sound, write_video

from glot_plugin.errors import InputError
from glot_plugin.video.clip import open_clip
from glot_plugin.video.read_ahead import read_ahead


def test_video(tmp_path):
    clip = open_clip(write_video(tmp_path / 'clip.mp4'))
    assert (clip.name, clip.size, clip.fps, clip.num_frames) == ('clip.mp4', (64, 48), 10, 6)
    frames = list(clip.frames())
    assert [frame.number for frame in frames] == list(range(6))
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(6) / 10, atol=1e-3)
    for number, frame in enumerate(frames):
        assert np.abs(frame.image.astype(int) - frame_image(number)).max() < 25
    assert len(list(clip.frames())) == 6  # from the beginning again


def test_variable_frame_rate_keeps_its_times(tmp_path):
    stamps = [0, 40, 80, 400, 440, 1000]
    clip = open_clip(write_video(tmp_path / 'clip.mkv', stamps=stamps))
    np.testing.assert_allclose([1000 * frame.time for frame in clip.frames()], stamps, atol=1)


@pytest.mark.parametrize('rotation', [90, -90, 180])
def test_phone_videos_are_turned(tmp_path, rotation):
    clip = open_clip(write_video(tmp_path / 'clip.mp4', rotation=rotation))
    expected = np.rot90(frame_image(0), rotation // 90)  # counterclockwise
    assert clip.size == (expected.shape[1], expected.shape[0])
    image = next(iter(clip.frames())).image
    assert image.flags.c_contiguous
    assert np.abs(image.astype(int) - expected).max() < 25


def test_odd_sizes(tmp_path):
    clip = open_clip(write_video(tmp_path / 'clip.avi', size=(63, 47), codec='mjpeg'))
    assert clip.size == (63, 47)
    assert next(iter(clip.frames())).image.shape == (47, 63, 3)


def test_truncated_video_ends_with_a_warning(tmp_path):
    whole = write_video(tmp_path / 'whole.avi', num_frames=20, size=(128, 96), codec='mjpeg')
    cut = tmp_path / 'cut.avi'
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.warns(UserWarning, match=r'cut.avi: (ends after \d+ of 20 frames|cannot be decoded after frame \d+)'):
        frames = list(open_clip(cut).frames())
    assert 0 < len(frames) < 20


def test_a_frame_that_cannot_be_decoded_ends_the_clip(tmp_path, monkeypatch):
    av = pytest.importorskip('av')
    clip = open_clip(write_video(tmp_path / 'clip.mp4'))
    image, calls = type(clip)._image, []

    def break_later(self, frame):
        calls.append(frame)
        if len(calls) > 3:
            raise av.error.InvalidDataError(1, 'Invalid data found when processing input')
        return image(self, frame)

    monkeypatch.setattr(type(clip), '_image', break_later)
    with pytest.warns(UserWarning, match='clip.mp4: cannot be decoded after frame 2 .*; the clip ends there'):
        assert len(list(clip.frames())) == 3


def test_files_that_are_no_video(tmp_path):
    text = tmp_path / 'text.mp4'
    text.write_text('no video')
    cut = tmp_path / 'cut.mp4'
    cut.write_bytes(write_video(tmp_path / 'clip.mp4').read_bytes()[:600])  # before the index, which is at the end
    empty = tmp_path / 'empty.mp4'
    empty.touch()
    for path in (text, cut, empty):
        with pytest.raises(
            InputError, match=rf'{path.name}: not a video that can be read \(.*\): another kind of file'
        ):
            open_clip(path)
    with pytest.raises(InputError, match='sound.m4a: has no video stream; its streams: audio'):
        open_clip(write_sound(tmp_path / 'sound.m4a'))
    whole = write_video(tmp_path / 'whole.avi', codec='mjpeg').read_bytes()
    (tmp_path / 'none.avi').write_bytes(whole[: whole.index(b'movi') + 4])  # a header, and no frame
    with pytest.raises(InputError, match='none.avi: has no frame that can be decoded'):
        open_clip(tmp_path / 'none.avi')
    with pytest.raises(InputError, match='absent.mp4: no such video, folder of pictures or webcam'):
        open_clip(tmp_path / 'absent.mp4')


def test_pictures_in_natural_order(tmp_path):
    for number in range(11):
        cv2.imwrite(str(tmp_path / f'frame_{number}.png'), frame_image(number)[..., ::-1])
    (tmp_path / 'notes.txt').touch()
    clip = open_clip(tmp_path, fps=5)
    assert (clip.size, clip.num_frames, clip.fps) == ((64, 48), 11, 5)
    for number, frame in enumerate(clip.frames()):
        assert frame.time == pytest.approx(number / 5)
        np.testing.assert_array_equal(frame.image, frame_image(number))
    cv2.imwrite(str(tmp_path / 'frame_4.png'), frame_image(4, 20, 30))
    with pytest.raises(InputError, match='frame_4.png: is 30 x 20 pixels, expected 64 x 48 like frame_0.png'):
        list(clip.frames())


def test_folders_without_pictures(tmp_path):
    with pytest.raises(InputError, match='has no picture, expected files .png'):
        open_clip(tmp_path)
    (tmp_path / 'a.png').write_bytes(b'no')
    with pytest.raises(InputError, match='a.png: not a readable picture'):
        open_clip(tmp_path)


def test_webcam(monkeypatch):
    images = [frame_image(number)[..., ::-1] for number in range(3)]

    class Capture:
        def __init__(self, index):
            self.left = iter(images if index == 2 else [])

        def read(self):
            image = next(self.left, None)
            return image is not None, image

        def get(self, _):
            return 25.0

        def release(self):
            pass

    monkeypatch.setattr(cv2, 'VideoCapture', Capture)
    clip = open_clip('/dev/video2')
    assert (clip.size, clip.fps, clip.num_frames) == ((64, 48), 25, None)
    assert [frame.number for frame in clip.frames()] == [0, 1]  # one was read to see that it works
    with pytest.raises(InputError, match='webcam 7: cannot be opened, or gives no frame'):
        open_clip('7')


def test_reading_ahead():
    made = []

    def make():
        for number in range(50):
            made.append(number)
            yield number

    assert list(read_ahead(make())) == list(range(50))
    made.clear()
    ahead = read_ahead(make(), depth=3)
    assert next(ahead) == 0
    ahead.close()  # the thread ends
    assert len(made) <= 6

    def fail():
        yield 1
        raise InputError('broken')

    ahead = read_ahead(fail())
    assert next(ahead) == 1
    with pytest.raises(InputError, match='broken'):
        next(ahead)
