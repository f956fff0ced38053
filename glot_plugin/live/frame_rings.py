"""The newest frames of several people."""

import torch
from torch import Tensor


class FrameRings:
    """The newest T vectors of each of several people, each written once, in a ring.

    Args:
        length: T.
        width: Numbers of a vector.
        device: Where they are.
    """

    def __init__(self, length: int, width: int, device: torch.device | str = 'cpu') -> None:
        self.length = length
        self._frames = torch.zeros(0, length, width, device=device)
        self._oldest = torch.zeros(0, dtype=torch.long)  # of each row, which of its vectors is the oldest
        self._free: list[int] = []

    def add(self, vectors: Tensor) -> list[int]:
        """Rows for new people: T copies of each one's first vector (P, width), as at the start of a track."""
        while len(self._free) < len(vectors):
            self._grow()
        rows = [self._free.pop() for _ in range(len(vectors))]
        self._frames[rows] = vectors[:, None].expand(-1, self.length, -1)
        self._oldest[rows] = 0
        return rows

    def remove(self, rows: list[int]) -> None:
        self._free += rows

    def append(self, rows: list[int], vectors: Tensor) -> None:
        """Write the next vector (P, width) of some people over their oldest."""
        self._frames[rows, self._oldest[rows]] = vectors
        self._oldest[rows] = (self._oldest[rows] + 1) % self.length

    def newest(self, rows: list[int]) -> Tensor:
        """(P, width)."""
        return self._frames[rows, self._oldest[rows] - 1]

    def windows(self, rows: list[int], order: Tensor | None = None) -> Tensor:
        """(P, T, width), the oldest first; `order` (T,) picks among them."""
        order = torch.arange(self.length) if order is None else order
        places = (self._oldest[rows][:, None] + order) % self.length
        return self._frames[torch.tensor(rows, dtype=torch.long)[:, None], places]

    def _grow(self) -> None:
        known, width = len(self._frames), self._frames.shape[-1]
        more = max(known, 1)
        self._frames = torch.cat([self._frames, self._frames.new_zeros(more, self.length, width)])
        self._oldest = torch.cat([self._oldest, self._oldest.new_zeros(more)])
        self._free += range(known + more - 1, known - 1, -1)
