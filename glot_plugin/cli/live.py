"""Implementation of `tools/video.py --live`: a webcam, or a file played in real time, to bodies as they come."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from glot_plugin.body_model import SMPLBody
from glot_plugin.errors import InputError
from glot_plugin.live import TrackStream
from glot_plugin.live.frame_people import PeopleFinder
from glot_plugin.live.session import LiveSession
from glot_plugin.live.source import NewestFrames
from glot_plugin.live.threads import THREADS, torch_threads
from glot_plugin.live.timing import LiveTiming
from glot_plugin.live.window import LiveWindow
from glot_plugin.models import GLoTEstimator
from glot_plugin.video.clip import Frame, VideoClip, WebcamClip
from glot_plugin.video.result import TRACKS_FILE, VideoResult, write_result
from glot_plugin.video.run import VideoOptions, focal_length_of
from glot_plugin.video.writer import VideoWriter

RECORDING = 'webcam.mp4'
Say = Callable[[str], None]


def run_live(
    clip: VideoClip | WebcamClip,
    out: Path,
    model: GLoTEstimator,
    body: SMPLBody,
    options: VideoOptions,
    about: str = '',
    latency: int | None = None,
    early: str = 'global',
    seconds: float | None = None,
    show: bool = False,
    say: Say = print,
) -> tuple[VideoResult, Path | None]:
    """Predict the people of a clip while it is filmed or played, until it ends or Ctrl-C, and write `tracks.npz`.

    Args:
        clip: Webcam or file.
        out: Folder of the results.
        model: With a `GLoTHead`.
        body: SMPL body.
        options: How people are found, focal length and inference mode; with `draw`, a webcam is recorded as well.
        about: Where the weights come from, in words.
        latency, early: See `TrackStream`.
        seconds: End after this time.
        show: Open a window.
        say: Takes a line now and then, and the summary.

    Returns:
        The result, and the recording of a webcam where there is one.

    Raises:
        InputError: An option does not go with `--live`, or nobody was there for long enough.
    """
    people = replace(options.people, threads=THREADS)
    stream = TrackStream(model, latency, options.inference or 'exact', early, people.rules.gap_frames(clip.fps))
    finder = PeopleFinder(clip, people, next(model.parameters()).device)
    timing = LiveTiming(stream.latency, clip.fps)
    focal_length = options.focal_length or focal_length_of(clip)
    session = LiveSession(clip, finder, stream, body, focal_length, timing, people.rules)
    with torch_threads():
        session.warm_up(clip.first_image())
    recording = None if clip.files or options.draw is None else out / RECORDING
    with ExitStack() as stack:
        watch = _opened(stack, clip.name) if show else (lambda *_: None)
        frames = clip.frames()
        if recording is not None:
            frames = recorded(frames, stack.enter_context(VideoWriter(recording, clip.fps)))
        source = NewestFrames(clip, frames, seconds)
        say(f'{clip.name}: live, {stream.latency} frames of latency; Ctrl-C ends it')
        with torch_threads(), stopped_by_interrupt(source), source:
            session.run(source, watch, say)
    say(timing.line(source.dropped))
    result = session.result(source.times, about)
    write_result(result, out / TRACKS_FILE)
    say(f'bodies: {out / TRACKS_FILE}')
    return result, recording


def _opened(stack: ExitStack, title: str) -> LiveWindow:
    window = LiveWindow(title)
    stack.callback(window.close)
    return window


def recorded(frames: Iterator[Frame], video: VideoWriter) -> Iterator[Frame]:
    """The frames, each also written to a video once it has been taken."""
    for frame in frames:
        try:
            yield frame
        finally:  # the last one, too, when nobody wants another
            video.write(frame.time, frame.image)


@contextmanager
def stopped_by_interrupt(source: NewestFrames) -> Iterator[None]:
    """Let Ctrl-C end a source instead of the program; a second one ends the program."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def stop(*_: object) -> None:
        signal.signal(signal.SIGINT, before)
        source.stop()

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def check_live_options(options: VideoOptions, backend: str, source: str) -> None:
    """Raise an `InputError` for options that need a whole clip."""
    wrong = [
        (options.people.boxes is not None, '--boxes has boxes of all frames, and live ones are dropped'),
        (options.smoothing is not None, '--smooth sees the whole clip'),
        (backend != 'torch', f'--backend {backend} predicts whole tracks'),
        (Path(source).is_dir(), f'{source} is a folder, expected a webcam or a video'),
    ]
    for is_wrong, problem in wrong:
        if is_wrong:
            raise InputError(f'--live: {problem}')
