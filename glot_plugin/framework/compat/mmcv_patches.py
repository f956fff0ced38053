"""mmcv 1.6 on current torch: its parallel wrappers, and loading and resuming its checkpoints."""

from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any

import numpy as np
import torch

from glot_plugin.framework.compat.import_hook import ModuleView, Patch

_TORCH = tuple(int(part) for part in torch.__version__.split('.')[:2])


def streams_by_index(module: ModuleType) -> None:
    """`mmcv.parallel._functions`: from torch 2.1 on, `_get_stream` takes a device; mmcv passes the device's index."""
    if _TORCH < (2, 1):
        return
    get_stream = module._get_stream

    @wraps(get_stream)
    def get_stream_of(device: int | torch.device) -> Any:
        return get_stream(torch.device('cuda', device) if isinstance(device, int) else device)

    module._get_stream = get_stream_of


def no_replicated_tensors(module: ModuleType) -> None:
    """`mmcv.parallel.distributed`: torch 2 has no replicated tensors, and no attribute that says so.

    `MMDistributedDataParallel.forward` still reads it. It is set on the class, so that torch's value wins where torch
    does set the attribute (on every wrapper it builds).
    """
    if not hasattr(module.MMDistributedDataParallel, '_use_replicated_tensor_module'):
        module.MMDistributedDataParallel._use_replicated_tensor_module = False


def load_with_numpy_scalars(module: ModuleType) -> None:
    """`mmcv.runner.checkpoint`: let `torch.load` read the numpy scalars in mmcv's own checkpoints.

    From torch 2.6 on, `torch.load` admits tensors and plain values only. mmcv's evaluation hook keeps the best score
    in the checkpoint's `meta` as the numpy number that the metric returned, so such a file could not be resumed.
    numpy's numbers and arrays run no code when they are rebuilt, so they are admitted, and nothing else is: a file that
    names any other callable is refused as before.
    """
    if _TORCH < (2, 6):
        return

    @wraps(torch.load)
    def load(*args: Any, **kwargs: Any) -> Any:
        # Only what is not admitted already: leaving the context would revoke it for whoever admitted it.
        admitted = torch.serialization.get_safe_globals()
        with torch.serialization.safe_globals([each for each in _numpy_globals() if each not in admitted]):
            return torch.load(*args, **kwargs)

    module.torch = ModuleView(torch, load=load)


def _numpy_globals() -> list[Any]:
    """The functions that rebuild numpy's numbers and arrays, under the module names of numpy 1 and 2."""
    scalar = np.float64(0).__reduce__()[0]
    reconstruct = np.empty(0).__reduce__()[0]
    dtypes = {type(np.dtype(kind)) for kind in '?bBhHiIlLqQefdFDSU'}
    cores = ('numpy.core.multiarray', 'numpy._core.multiarray')
    return [
        np.ndarray,
        np.dtype,
        *dtypes,
        *((scalar, f'{core}.scalar') for core in cores),
        *((reconstruct, f'{core}._reconstruct') for core in cores),
    ]


def resume_without_gpu(module: ModuleType) -> None:
    """`mmcv.runner.iter_based_runner`: resume on a machine without a GPU, as the epoch-based runner does.

    `IterBasedRunner.resume` queries the current CUDA device even on a machine without one.
    """
    resume = module.IterBasedRunner.resume
    if getattr(resume, 'works_without_gpu', False):
        return

    @wraps(resume)
    def resume_anywhere(
        self: Any, checkpoint: str, resume_optimizer: bool = True, map_location: str | Callable = 'default'
    ) -> None:
        if map_location == 'default' and not torch.cuda.is_available():
            map_location = 'cpu'
        resume(self, checkpoint, resume_optimizer, map_location)

    resume_anywhere.works_without_gpu = True
    module.IterBasedRunner.resume = resume_anywhere


MMCV_PATCHES: dict[str, Patch] = {
    'mmcv.parallel._functions': streams_by_index,
    'mmcv.parallel.distributed': no_replicated_tensors,
    'mmcv.runner.checkpoint': load_with_numpy_scalars,
    'mmcv.runner.iter_based_runner': resume_without_gpu,
}
