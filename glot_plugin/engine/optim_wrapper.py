"""Optimizer wrappers: clipping that does not wait for the device, and mixed precision on GPUs and CPUs alike."""

import contextlib
from collections.abc import Iterator

import torch
from mmengine.device import get_device
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from glot_plugin.registry import OPTIM_WRAPPERS


# Under mmengine's name, so that every config has it: in the scope `glot` this one is found first.
@OPTIM_WRAPPERS.register_module(name='OptimWrapper')
class DeviceOptimWrapper(OptimWrapper):
    """mmengine's `OptimWrapper`; where gradients are clipped, their norm stays on the device until it is logged."""

    _grad_norms: dict[str, Tensor] | None = None

    def take_grad_norms(self) -> dict[str, Tensor]:
        """The norm of all gradients before they were clipped, by its name in logs; nothing without a clipping since."""
        norms, self._grad_norms = self._grad_norms, None
        return norms or {}

    def keep_grad_norms(self, norms: dict[str, Tensor]) -> None:
        """Leave norms for the next `take_grad_norms`."""
        self._grad_norms = norms

    def _clip_grad(self) -> None:
        weights = [weight for group in self.optimizer.param_groups for weight in group['params']]
        clipped = [weight for weight in weights if weight.requires_grad and weight.grad is not None]
        norm = self.clip_func(clipped, **self.clip_grad_kwargs) if clipped else None
        if norm is not None:  # clipping by value has none
            self.keep_grad_norms({self.grad_name: norm})


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(DeviceOptimWrapper):
    """Runs the forward pass under bfloat16 autocast; weights, gradients and the optimizer's state stay float32.

    bfloat16 has float32's range, so the loss is not scaled, and CPUs support it (mmengine's `AmpOptimWrapper` does not
    run on CPUs).
    """

    @contextlib.contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        with super().optim_context(model), torch.autocast(get_device(), dtype=torch.bfloat16):
            yield
