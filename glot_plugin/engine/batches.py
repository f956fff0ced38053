"""Batches on their way to the model's device."""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor


class BatchesAhead:
    """Fetches each batch, and copies it to the device, while the iteration before it runs there.

    On a GPU the copy has a stream of its own. From pinned memory (`pin_memory` of the loader) it then takes no time of
    the iteration, and the host does not wait for it.

    Args:
        batches: Dicts of tensors; anything else is handed on as it is.
        device: Where the tensors go.
    """

    def __init__(self, batches: Iterator, device: torch.device) -> None:
        self._batches, self._device = batches, device
        self._stream = torch.cuda.Stream(device) if device.type == 'cuda' else None
        self._batch: Any = None
        self._error: Exception | None = None
        self._fetched = False

    def fetch(self) -> None:
        """Fetch the next batch, if that is not done. An error is kept for `take`: the iteration before goes first."""
        if self._fetched:
            return
        self._fetched = True
        try:
            with nullcontext() if self._stream is None else torch.cuda.stream(self._stream):
                self._batch = _moved(next(self._batches), self._device)
        except Exception as error:
            self._error = error

    def take(self) -> Any:
        """The next batch.

        Raises:
            Exception: What went wrong when it was fetched.
        """
        self.fetch()
        batch, error = self._batch, self._error
        self._batch, self._error, self._fetched = None, None, False
        if error is not None:
            raise error
        if self._stream is not None:
            current = torch.cuda.current_stream(self._device)
            current.wait_stream(self._stream)
            for value in batch.values() if isinstance(batch, dict) else ():
                if isinstance(value, Tensor) and value.is_cuda:
                    value.record_stream(current)  # so that its memory is not reused before this stream is done
        return batch


def _moved(batch: Any, device: torch.device) -> Any:
    if not isinstance(batch, dict):
        return batch
    return {
        name: value.to(device, non_blocking=True) if isinstance(value, Tensor) else value
        for name, value in batch.items()
    }
