"""A clip's video, compressed enough to embed in a page."""

import io
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from rich.progress import Progress

from glot_plugin.errors import InputError

LONGEST_SIDE = 640  # pixels
QUALITY = 28  # x264's constant rate factor
MOST_BYTES = 12_000_000  # for any length of clip: the bit rate is capped to fit
_TIME_BASE = Fraction(1, 90_000)


@dataclass(frozen=True)
class EmbeddedVideo:
    """A compressed clip.

    Attributes:
        name: Name of the file or folder.
        content: An MP4 file with H.264.
        times: (F,) seconds of its frames since the first one.
    """

    name: str
    content: bytes
    times: np.ndarray


def embedded_video(path: str | Path, progress: bool = False) -> EmbeddedVideo:
    """A clip as H.264 in MP4: silent, at most 640 pixels on its longer side and about 12 MB, every frame kept.

    Args:
        path: A video, or a folder of pictures.
        progress: Show a progress bar.

    Raises:
        InputError: The clip cannot be read, or PyAV or OpenCV is not installed.
    """
    try:
        import av
        import cv2

        from glot_plugin.video.clip import open_clip
    except ImportError as error:
        raise InputError(
            f'a video in the page needs PyAV and OpenCV; install them with: pip install "glot_plugin[video]" ({error})'
        ) from error
    clip = open_clip(path)
    shrink = min(1.0, LONGEST_SIDE / max(clip.size))
    width, height = (max(2, round(side * shrink / 2) * 2) for side in clip.size)  # H.264 requires even sizes
    times, file = [], io.BytesIO()
    with av.open(file, 'w', format='mp4') as output, Progress(disable=not progress, transient=True) as bar:
        task = bar.add_task(f'{clip.name} for the page', total=clip.num_frames)
        stream = output.add_stream('libx264', rate=Fraction(clip.fps).limit_denominator(1000), options=_options(clip))
        stream.width, stream.height, stream.pix_fmt = width, height, 'yuv420p'
        stream.codec_context.time_base = _TIME_BASE
        for frame in clip.frames():
            image = cv2.resize(frame.image, (width, height), interpolation=cv2.INTER_AREA)
            picture = av.VideoFrame.from_ndarray(image, format='rgb24')
            picture.pts, picture.time_base = round(frame.time / _TIME_BASE), _TIME_BASE
            output.mux(stream.encode(picture))
            times.append(frame.time)
            bar.advance(task)
        output.mux(stream.encode(None))
    return EmbeddedVideo(clip.name, file.getvalue(), np.array(times))


def _options(clip) -> dict[str, str]:
    """x264's options: one key frame per second, so that scrubbing is quick."""
    options = {'preset': 'veryfast', 'crf': str(QUALITY), 'g': str(max(1, round(clip.fps)))}
    if clip.num_frames:
        most = int(8 * MOST_BYTES * clip.fps / clip.num_frames)  # bits a second
        options |= {'maxrate': str(most), 'bufsize': str(2 * most)}
    return options
