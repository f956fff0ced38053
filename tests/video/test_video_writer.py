"""Written videos: H.264, the times of the frames, the sound of another video, odd sizes, and nothing half-written."""

import av
import numpy as np
import pytest

from glot_plugin.errors import InputError
from glot_plugin.video.writer import VideoWriter

TIMES = [0.0, 0.1, 0.25, 0.3, 0.4, 0.5]
FRAMES = [(time, np.full((97, 131, 3), 40 * index, np.uint8)) for index, time in enumerate(TIMES)]


@pytest.fixture(params=['aac', 'pcm_s16le', None])
def source(request, tmp_path):
    """A video with sound that MP4 holds, with sound that it does not, or without any."""
    path = tmp_path / 'source.mkv'
    with av.open(str(path), 'w') as output:
        picture = output.add_stream('libx264', rate=10)
        picture.width, picture.height, picture.pix_fmt = 64, 48, 'yuv420p'
        sound = output.add_stream(request.param, rate=16000, layout='mono') if request.param else None
        for _ in range(6):
            output.mux(picture.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format='rgb24')))
        output.mux(picture.encode(None))
        for index in range(10 if sound else 0):
            wave = (8000 * np.sin(np.arange(1024) / 20)).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(wave, format='s16', layout='mono')
            frame.sample_rate, frame.pts = 16000, 1024 * index
            output.mux(sound.encode(frame))
        if sound:
            output.mux(sound.encode(None))
    return path, request.param is not None


def write(path, frames, sound_of=None):
    with VideoWriter(path, 10.0, sound_of) as writer:
        for time, image in frames:
            writer.write(time, image)


def test_frames_times_and_sound(tmp_path, source):
    path, has_sound = source
    write(tmp_path / 'out.mp4', FRAMES, path)
    with av.open(str(tmp_path / 'out.mp4')) as video:
        frames = list(video.decode(video=0))
        assert video.streams.video[0].codec_context.name == 'h264'
        assert (frames[0].width, frames[0].height) == (130, 96)
        assert np.allclose([frame.time for frame in frames], TIMES, atol=1e-3)
        assert [frame.to_ndarray(format='rgb24').mean() for frame in frames] == pytest.approx(
            [40 * index for index in range(6)], abs=3
        )
    with av.open(str(tmp_path / 'out.mp4')) as video:
        assert len(video.streams.audio) == has_sound
        if has_sound:
            assert sum(frame.samples for frame in video.decode(audio=0)) >= 0.4 * 16000


def test_nothing_half_written(tmp_path):
    def frames():
        yield FRAMES[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / 'out.mp4', frames())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(InputError, match=r'out.mp4: cannot be written'):
        write(tmp_path / 'file' / 'out.mp4', FRAMES)


def test_no_frames(tmp_path):
    with pytest.raises(InputError, match='no frames'):
        write(tmp_path / 'out.mp4', [])
    assert list(tmp_path.iterdir()) == []
