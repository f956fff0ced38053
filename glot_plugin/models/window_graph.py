"""CUDA graphs of a function of batches: one launch instead of one for every kernel."""

from collections.abc import Callable

import torch
from torch import Tensor

# Numbers of windows that graphs are recorded for; others are filled up to the next of these.
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
Inputs = tuple[Tensor | None, ...]
WARM_UPS = 3


def capture(call: Callable[[], Tensor], stream: torch.cuda.Stream | None = None) -> Callable[[], Tensor]:
    """Record a call as a CUDA graph, without executing it.

    Args:
        call: Without reads of device values by the host; it has run before, on a side stream.
        stream: Where it is recorded; None: one that torch makes.

    Returns:
        What replays it into the same output, and returns that.
    """
    graph = torch.cuda.CUDAGraph()
    # Other threads (a loader's that pins memory) may go on meanwhile.
    with torch.cuda.graph(graph, stream=stream, capture_error_mode='thread_local'):
        output = call()

    def replay() -> Tensor:
        graph.replay()
        return output

    return replay


def record_cuda_graph(function: Callable[..., Tensor], inputs: Inputs) -> Callable[[], Tensor]:
    """Record a call of a function as a CUDA graph.

    Returns:
        What replays it: it reads the same `inputs` again, and its output is overwritten by the next replay.
    """
    with torch.cuda.device(inputs[0].device):
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):  # libraries choose their kernels and take their memory before the recording
            for _ in range(WARM_UPS):
                function(*inputs)
        torch.cuda.current_stream().wait_stream(stream)
        return capture(lambda: function(*inputs), stream)


class GraphedFunction:
    """A function of batches as CUDA graphs, one for each number of rows in `SIZES`, recorded when first needed.

    Rows must not depend on each other: smaller batches are filled up with rows of an earlier call. Batches beyond the
    largest size, and calls whose gradient is wanted, go through the function itself.

    Args:
        function: Of tensors (B, ...) or None to a tensor (B, ...); no reads of device values by the host.
        record: Records a call with given inputs; the tests have one without a GPU.
    """

    def __init__(
        self,
        function: Callable[..., Tensor],
        record: Callable[[Callable[..., Tensor], Inputs], Callable[[], Tensor]] = record_cuda_graph,
    ) -> None:
        self.function, self._record = function, record
        self._graphs: dict[tuple, tuple[Inputs, Callable[[], Tensor]]] = {}

    def __call__(self, *inputs: Tensor | None) -> Tensor:
        rows = len(inputs[0])
        size = next((size for size in SIZES if size >= rows), None)
        if size is None or torch.is_grad_enabled():
            return self.function(*inputs)
        buffers, replay = self._graph(size, inputs)
        for buffer, values in zip(buffers, inputs, strict=True):
            if buffer is not None:
                buffer[:rows].copy_(values)
        return replay()[:rows].clone()

    def _graph(self, size: int, inputs: Inputs) -> tuple[Inputs, Callable[[], Tensor]]:
        key = size, *(None if x is None else (x.shape[1:], x.dtype) for x in inputs)
        if key not in self._graphs:
            # Buffers of graphs are written from outside of any inference mode as well.
            with torch.inference_mode(False), torch.no_grad():
                buffers = tuple(None if x is None else x.new_zeros(size, *x.shape[1:]) for x in inputs)
                self._graphs[key] = buffers, self._record(self.function, buffers)
        return self._graphs[key]
