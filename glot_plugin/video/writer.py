"""Writing H.264 videos that browsers play, with the sound of another video."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from glot_plugin.errors import InputError

if TYPE_CHECKING:
    import av

TIME_BASE = Fraction(1, 90_000)  # of MPEG: fine enough for every frame rate
PRESET, QUALITY = 'superfast', '20'  # x264's preset and constant rate factor: visually lossless, 60 frames/s and more


class VideoWriter:
    """A video that appears under its name when it is complete: use it as a context manager.

    Args:
        path: The `.mp4`.
        fps: Frames per second, the mean where they vary: what players show. Each frame is shown at its own time.
        sound_of: A video whose sound is copied, or converted to AAC where MP4 cannot hold it. None, or a video without
            sound: a silent video.

    Raises:
        InputError: PyAV is not installed, no frame was written, or the file cannot be written.
    """

    def __init__(self, path: str | Path, fps: float, sound_of: str | Path | None = None) -> None:
        self.path, self.fps = Path(path), fps
        self._sound_of, self._av = sound_of, import_av()
        self._partial = self.path.with_name(f'.{self.path.name}.{os.getpid()}.partial')
        self._start = self._time = None

    def __enter__(self) -> VideoWriter:
        with self._errors():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._output = self._av.open(str(self._partial), 'w', format='mp4', options={'movflags': '+faststart'})
            rate = Fraction(self.fps).limit_denominator(1000)
            self._picture = self._output.add_stream('libx264', rate=rate, options={'preset': PRESET, 'crf': QUALITY})
            self._picture.pix_fmt, self._picture.codec_context.time_base = 'yuv420p', TIME_BASE
            self._sound = _Sound.of(self._sound_of, self._output)
        return self

    def write(self, time: float, image: np.ndarray) -> None:
        """Append a frame.

        Args:
            time: Seconds, rising.
            image: (H, W, 3) uint8 RGB, all of one size. Odd sizes lose a row or column: H.264 takes even ones.
        """
        height, width = (length - length % 2 for length in image.shape[:2])
        if self._start is None:
            self._start, self._picture.width, self._picture.height = time, width, height
        self._time = time
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(image[:height, :width]), format='rgb24')
        frame.pts, frame.time_base = round((time - self._start) / TIME_BASE), TIME_BASE
        with self._errors():
            self._output.mux(self._picture.encode(frame))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            with self._errors():
                if kind is None:
                    self._finish()
                self._output.close()
                if kind is None:
                    os.replace(self._partial, self.path)
        finally:
            self._partial.unlink(missing_ok=True)

    def _finish(self) -> None:
        if self._start is None:
            raise InputError(f'{self.path}: no frames to write')
        self._output.mux(self._picture.encode(None))
        if self._sound is not None:
            self._sound.copy_to(self._output, self._time + 1 / self.fps)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, self._av.error.FFmpegError) as error:
            raise InputError(f'{self.path}: cannot be written ({error.strerror or error})') from error


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
