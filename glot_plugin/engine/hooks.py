"""Hooks that make runs reproducible and resumable, and stop them when the loss breaks down."""

import math
from typing import Any

import numpy as np
import torch
from mmengine.device import get_device
from mmengine.hooks import CheckpointHook, Hook
from mmengine.model import is_model_wrapper

from glot_plugin.engine.logging_hook import DeviceRuntimeInfoHook
from glot_plugin.engine.work_dir import stopped_note
from glot_plugin.errors import InputError, NonFiniteLossError
from glot_plugin.registry import HOOKS


@HOOKS.register_module()
class SeedEachIterationHook(Hook):
    """Seeds torch before every training iteration from (the run's seed, process, iteration).

    Dropout and masks then depend on neither validations in between nor where the run was interrupted, so a resumed run
    equals an uninterrupted one without storing generator states in checkpoints.
    """

    priority = 'VERY_HIGH'

    def before_train_iter(self, runner, batch_idx: int, data_batch: Any = None) -> None:
        entropy = np.random.SeedSequence([runner.seed, runner.rank, runner.iter]).generate_state(1, np.uint64)
        seed_generators(int(entropy[0]))


def seed_generators(seed: int) -> None:
    """Seed the generators of the CPU and of the device in use, as `torch.manual_seed` does.

    That also keeps the seed, with a description of the call stack, for each kind of device that was not used yet, which
    takes a millisecond or more.
    """
    if get_device() not in ('cpu', 'cuda'):
        torch.manual_seed(seed)
        return
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Stops the run at the first infinite or NaN loss term, and before such weights are written to a checkpoint.

    Losses are looked at when they are read: for a log, and before each validation and checkpoint. So a run stops some
    time after the broken iteration, which the message names, but before a broken checkpoint is written or an older one
    removed. The weights are checked too: a step can break them although the loss before it was finite, and in a
    multi-process run another process's loss may have been the broken one.

    Raises:
        NonFiniteLossError: The message names the iteration and the terms, or a weight.
        InputError: The run's `RuntimeInfoHook` is not the one of this package, so nobody would read the losses.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner) -> None:
        if not any(isinstance(hook, DeviceRuntimeInfoHook) for hook in runner.hooks):
            raise InputError(
                "FiniteLossHook needs default_hooks.runtime_info=dict(type='glot.RuntimeInfoHook'), the default"
            )

    def after_train_iter(self, runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None) -> None:
        if any(_saves_now(hook, runner) for hook in runner.hooks if isinstance(hook, CheckpointHook)):
            _read_losses(runner)

    def before_val(self, runner) -> None:
        _read_losses(runner)

    def after_train(self, runner) -> None:
        _read_losses(runner)

    def after_losses_read(self, runner, losses: dict[int, dict[str, float]]) -> None:
        for iteration, values in losses.items():
            broken = [f'{name} = {value}' for name, value in values.items() if not math.isfinite(value)]
            if broken:
                raise _stopped(runner, iteration, ', '.join(broken))

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        # Parameters only: a buffer may be infinite by design, for example an attention mask.
        names, weights = zip(*model.named_parameters(), strict=True)
        finite = torch.stack([weight.isfinite().all() for weight in weights]).tolist()
        broken = [name for name, is_finite in zip(names, finite, strict=True) if not is_finite]
        if broken:
            reason = f'{len(broken)} weights became infinite or NaN, the first of them {broken[0]}'
            raise _stopped(runner, checkpoint['meta']['iter'], reason)


def _read_losses(runner) -> None:
    for hook in runner.hooks:
        if isinstance(hook, DeviceRuntimeInfoHook):
            hook.read()


def _saves_now(hook: CheckpointHook, runner) -> bool:
    """Whether mmengine's hook is about to write a checkpoint: before that, it removes the oldest one."""
    last = hook.save_last and hook.is_last_train_iter(runner)
    return not hook.by_epoch and (last or hook.every_n_train_iters(runner, hook.interval, hook.save_begin))


def _stopped(runner, iteration: int, reason: str) -> NonFiniteLossError:
    return NonFiniteLossError(f'iteration {iteration}: {reason}. {stopped_note(runner.work_dir)}')


@HOOKS.register_module()
class PlainCheckpointHook(Hook):
    """Keeps only tensors and plain Python values in checkpoints, so that they load with `weights_only=True`."""

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        hub = checkpoint['message_hub']
        info = {key: plain(value) for key, value in hub['runtime_info'].items() if key != 'cfg'}
        checkpoint['message_hub'] = {
            'log_scalars': {},  # smoothed log values start over after a resume
            'runtime_info': info,
            'resumed_keys': {key: bool(value) for key, value in hub['resumed_keys'].items() if key in info},
        }
        checkpoint['meta'] = plain(checkpoint['meta'])
        checkpoint['param_schedulers'] = plain(checkpoint.get('param_schedulers', []))


def plain(value: Any) -> Any:
    """Convert containers and numbers to plain Python ones; tensors are kept."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if value is None or isinstance(value, bool | int | float | str | torch.Tensor):
        return value
    return str(value)
