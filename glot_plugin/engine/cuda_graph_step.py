"""The whole training step as one CUDA graph: a single launch instead of hundreds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from mmengine import Config
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from glot_plugin.engine.optim_wrapper import DeviceOptimWrapper
from glot_plugin.errors import InputError
from glot_plugin.models.window_graph import capture

# A recorded step: replaying it computes again, from the same inputs, into the same outputs.
Replay = Callable[[], Tensor]
# Iterations before the recording, in which libraries choose their kernels and take their memory.
WARM_UPS = 3
GRAPH_MODES = ('reduce-overhead', 'max-autotune')  # of torch.compile


def check_cuda_graph(cfg: Config) -> None:
    """Raise an `InputError` if a config wants a CUDA graph where there can be none."""
    if not cfg.get('cuda_graph'):
        return
    if not torch.cuda.is_available():
        raise InputError('cuda_graph=True needs a CUDA GPU, and torch finds none; leave it out')
    compile_options = cfg.get('compile')
    if isinstance(compile_options, dict) and compile_options.get('mode') in GRAPH_MODES:
        raise InputError(
            f'cuda_graph=True: compile.mode={compile_options["mode"]!r} records CUDA graphs of its own; expected '
            "'default' or 'max-autotune-no-cudagraphs'"
        )
    if cfg.get('launcher', 'none') != 'none':
        raise InputError(f'cuda_graph=True records one process, found launcher={cfg.launcher!r}; leave out one of them')


class GraphedStep:
    """In place of a model's `train_step`: the first iterations as they are, then a recording of one, replayed.

    Batches are copied into buffers that the recording reads, learning rates too; masks and dropout are drawn on the
    device, from the seed that its generator has when a replay begins. Losses and weights are those of the step itself.

    Args:
        model: With `parse_losses` and `forward(mode='loss')`, on its device.
        optim_wrapper: Its optimizer must be one that can be recorded (an argument `capturable`: Adam and its kin).
        record: Records a step, by default as a CUDA graph; tests have a stand-in without a GPU.

    Raises:
        InputError: The model or its optimizer cannot be recorded.
    """

    def __init__(
        self,
        model: nn.Module,
        optim_wrapper: OptimWrapper,
        record: Callable[[Callable[[], Tensor]], Replay] | None = None,
    ) -> None:
        _check(model, optim_wrapper)
        self._model, self._optim_wrapper = model, optim_wrapper
        self._groups = optim_wrapper.optimizer.param_groups
        device = next(model.parameters()).device
        self._rates = [torch.zeros((), device=device) for _ in self._groups]
        self._stream = torch.cuda.Stream(device) if device.type == 'cuda' else None
        # On the stream of the first iterations, where libraries have their workspaces.
        self._record = record or partial(capture, stream=self._stream)
        self._batch: dict[str, Tensor] = {}
        self._names: list[str] = []
        self._replay: Replay | None = None
        self._eager_iterations = 0

    def __call__(self, data: dict[str, Tensor], optim_wrapper: OptimWrapper | None = None) -> dict[str, Tensor]:
        """One training step; the loss terms and their sum by name, on the device.

        Raises:
            InputError: The batch has another layout than the first one.
        """
        self._load(self._model.data_preprocessor(data, True))
        if self._replay is None and self._eager_iterations < WARM_UPS:
            self._eager_iterations += 1
            return self._named(self._on_side_stream(self._step))
        for rate, group in zip(self._rates, self._groups, strict=True):
            rate.fill_(group['lr'])
        if self._replay is None:
            self._replay = self._record(self._recordable_step)
        return self._named(self._replay().clone())  # the next replay writes over them

    def _load(self, batch: dict[str, Any]) -> None:
        """Copy a batch into the buffers, which are made for the first one."""
        if not self._batch:
            if 'frame_mask' in batch:
                raise InputError(
                    'cuda_graph=True: the batch has a frame_mask; take MaskFrames out of the train pipeline'
                )
            self._batch = {name: torch.empty_like(value) for name, value in batch.items()}
        shapes, known = ({name: tuple(x.shape) for name, x in each.items()} for each in (batch, self._batch))
        if shapes != known:
            raise InputError(f'cuda_graph=True: a batch of {shapes}, expected the shapes of the first one, {known}')
        for name, buffer in self._batch.items():
            buffer.copy_(batch[name], non_blocking=True)

    def _step(self) -> Tensor:
        """Forward, backward and optimizer, as the model's own `train_step`; all values to log in one tensor."""
        with self._optim_wrapper.optim_context(self._model):
            losses = self._model(**self._batch, mode='loss')
        loss, values = self._model.parse_losses(losses)
        self._optim_wrapper.update_params(loss)
        norms = self._optim_wrapper.take_grad_norms()
        self._names, self._norms = list(values), list(norms)
        return torch.stack([value.detach().float() for value in (*values.values(), *norms.values())])

    def _recordable_step(self) -> Tensor:
        with _recordable(self._groups, self._rates):
            return self._step()

    def _named(self, values: Tensor) -> dict[str, Tensor]:
        values = dict(zip([*self._names, *self._norms], values.unbind(), strict=True))
        self._optim_wrapper.keep_grad_norms({name: values.pop(name) for name in self._norms})
        return values

    def _on_side_stream(self, step: Callable[[], Tensor]) -> Tensor:
        """Recordings must not meet work on the default stream; neither must what prepares them."""
        if self._stream is None:
            return step()
        current = torch.cuda.current_stream()
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            values = step()
        current.wait_stream(self._stream)
        values.record_stream(current)
        return values


@contextmanager
def _recordable(groups: list[dict], rates: list[Tensor]) -> Iterator[None]:
    """Learning rates in tensors, so that a recording reads today's; numbers again afterwards, for the schedulers."""
    before = [(group['lr'], group['capturable']) for group in groups]
    try:
        for group, rate in zip(groups, rates, strict=True):
            group.update(lr=rate, capturable=True)
        yield
    finally:
        for group, (rate, capturable) in zip(groups, before, strict=True):
            group.update(lr=rate, capturable=capturable)


def _check(model: nn.Module, optim_wrapper: OptimWrapper) -> None:
    if is_model_wrapper(model):
        raise InputError('cuda_graph=True records one process: train without --launcher')
    if not isinstance(optim_wrapper, DeviceOptimWrapper):
        raise InputError(
            f'cuda_graph=True: optim_wrapper is {type(optim_wrapper).__name__}, expected OptimWrapper or '
            'BFloat16OptimWrapper (--amp)'
        )
    optimizer = optim_wrapper.optimizer
    if 'capturable' not in optimizer.defaults or not optimizer.defaults.get('fused'):
        raise InputError(
            f'cuda_graph=True: {type(optimizer).__name__} as it is configured cannot be recorded, expected one with '
            "fused=True such as dict(type='Adam', fused=True, …)"
        )
    if optim_wrapper._accumulative_counts != 1:
        raise InputError('cuda_graph=True: optim_wrapper.accumulative_counts must be 1')
