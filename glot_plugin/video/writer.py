"""Writing H.264 videos that browsers play, with the sound of another video."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from glot_plugin.errors import InputError

if TYPE_CHECKING:
    import av

TIME_BASE = Fraction(1, 90_000)  # of MPEG: fine enough for every frame rate
PRESET, QUALITY = 'veryfast', '20'  # x264's preset and constant rate factor: visually lossless, 60 frames/s and more


def write_video(
    path: str | Path, frames: Iterable[np.ndarray], times: np.ndarray, sound_of: str | Path | None = None
) -> Path:
    """Write a video; it appears under its name when it is complete.

    Args:
        path: The `.mp4`.
        frames: (H, W, 3) uint8 RGB each, all of one size. Odd sizes lose a row or column: H.264 takes even ones.
        times: (F,) seconds of each frame, rising; frames may be fewer.
        sound_of: A video whose sound is copied, or converted to AAC where MP4 cannot hold it. None, or a video without
            sound: a silent video.

    Raises:
        InputError: PyAV is not installed, or the file cannot be written.
    """
    av = import_av()
    path = Path(path)
    partial = path.with_name(f'.{path.name}.{os.getpid()}.partial')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(partial), 'w', format='mp4', options={'movflags': '+faststart'}) as output:
            _write_streams(output, frames, times, sound_of)
        os.replace(partial, path)
    except (OSError, av.error.FFmpegError) as error:
        raise InputError(f'{path}: cannot be written ({error.strerror or error})') from error
    finally:
        with contextlib.suppress(OSError):  # where even its folder could not be made
            partial.unlink(missing_ok=True)
    return path


def _write_streams(
    output: av.container.OutputContainer, frames: Iterable[np.ndarray], times: np.ndarray, sound_of: str | Path | None
) -> None:
    picture = output.add_stream('libx264', rate=_mean_rate(times), options={'preset': PRESET, 'crf': QUALITY})
    picture.pix_fmt, picture.codec_context.time_base = 'yuv420p', TIME_BASE
    sound = _Sound.of(sound_of, output)
    for index, (image, time) in enumerate(zip(frames, times, strict=False)):
        height, width = (length - length % 2 for length in image.shape[:2])
        if index == 0:
            picture.width, picture.height = width, height
        frame = import_av().VideoFrame.from_ndarray(np.ascontiguousarray(image[:height, :width]), format='rgb24')
        frame.pts, frame.time_base = round((time - times[0]) / TIME_BASE), TIME_BASE
        output.mux(picture.encode(frame))
    output.mux(picture.encode(None))
    if sound is not None:
        sound.copy_to(output, float(times[-1]))


def _mean_rate(times: np.ndarray) -> Fraction:
    """Frames per second, as a player's information; the time of each frame is its own."""
    seconds = float(times[-1] - times[0])
    return Fraction((len(times) - 1) / seconds if seconds > 0 else 25).limit_denominator(1000)


class _Sound:
    """The sound of a video: its packets where MP4 holds their codec, otherwise its samples as AAC."""

    COPIED = ('aac', 'mp3', 'ac3', 'opus', 'alac')

    def __init__(self, source: av.container.InputContainer, output: av.container.OutputContainer) -> None:
        self.source, stream = source, source.streams.audio[0]
        self.copied = stream.codec_context.name in self.COPIED
        if self.copied:
            self.target = output.add_stream_from_template(stream)
        else:
            self.target = output.add_stream('aac', rate=stream.rate)

    @classmethod
    def of(cls, video: str | Path | None, output: av.container.OutputContainer) -> _Sound | None:
        if video is None or not Path(video).is_file():
            return None
        source = import_av().open(str(video))
        return cls(source, output) if source.streams.audio else None

    def copy_to(self, output: av.container.OutputContainer, seconds: float) -> None:
        """Copy the sound up to `seconds`; a damaged rest is left out."""
        error = import_av().error.FFmpegError
        with self.source:
            try:
                for packet in self.source.demux(audio=0):
                    if packet.pts is None or packet.pts * packet.time_base > seconds:
                        continue
                    if self.copied:
                        packet.stream = self.target
                        output.mux(packet)
                    else:
                        for frame in packet.decode():
                            output.mux(self.target.encode(frame))
            except error:
                pass
        if not self.copied:
            output.mux(self.target.encode(None))


def import_av():
    """PyAV.

    Raises:
        InputError: It is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise InputError('videos need PyAV; install it with: pip install "glot_plugin[video]"') from error
    return av
