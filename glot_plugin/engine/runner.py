"""mmengine's Runner, also for CPUs, with checkpoints that are written atomically and must fit the model."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from mmengine.fileio import LocalBackend, register_backend
from mmengine.logging import MMLogger
from mmengine.model import MMDistributedDataParallel, is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from glot_plugin.checkpoints.reading import load_state, read_checkpoint
from glot_plugin.engine.cuda_graph_step import GraphedStep
from glot_plugin.engine.distributed import init_distributed
from glot_plugin.engine.work_dir import raise_write_errors
from glot_plugin.errors import InputError
from glot_plugin.io.files import write_bytes
from glot_plugin.registry import RUNNERS


@register_backend('glot_local')
class AtomicBackend(LocalBackend):
    """mmengine's local files, which appear only once they are complete and on disk."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        write_bytes(filepath, obj)


@RUNNERS.register_module()
class GLoTRunner(Runner):
    """mmengine's Runner with four differences.

    - Multi-process runs work on CPUs as well as on GPUs.
    - Checkpoints are read with `weights_only`, and one that does not fit the model is an error.
    - Checkpoints are written under another name, synced to disk and renamed, so that a kill, a full disk or a power cut
      never leaves an incomplete one.
    - The config's `compile` (True, or options of `torch.compile`) compiles head, body model and losses into one graph,
      and leaves the logging alone; `cuda_graph=True` records the whole step (`GraphedStep`).
    """

    def build_logger(self, *args, **kwargs) -> MMLogger:
        logger = super().build_logger(*args, **kwargs)
        raise_write_errors(logger)
        return logger

    def setup_env(self, env_cfg: dict) -> None:
        if self.distributed:
            init_distributed(self.launcher, **env_cfg.get('dist_cfg', {}))
        super().setup_env(env_cfg)

    def wrap_model(self, model_wrapper_cfg: dict | None, model: nn.Module) -> nn.Module:
        if model_wrapper_cfg is None and self.distributed and not torch.cuda.is_available():
            return MMDistributedDataParallel(
                model,
                broadcast_buffers=False,
                find_unused_parameters=self.cfg.get('find_unused_parameters', False),
            )
        return super().wrap_model(model_wrapper_cfg, model)

    def _maybe_compile(self, target: str) -> None:
        """What the keys `compile` and `cuda_graph` ask for; mmengine calls it once everything is loaded."""
        options = self.cfg.get('compile')
        if options and not hasattr(self._bare_model, 'compile_losses'):
            super()._maybe_compile(target)
        elif options:
            self._bare_model.compile_losses(**(options if isinstance(options, dict) else {}))
            self.logger.info('Head, body model and losses are compiled in the first iteration, which takes minutes')
        if self.cfg.get('cuda_graph'):
            self.model.train_step = GraphedStep(self.model, self.optim_wrapper)

    @property
    def _bare_model(self) -> nn.Module:
        return self.model.module if is_model_wrapper(self.model) else self.model

    def load_checkpoint(
        self,
        filename: str,
        map_location: str | Callable = 'cpu',
        strict: bool = True,
        revise_keys: list[tuple[str, str]] | None = None,
    ) -> dict[str, Any]:
        """Load weights that must fit exactly.

        Raises:
            InputError: The file is missing or damaged or does not fit (the keys are listed), or the run is to resume
                from it but it contains only weights.
        """
        checkpoint = read_checkpoint(filename, map_location)
        if self._resume:
            self._prepare_resume(checkpoint, filename)
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        state = checkpoint['state_dict']
        for pattern, replacement in revise_keys or [(r'^module\.', '')]:
            state = {re.sub(pattern, replacement, key): value for key, value in state.items()}
        load_state(self._bare_model, state, filename)
        self._has_loaded = True
        self.logger.info(f'Loaded checkpoint {filename}')
        return checkpoint

    def _prepare_resume(self, checkpoint: dict[str, Any], filename: str) -> None:
        """Check that a run can resume from the checkpoint, and point its best checkpoint to this work folder."""
        if 'optimizer' not in checkpoint:
            raise InputError(
                f'{filename}: no optimizer state, so no run can go on from it; expected an iter_….pth (--resume), or '
                f'start anew with its weights (--cfg-options load_from={filename})'
            )
        hub = checkpoint.get('message_hub')
        info = hub.get('runtime_info') if isinstance(hub, dict) else None
        if not isinstance(info, dict) or not {'epoch', 'iter'} <= (checkpoint.get('meta') or {}).keys():
            raise InputError(f'{filename}: does not say where its training was, so no run can go on from it')
        for key in info:
            # mmengine removes the best checkpoint so far when it finds a better one. If the folder was moved or copied,
            # or resumes from a checkpoint in another folder, the other folder's file must not be removed.
            if key.startswith('best_ckpt'):
                info[key] = str(Path(self.work_dir) / Path(info[key]).name)

    def save_checkpoint(
        self, out_dir: str, filename: str, file_client_args: dict | None = None, *args, **kwargs
    ) -> None:
        """Write a checkpoint; it appears under its name only once it is complete.

        Raises:
            WriteError: It cannot be written; on a full disk, the message says how much space it takes.
        """
        if file_client_args is None:
            kwargs['backend_args'] = kwargs.get('backend_args') or {'backend': 'glot_local'}
        super().save_checkpoint(out_dir, filename, file_client_args, *args, **kwargs)
