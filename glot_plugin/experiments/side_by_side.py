"""Functions that run side by side, each in a process with one thread, and whose lines of progress are gathered."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import suppress
from queue import Empty, Queue

import torch

from glot_plugin.experiments.progress import Say

_POLL_SECONDS = 0.5
_lines: Queue | None = None  # of a worker, to the main process


def run_side_by_side(calls: Sequence[tuple[Callable, tuple]], workers: int, say: Say) -> Iterator[tuple[int, Future]]:
    """Run functions in `workers` processes; yields the place and the future of each as they end.

    Args:
        calls: Functions that can be pickled, and their arguments; each also gets a `Say` as its last argument.
        workers: Processes.
        say: Receives the lines.
    """
    context = multiprocessing.get_context('spawn')
    lines = context.Queue()
    pool = ProcessPoolExecutor(workers, context, _start_worker, (lines,))
    try:
        waiting = {pool.submit(_call, function, arguments): place for place, (function, arguments) in enumerate(calls)}
        while waiting:
            done, _ = wait(waiting, _POLL_SECONDS, FIRST_COMPLETED)
            _drain(lines, say)
            for future in done:
                yield waiting.pop(future), future
    finally:
        pool.shutdown(cancel_futures=True)
        _drain(lines, say)


def _start_worker(lines: Queue) -> None:
    global _lines
    torch.set_num_threads(1)
    _lines = lines
    # Ctrl-C reaches every process; the main one reports it.
    signal.signal(signal.SIGINT, lambda *_: os._exit(1))
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End when the main process was killed: the pool would keep its workers for ever."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _call(function: Callable, arguments: tuple) -> object:
    return function(*arguments, _lines.put)


def _drain(lines: Queue, say: Say) -> None:
    with suppress(Empty):
        while True:
            say(lines.get_nowait())
