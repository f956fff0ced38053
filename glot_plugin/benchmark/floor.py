"""The floor of a computation: its matrix products alone, which no fusing and no fewer launches can avoid."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

PRODUCTS = {'addmm', 'bmm', 'linear', 'mm'}
PACKED = '_linear_pointwise'  # of x and packed weights, with an activation that is left out here


@dataclass(frozen=True)
class MatrixProducts:
    """The matrix products of a computation, with other numbers of the same shapes, strides and types.

    Attributes:
        calls: The operations and their arguments; those of the same shape share their numbers, and stay in caches.
        flop: Additions and multiplications.
    """

    calls: tuple[tuple[Callable[..., Tensor], tuple], ...]
    flop: int

    @torch.inference_mode()
    def __call__(self) -> None:
        for operation, arguments in self.calls:
            operation(*arguments)


def matrix_products(function: Callable[[], object]) -> MatrixProducts:
    """The matrix products of one call of a function; attention's own, which are few, are left out."""
    with _Recorder() as recorder:
        function()
    return MatrixProducts(tuple(recorder.calls), recorder.flop)


class _Recorder(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Callable[..., Tensor], tuple]] = []
        self.flop = 0
        self._numbers: dict[tuple, Tensor] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name in PRODUCTS or name == PACKED:
            arguments = (*args[:3], 'none', [], '') if name == PACKED else args
            self.calls.append((func, tuple(self._like(argument) for argument in arguments)))
            width = args[0 if name in ('linear', PACKED) else -2].shape[-1]
            self.flop += 2 * result.numel() * width
        return result

    def _like(self, argument: Any) -> Any:
        if not isinstance(argument, Tensor) or argument.is_mkldnn:  # packed weights have no strides
            return argument
        key = argument.shape, argument.stride(), argument.dtype
        if key not in self._numbers:
            self._numbers[key] = torch.empty_strided(*key[:2], dtype=key[2], device=argument.device).normal_()
        return self._numbers[key]
