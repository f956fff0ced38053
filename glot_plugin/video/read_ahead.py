"""Reading ahead in a thread: what comes next is made while the last is worked on."""

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar('Item')
_POLL_SECONDS = 0.1  # how soon the thread notices that nobody reads any more


def read_ahead(items: Iterable[Item], depth: int = 4) -> Iterator[Item]:
    """The items in order, made by a thread that is at most `depth` of them ahead; its errors are raised here."""
    ready: queue.Queue = queue.Queue(depth)
    stopped = threading.Event()
    thread = threading.Thread(target=_fill, args=(items, ready, stopped), daemon=True)
    thread.start()
    try:
        while True:
            item, error, ended = ready.get()
            if error is not None:
                raise error
            if ended:
                return
            yield item
    finally:
        stopped.set()
        thread.join()


def _fill(items: Iterable[Item], ready: queue.Queue, stopped: threading.Event) -> None:
    try:
        for item in items:
            if not _put(ready, (item, None, False), stopped):
                return
        _put(ready, (None, None, True), stopped)
    except BaseException as error:  # for the reader to raise
        _put(ready, (None, error, True), stopped)


def _put(ready: queue.Queue, entry: tuple, stopped: threading.Event) -> bool:
    """Put an entry in the queue as soon as there is room; False where nobody reads any more."""
    while not stopped.is_set():
        try:
            ready.put(entry, timeout=_POLL_SECONDS)
            return True
        except queue.Full:
            continue
    return False
