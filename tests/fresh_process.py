"""Processes that have imported nothing of what is tested, started in a fraction of a second.

They are forked from a server that holds torch and mmengine, which take seconds to import, and neither glot_plugin nor
mmcv nor mmhuman3d. A process made from nothing is `run_process` in conftest.py.
"""

import multiprocessing
import os
import runpy
import socket
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

multiprocessing.set_forkserver_preload(['torch', 'mmengine.runner', 'mmengine.visualization', 'timm', 'roma', 'rich'])
TESTED = {'glot_plugin', 'mmcv', 'mmhuman3d'}
SECONDS = 300


class Finished(NamedTuple):
    """How a process or a tool ended, and what it wrote."""

    status: int
    out: str
    err: str


def run_code(code: str, *arguments: object, folder: Path, **options: object) -> Finished:
    """Run code as `python -c` does; `folder` takes its output, for the others see `_start`."""
    return _start(_execute, code, ['-c', *arguments], folder, **options)


def run_script(script: Path, *arguments: object, folder: Path, **options: object) -> Finished:
    """Run a script as `python SCRIPT` does."""
    return _start(runpy.run_path, str(script), [script.name, *arguments], folder, **options)


def run_ranks(script: Path, *arguments: object, folder: Path, processes: int) -> list[Finished]:
    """Run a script in several processes, each with the variables that torchrun gives it."""
    with socket.create_server(('127.0.0.1', 0)) as server:
        port = str(server.getsockname()[1])
    common = {'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': port, 'WORLD_SIZE': str(processes)}

    def run(rank: int) -> Finished:
        (folder / str(rank)).mkdir(parents=True)
        environment = {**common, 'RANK': str(rank), 'LOCAL_RANK': str(rank)}
        return run_script(script, *arguments, folder=folder / str(rank), environment=environment)

    with ThreadPoolExecutor(processes) as pool:
        return list(pool.map(run, range(processes)))


def _start(
    run: Callable[..., object],
    source: str,
    argv: list[object],
    folder: Path,
    path: tuple[Path, ...] = (),
    environment: dict[str, str] | None = None,
) -> Finished:
    """Start `run(source)` with the folders of `path` first on Python's, wait for it, and read what it wrote."""
    files = folder / 'stdout', folder / 'stderr'
    child = (run, source, [str(item) for item in argv], files, [str(item) for item in path], environment or {})
    process = multiprocessing.get_context('forkserver').Process(target=_child, args=child)
    process.start()
    process.join(SECONDS)
    if process.exitcode is None:
        process.kill()
        process.join()
    return Finished(process.exitcode, *(file.read_text() for file in files))


def _child(
    run: Callable[..., object], source: str, argv: list[str], files: tuple[Path, Path], path: list[str], variables: dict
) -> None:
    loaded = TESTED & {name.partition('.')[0] for name in sys.modules}
    assert not loaded, f'not a fresh process: it has imported {loaded}'
    for stream, file in zip((sys.stdout, sys.stderr), files, strict=True):
        stream.flush()
        os.dup2(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC), stream.fileno())
    os.environ.update(variables)
    sys.argv, sys.path[:0] = argv, path
    run(source, run_name='__main__')


def _execute(code: str, run_name: str) -> None:
    exec(compile(code, '<string>', 'exec'), {'__name__': run_name})
