"""Two processes on one machine without GPUs, through torchrun."""

import os
import re
import subprocess
import sys

import pytest
import torch

from glot_plugin.engine.distributed import init_distributed
from glot_plugin.errors import InputError


def run_tool(repository, *arguments: str, processes: int = 2) -> subprocess.CompletedProcess:
    launcher = ['-m', 'torch.distributed.run', '--standalone', '--nproc_per_node', str(processes)]
    environment = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(repository)}
    return subprocess.run(
        [sys.executable, *launcher, *arguments, '--launcher', 'pytorch'],
        cwd=repository, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


@pytest.fixture(scope='module')
def work_dir(tmp_path_factory):
    return tmp_path_factory.mktemp('distributed')


def test_two_processes_train_and_score_as_one(repository, small_config, work_dir):
    cfg = small_config(**{'train_cfg.max_iters': 2, 'train_cfg.val_interval': 2, 'log_level': 'INFO'})
    cfg.dump(work_dir / 'config.py')
    trained = run_tool(repository, 'tools/train.py', str(work_dir / 'config.py'), '--work-dir', str(work_dir / 'run'))
    assert trained.returncode == 0, trained.stderr[-3000:]
    checkpoint = work_dir / 'run' / 'iter_2.pth'
    torch.load(checkpoint, weights_only=True)
    tables = []
    for processes in (1, 2):
        tested = run_tool(
            repository, 'tools/test.py', str(work_dir / 'config.py'), str(checkpoint), processes=processes
        )
        assert tested.returncode == 0, tested.stderr[-3000:]
        rows = [line for line in tested.stdout.splitlines() if re.match(r'\|.*\d\.\d', line)]
        assert len(rows) == 1  # printed once
        tables.append(rows[0])
    assert tables[0] == tables[1]


def test_launcher_without_its_variables(monkeypatch):
    monkeypatch.delenv('SLURM_PROCID', raising=False)
    with pytest.raises(InputError, match='--launcher slurm: SLURM_PROCID.*not set; start the program through srun'):
        init_distributed('slurm')
