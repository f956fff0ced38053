"""Small generated videos, with what phones and broken disks do to them."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def frame_image(number: int, height: int = 48, width: int = 64) -> np.ndarray:
    """(H, W, 3) uint8: red at the top left, green at the top right; blue says the number."""
    image = np.full((height, width, 3), (0, 0, 8 * number), np.uint8)
    image[: height // 2, : width // 2, 0] = 200
    image[: height // 2, width // 2 :, 1] = 200
    return image


def write_video(
    path: Path,
    num_frames: int = 6,
    size: tuple[int, int] = (64, 48),
    stamps: list[int] | None = None,
    rotation: int = 0,
    codec: str = 'libx264',
) -> Path:
    """A video of `frame_image`s at 10 frames a second, or at `stamps` (milliseconds); the rotation flag in degrees."""
    with av.open(str(path), 'w') as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = *size, 'yuv444p' if codec == 'libx264' else 'yuvj422p'
        stream.codec_context.time_base = Fraction(1, 1000)
        stream.options = {'crf': '10', 'g': '1'} if codec == 'libx264' else {}
        if rotation:
            stream.set_display_rotation(rotation)
        for number in range(num_frames):
            frame = av.VideoFrame.from_ndarray(frame_image(number, size[1], size[0]), format='rgb24')
            frame.pts, frame.time_base = stamps[number] if stamps else 100 * number, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_sound(path: Path) -> Path:
    """A file with sound alone."""
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('aac', rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format='fltp', layout='mono')
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
