"""How many threads each stage of live video takes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# Capture, people and network run side by side: a core each is better than taking turns with all of them.
THREADS = max((os.cpu_count() or 1) // 3, 1)


@contextmanager
def torch_threads(count: int = THREADS) -> Iterator[None]:
    """Let torch use this many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
