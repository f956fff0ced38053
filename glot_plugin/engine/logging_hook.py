"""What the runner's logs are made of, gathered without waiting for the device."""

from functools import partial
from typing import Any

from mmengine.hooks import RuntimeInfoHook
from mmengine.logging import HistoryBuffer
from mmengine.optim import OptimWrapper
from torch import Tensor

from glot_plugin.engine.history import DeviceValues, History, Values
from glot_plugin.engine.optim_wrapper import DeviceOptimWrapper
from glot_plugin.registry import HOOKS


# Under mmengine's name, so that every config has it: in the scope `glot` this one is found first.
@HOOKS.register_module(name='RuntimeInfoHook')
class DeviceRuntimeInfoHook(RuntimeInfoHook):
    """mmengine's `RuntimeInfoHook`, which leaves losses and gradient norms on their device until they are read.

    mmengine's reads every value in every iteration. Here they are read together when somebody looks at the message
    hub's histories (as the logger does every `interval` iterations) or calls `read`. Histories and logs are the same.

    Hooks that need every value can have a method `after_losses_read(runner, losses)`: it is called after each read with
    the loss terms of all iterations since the last one, `{iteration: {name: value}}`, iterations counted from 1.
    """

    def before_run(self, runner) -> None:
        super().before_run(runner)
        self._values = DeviceValues(partial(self._deliver, runner))
        self._loss_names: set[str] = set()

    def read(self) -> None:
        """Read what has not been read yet, and write it into the message hub."""
        self._values.read()

    def after_run(self, runner) -> None:
        """Let go of the runner: message hubs outlive it, and a process may train several models."""
        for history in runner.message_hub.log_scalars.values():
            if isinstance(history, History):
                history.detach()

    def before_train_iter(self, runner, batch_idx: int, data_batch: Any = None) -> None:
        runner.message_hub.update_info('iter', runner.iter)
        self._rates = {name: rates[0] for name, rates in runner.optim_wrapper.get_lr().items()}

    def after_train_iter(
        self, runner, batch_idx: int, data_batch: Any = None, outputs: dict[str, Tensor] | None = None
    ) -> None:
        losses = outputs or {}
        self._loss_names.update(losses)
        values = {**self._rates, **_gradient_norms(runner.optim_wrapper), **losses}
        histories = runner.message_hub.log_scalars
        for name in values:
            history = histories.get(f'train/{name}')
            if not isinstance(history, History):
                histories[f'train/{name}'] = History(history, self.read)
        self._values.add(runner.iter + 1, values)

    def _deliver(self, runner, iterations: dict[int, Values]) -> None:
        hub = runner.message_hub
        for values in iterations.values():
            for name, value in values.items():
                hub.update_scalar(f'train/{name}', value)
        for name, history in hub.log_scalars.items():  # those of other hooks, such as times
            if type(history) is HistoryBuffer:
                hub.log_scalars[name] = History(history)
        losses = {
            number: {name: value for name, value in values.items() if name in self._loss_names}
            for number, values in iterations.items()
        }
        runner.call_hook('after_losses_read', losses=losses)


def _gradient_norms(optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
    """The norms of clipped gradients that the optimizer wrappers have left on the device in this iteration."""
    wrappers = getattr(optim_wrapper, 'optim_wrappers', {'': optim_wrapper}).values()
    norms = [wrapper.take_grad_norms() for wrapper in wrappers if isinstance(wrapper, DeviceOptimWrapper)]
    return {name: norm for named in norms for name, norm in named.items()}
