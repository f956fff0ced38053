"""Videos inside pages: small, every frame kept at its time."""

import numpy as np
import pytest

from glot_plugin.errors import InputError
from glot_plugin.viewer.embedded_video import LONGEST_SIDE, embedded_video

av = pytest.importorskip('av')
cv2 = pytest.importorskip('cv2')


def decode(content: bytes, path) -> list:
    path.write_bytes(content)
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == 'h264'
        return [(frame.time, frame.to_ndarray(format='rgb24')) for frame in container.decode(video=0)]


def test_frames_keep_their_times_and_pictures(clip, tmp_path):
    video = embedded_video(clip)
    frames = decode(video.content, tmp_path / 'out.mp4')
    np.testing.assert_allclose(video.times, np.arange(24) / 12, atol=1e-3)
    np.testing.assert_allclose([time for time, _ in frames], video.times, atol=1e-3)
    np.testing.assert_allclose([image.mean() for _, image in frames], 10 * np.arange(24), atol=6)


def test_large_pictures_shrink(tmp_path):
    folder = tmp_path / 'frames'
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f'{number}.png'), np.zeros((901, 1601, 3), np.uint8))
    frames = decode(embedded_video(folder).content, tmp_path / 'out.mp4')
    assert [image.shape for _, image in frames] == 3 * [(360, LONGEST_SIDE, 3)]


def test_what_is_no_video_is_named(tmp_path):
    (tmp_path / 'notes.mp4').write_text('no video')
    with pytest.raises(InputError, match='notes.mp4'):
        embedded_video(tmp_path / 'notes.mp4')
