"""Counting what a computation asks of its device: kernels, and values that the host waits for.

The counts are the same on every machine, so they stand for the speed of a GPU where there is none: there, each kernel
is a launch of some microseconds, and each value that the host reads waits for all launches before it.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

# Operations that allocate memory or only change how it is looked at, without being views by their schema.
NO_KERNEL = {
    'detach_', 'empty', 'empty_like', 'empty_strided', 'is_same_size', 'lift_fresh', 'new_empty', 'new_empty_strided',
    '_record_function_enter_new', '_record_function_exit', '_unsafe_view', 'promote_types', 'resize_', 'set_',
    'sym_numel', 'sym_size', 'sym_storage_offset', 'sym_stride',
}  # fmt: skip
# Operations whose result the host needs: a number, a truth, or a shape that depends on the data.
HOST_READS = {
    '_local_scalar_dense', 'allclose', 'equal', 'is_nonzero', 'item', 'masked_select', 'nonzero', '_unique', '_unique2',
    'unique_consecutive', 'unique_dim',
}  # fmt: skip


class DispatchCounts(TorchDispatchMode):
    """Counts operations inside its context, those of the backward pass included.

    An operation counts as one kernel if it computes or copies; views and allocations do not count. A few operations
    launch more than one kernel on a GPU (a sort, a fused optimizer over many weights), so that counts are lower bounds.

    Attributes:
        kernels: Operations that launch, by name.
        host_reads: Operations that wait for a value of the device, by name.
        copies: Copies from one device to another, by name.
    """

    def __init__(self) -> None:
        super().__init__()
        self.kernels: Counter[str] = Counter()
        self.host_reads: Counter[str] = Counter()
        self.copies: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name in HOST_READS or (name == 'index' and _by_truth(args[1])):
            self.host_reads[name] += 1
        elif not func.is_view and name not in NO_KERNEL:
            self.kernels[name] += 1
            if name in ('_to_copy', 'copy_') and _devices(args, result) > 1:
                self.copies[name] += 1
        return result


def _by_truth(indices: list[torch.Tensor | None]) -> bool:
    """Whether an index selects by a mask: the host then waits for the number of elements."""
    return any(index is not None and index.dtype in (torch.bool, torch.uint8) for index in indices)


def _devices(args: tuple, result: Any) -> int:
    tensors = [value for value in (*args, result) if isinstance(value, torch.Tensor)]
    return len({tensor.device for tensor in tensors})


def count_dispatches(function: Callable[[], object]) -> DispatchCounts:
    """What one call of a function asks of its device."""
    with DispatchCounts() as counts:
        function()
    return counts
