import errno
import fcntl
import multiprocessing
import os
import signal
import time

import pytest

from glot_plugin.io.locks import lock_file, lock_folder, unlock


def test_one_holder_at_a_time(tmp_path):
    for take, path in ((lock_file, tmp_path / 'lock'), (lock_folder, tmp_path)):
        held = take(path)
        with pytest.raises(BlockingIOError):
            take(path)
        unlock(held)
        unlock(take(path))


def test_a_file_that_its_holder_removes_is_no_lock(tmp_path, monkeypatch):
    """It was opened before its holder removed it: the lock on the one that has no name any more is worth nothing."""
    path, real = tmp_path / 'lock', os.open
    first = lock_file(path)

    def open_then_remove(*args):
        descriptor = real(*args)
        monkeypatch.undo()
        path.unlink()
        unlock(first)
        return descriptor

    monkeypatch.setattr(os, 'open', open_then_remove)
    second = lock_file(path)
    with pytest.raises(BlockingIOError):
        lock_file(path)
    unlock(second)


def test_file_system_without_locks(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, 'No locks available')

    monkeypatch.setattr(fcntl, 'flock', no_locks)
    assert lock_folder(tmp_path) is None
    assert lock_file(tmp_path / 'lock') is None


def _hold_with_a_child(path, started):
    lock_file(path)
    child = multiprocessing.get_context('fork').Process(target=time.sleep, args=(60,))
    child.start()
    started.send(child.pid)
    time.sleep(60)


def test_a_killed_process_holds_no_lock_and_neither_do_its_children(tmp_path):
    """A data loader's workers live on for seconds after the training was killed."""
    fork = multiprocessing.get_context('fork')
    receiver, sender = fork.Pipe(duplex=False)
    holder = fork.Process(target=_hold_with_a_child, args=(tmp_path / 'lock', sender))
    holder.start()
    child = receiver.recv()
    try:
        with pytest.raises(BlockingIOError):
            lock_file(tmp_path / 'lock')
        holder.kill()
        holder.join()
        os.kill(child, 0)  # lives on
        unlock(lock_file(tmp_path / 'lock'))
    finally:
        os.kill(child, signal.SIGKILL)
