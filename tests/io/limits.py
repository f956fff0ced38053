"""Limits on the memory and the time that reading one file takes."""

import contextlib
import faulthandler
import gc
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY_BYTES = 512 * 2**20  # above what the process has; compressed files may unfold to 64 MiB, as objects to more
ADDRESS_BYTES = 4 * 2**30  # what is reserved and not touched; threads reserve some
SECONDS = 20
_CLEAR, _STATUS = Path('/proc/self/clear_refs'), Path('/proc/self/status')


class OutOfLimits(BaseException):
    """Not an `Exception`: loaders turn those into errors of theirs."""


@contextlib.contextmanager
def limited(what: str) -> Iterator[None]:
    """Fail where the block takes more than `MEMORY_BYTES` or `SECONDS`; `what` is named then."""
    before = _reset_peak()
    handler = signal.signal(signal.SIGALRM, lambda *_: _raise(f'{what}: takes more than {SECONDS} s'))
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    faulthandler.dump_traceback_later(6 * SECONDS, exit=True)  # where C does not return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_status('VmSize') + ADDRESS_BYTES, hard))
    try:
        yield
    except OutOfLimits as error:
        pytest.fail(str(error))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        faulthandler.cancel_dump_traceback_later()
    taken = _status('VmHWM') - before
    if taken > MEMORY_BYTES:
        pytest.fail(f'{what}: takes {taken / 2**20:.0f} MiB')


def _raise(message: str) -> None:
    raise OutOfLimits(message)


def _reset_peak() -> int:
    gc.collect(0)
    _CLEAR.write_text('5')
    return _status('VmRSS')


def _status(key: str) -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(f'{key}:'))
    return int(line.split()[1]) * 1024
