"""The newest frame of a clip while it is filmed, or of a file as if it were."""

import threading
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from glot_plugin.video.clip import Clip, Frame
from glot_plugin.video.read_ahead import read_ahead


class LiveFrame(NamedTuple):
    """A frame, and when it was captured (`time.monotonic`, seconds)."""

    frame: Frame
    captured: float


def in_real_time(frames: Iterable[Frame]) -> Iterator[Frame]:
    """The frames of a file, each at its own time after the first, or as soon as it is decoded."""
    start = None
    for frame in read_ahead(frames):
        start = time.monotonic() - frame.time if start is None else start
        time.sleep(max(start + frame.time - time.monotonic(), 0))
        yield frame


class NewestFrames:
    """Frames from a thread that captures all of them: the reader gets the newest, and those before it are dropped.

    Use it as a context manager, and iterate over it once, from one thread. Errors of the capture are raised there.

    Args:
        clip: Its frames; a file's come in real time.
        seconds: End after this time; None: with the clip.

    Attributes:
        times: Seconds of every captured frame after the first, dropped or not.
        dropped: How many frames nobody got.
    """

    def __init__(self, clip: Clip, frames: Iterable[Frame] | None = None, seconds: float | None = None) -> None:
        self.times: list[float] = []
        self.dropped = 0
        self._frames = clip.frames() if frames is None else frames
        self._real_time, self._seconds = bool(clip.files), seconds
        self._newest: LiveFrame | None = None
        self._ended, self._error = False, None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._capture, daemon=True)

    def __enter__(self) -> 'NewestFrames':
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._thread.join(timeout=1)  # a camera that hangs must not keep the program from ending

    def stop(self) -> None:
        """End the capture; what was captured last is still given to the reader."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[LiveFrame]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._newest is not None or self._ended)
                newest, self._newest = self._newest, None
            if newest is None:
                break
            yield newest
        if self._error is not None:
            raise self._error

    def _capture(self) -> None:
        frames = in_real_time(self._frames) if self._real_time else iter(self._frames)
        try:
            for frame in frames:
                with self._changed:
                    if self._ended:
                        break
                    self.dropped += self._newest is not None
                    self._newest = LiveFrame(frame, time.monotonic())
                    self.times.append(frame.time)
                    self._changed.notify_all()
                if self._seconds is not None and frame.time >= self._seconds:
                    break
        except BaseException as error:  # for the reader to raise
            self._error = error
        finally:
            frames.close()
            self.stop()
