"""Multi-process runs, on GPUs (nccl) or CPUs (gloo)."""

import gc
import os

import torch
import torch.distributed as dist
from mmengine.dist import init_dist

from glot_plugin.errors import InputError

LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')
# Environment variables in which each launcher gives (rank, world size, local rank).
_VARIABLES = {
    'pytorch': ('RANK', 'WORLD_SIZE', 'LOCAL_RANK'),
    'slurm': ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'),
    'mpi': ('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_LOCAL_RANK'),
}


def leave_distributed() -> None:
    """Wait for the other processes, leave the process group, and end its threads.

    gloo aborts a process whose peer exits first. A group also lives as long as a wrapped model holds it: its threads
    would still run while Python shuts down, and a thread that then acquires the interpreter aborts the process. So drop
    all references to the model before calling this.
    """
    if dist.is_available() and dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()
        gc.collect()  # runners and models are circular: only this frees them


def init_distributed(launcher: str, **dist_cfg) -> None:
    """Join the process group of a launcher; does nothing for `none`.

    With GPUs, mmengine does it. mmengine's way requires CUDA, so processes without GPUs are joined here, over gloo.

    Raises:
        InputError: The launcher's variables are not in the environment.
    """
    if launcher == 'none' or dist.is_initialized():
        return
    names = _VARIABLES[launcher]
    missing = [name for name in names if name not in os.environ]
    if missing:
        raise InputError(
            f'--launcher {launcher}: {", ".join(missing)} not set; start the program through '
            + {'pytorch': 'torchrun', 'slurm': 'srun', 'mpi': 'mpirun'}[launcher]
        )
    rank, world_size, local_rank = (os.environ[name] for name in names)
    os.environ['LOCAL_RANK'] = local_rank  # mmengine reads it, and sets it for slurm only
    on_gpus = torch.cuda.is_available()
    if not (on_gpus and launcher == 'slurm'):  # there, mmengine asks slurm for the address
        os.environ.setdefault('MASTER_ADDR', '127.0.0.1')
        os.environ.setdefault('MASTER_PORT', '29500')
    if on_gpus:
        init_dist(launcher, **{'backend': 'nccl', **dist_cfg})
        return
    dist.init_process_group('gloo', rank=int(rank), world_size=int(world_size))
