"""How far bodies are behind their frames, and how many frames come through."""

import time

import numpy as np


class LiveTiming:
    """Delays of bodies after the capture of their frames.

    Args:
        latency: Frames that bodies wait for.
        fps: Of the source, frames per second.
    """

    def __init__(self, latency: int, fps: float) -> None:
        self.latency, self.fps = latency, fps
        self.frames = 0
        self._delays: list[float] = []
        self._first = self._last = None
        self._first_busy = self._last_busy = 0.0  # seconds of the processor

    def frame_done(self) -> None:
        """A frame has gone through every stage."""
        self._last, self._last_busy = time.monotonic(), time.process_time()
        if self._first is None:
            self._first, self._first_busy = self._last, self._last_busy
        self.frames += 1

    def body_done(self, captured: float) -> None:
        """A body is there whose frame was captured at this time (`time.monotonic`)."""
        self._delays.append(time.monotonic() - captured)

    @property
    def frames_per_second(self) -> float:
        """Frames that came through, per second between the first and the last."""
        elapsed = 0.0 if self.frames < 2 else self._last - self._first
        return (self.frames - 1) / elapsed if elapsed > 0 else 0.0

    def line(self, dropped: int, newest: int | None = None) -> str:
        """What has happened so far; `newest` bodies count alone, by default all."""
        delays = self._delays if newest is None else self._delays[-newest:]
        parts = [f'{self.frames} frames, {self.frames_per_second:.1f} frames/s, {dropped} dropped']
        if self.frames > 1:
            busy = 1000 * (self._last_busy - self._first_busy) / (self.frames - 1)
            parts.append(f'{busy:.0f} ms of processor time a frame')
        if delays:
            median, late = 1000 * np.percentile(delays, [50, 99])
            waiting = 1000 * self.latency / self.fps
            parts.append(
                f'bodies {median:.0f} ms behind their frames (median), {late:.0f} ms (99th percentile), of which '
                f'{waiting:.0f} ms are {self.latency} frames of latency'
            )
        return '; '.join(parts)
