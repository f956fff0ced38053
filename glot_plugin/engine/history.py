"""What is logged in each iteration, kept without making the device or the host wait."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import Tensor

Values = dict[str, float]


class History(HistoryBuffer):
    """mmengine's `HistoryBuffer`, updated in constant time.

    mmengine's copies everything that it holds at each update: after 50,000 iterations that takes longer than a training
    step on a GPU. A copied or pickled `History` is a plain `HistoryBuffer`.

    Args:
        earlier: A buffer whose values come first.
        before_reading: Called before values are read; it may add some.
    """

    def __init__(self, earlier: HistoryBuffer | None = None, before_reading: Callable[[], None] | None = None) -> None:
        start = HistoryBuffer() if earlier is None else earlier
        self._set_default_statistics()
        self.max_length = start.max_length
        self._before_reading = before_reading
        self._length = len(start.data[0])
        self._kept = np.empty((2, max(2 * self._length, 64)))  # values and counts
        self._kept[:, : self._length] = start.data

    def update(self, log_val: float, count: int = 1) -> None:
        if self._length == self._kept.shape[1]:
            recent = self._kept[:, -self.max_length :]
            self._length = recent.shape[1]
            self._kept = np.empty((2, 2 * self._length))
            self._kept[:, : self._length] = recent
        self._kept[:, self._length] = log_val, count
        self._length += 1

    # mmengine's statistics read these two names.
    @property
    def _log_history(self) -> np.ndarray:
        return self._read()[0]

    @property
    def _count_history(self) -> np.ndarray:
        return self._read()[1]

    def _read(self) -> np.ndarray:
        if self._before_reading is not None:
            self._before_reading()
        return self._kept[:, max(0, self._length - self.max_length) : self._length]

    def detach(self) -> None:
        """Read a last time; nothing is added by reading any more."""
        self._read()
        self._before_reading = None

    def __reduce__(self) -> tuple:
        return HistoryBuffer, (*self._read().copy(), self.max_length)


@dataclass
class _Iteration:
    """Values of one iteration: some on the device, in one tensor, the others on the host."""

    number: int
    names: tuple[str, ...]
    on_device: Tensor | None
    on_host: Values


class DeviceValues:
    """Scalars of past iterations that are still on their device.

    The host cannot read a value before the device has computed it, and the device is idle while the host then launches
    what follows. So the values of each iteration are stacked on the device, and those of many iterations are read at
    once.

    Args:
        deliver: Called with the values of each iteration, by its number, when they are read.
        capacity: Number of iterations after which values are read although nobody asked for them.
    """

    def __init__(self, deliver: Callable[[dict[int, Values]], None], capacity: int = 1000) -> None:
        self._deliver, self._capacity = deliver, capacity
        self._waiting: list[_Iteration] = []

    def add(self, iteration: int, values: dict[str, Tensor | float]) -> None:
        """Take the values of an iteration; tensors have one element each and are copied on their device."""
        tensors = [value.detach().reshape(()) for value in values.values() if isinstance(value, Tensor)]
        if len({tensor.device for tensor in tensors}) > 1:  # torch.stack takes tensors of one device
            target = max((tensor.device for tensor in tensors), key=lambda device: device.type != 'cpu')
            tensors = [tensor.to(target, non_blocking=True) for tensor in tensors]
        stacked = torch.stack(tensors) if tensors else None
        on_host = {name: float(value) for name, value in values.items() if not isinstance(value, Tensor)}
        self._waiting.append(_Iteration(iteration, tuple(values), stacked, on_host))
        if len(self._waiting) >= self._capacity:
            self.read()

    def read(self) -> None:
        """Read all values in one transfer, and deliver them; does nothing if there are none."""
        waiting, self._waiting = self._waiting, []  # empty before `deliver` runs: it may ask for a read itself
        if not waiting:
            return
        stacked = [entry.on_device for entry in waiting if entry.on_device is not None]
        numbers = iter(torch.cat(stacked).tolist() if stacked else ())
        self._deliver(
            {
                entry.number: {
                    name: entry.on_host[name] if name in entry.on_host else next(numbers) for name in entry.names
                }
                for entry in waiting
            }
        )
