"""Fixtures of the framework's tests."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def run_python(repository) -> Callable[..., str]:
    """Run code in a fresh process; gives its output or, where a failing `status` is expected, its errors."""

    def run(code: str, *arguments: str | Path, path: Path | None = None, status: int = 0) -> str:
        folders = [str(folder) for folder in (path, repository) if folder]
        environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(folders), 'OMP_NUM_THREADS': '1'}
        command = [sys.executable, '-c', code, *map(str, arguments)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stderr if status else done.stdout

    return run
