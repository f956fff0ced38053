"""Two processes on one machine without GPUs, through torchrun."""

import os
import re

import pytest
import torch
from fresh_process import run_ranks

from glot_plugin.engine import distributed
from glot_plugin.engine.distributed import init_distributed
from glot_plugin.errors import InputError


@pytest.mark.training
def test_two_processes_train_and_score_as_one(repository, small_config, run_process, tmp_path):
    """Trained through torchrun; tested, by one process and by two, with the variables that it sets."""
    cfg = small_config(**{'train_cfg.max_iters': 2, 'train_cfg.val_interval': 2, 'log_level': 'INFO'})
    cfg.dump(tmp_path / 'config.py')
    torchrun = ['-m', 'torch.distributed.run', '--standalone', '--nproc_per_node', 2]
    arguments = [tmp_path / 'config.py', '--work-dir', tmp_path / 'run', '--launcher', 'pytorch']
    trained = run_process(*torchrun, 'tools/train.py', *arguments)
    assert trained.status == 0, trained.err[-3000:]
    checkpoint = tmp_path / 'run' / 'iter_2.pth'
    torch.load(checkpoint, weights_only=True)
    arguments = [tmp_path / 'config.py', checkpoint, '--launcher', 'pytorch', '--work-dir', tmp_path / 'test']
    tables = []
    for processes in (1, 2):
        folder = tmp_path / f'{processes} processes'
        ranks = run_ranks(repository / 'tools' / 'test.py', *arguments, folder=folder, processes=processes)
        assert [rank.status for rank in ranks] == [0] * processes, ranks[0].err[-3000:]
        printed = '\n'.join(rank.out for rank in ranks)
        rows = [line for line in printed.splitlines() if re.match(r'\|.*\d\.\d', line)]
        assert len(rows) == 1  # printed once
        tables.append(rows[0])
    assert tables[0] == tables[1]


@pytest.mark.parametrize('launcher', ['mpi', 'slurm', 'pytorch'])
def test_what_mmengine_finds_in_the_environment_on_gpus(launcher, monkeypatch):
    """Its runner reads LOCAL_RANK, which it does not set under mpi; under slurm, it asks slurm for the address."""
    names = distributed._VARIABLES[launcher]
    for name in ('LOCAL_RANK', 'MASTER_ADDR', 'MASTER_PORT', *names):
        monkeypatch.setenv(name, '')  # so that it is as before after the test
        monkeypatch.delenv(name)
    for name, value in zip(names, ('3', '4', '1'), strict=True):
        monkeypatch.setenv(name, value)
    found = {}
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(distributed, 'init_dist', lambda launcher, **_: found.update(os.environ))
    init_distributed(launcher)
    assert found['LOCAL_RANK'] == '1'
    assert ('MASTER_ADDR' in found) == (launcher != 'slurm')


def test_launcher_without_its_variables(monkeypatch):
    monkeypatch.delenv('SLURM_PROCID', raising=False)
    with pytest.raises(InputError, match='--launcher slurm: SLURM_PROCID.*not set; start the program through srun'):
        init_distributed('slurm')
