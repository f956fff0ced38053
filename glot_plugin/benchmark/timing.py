"""Timing two implementations in alternation, so that drift of the machine affects both equally."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass
class Comparison:
    """Seconds of one call, ours and the naive baseline's, and their ratio.

    Attributes:
        name: What was measured.
        ours, naive: Median seconds.
        ratio: Median of the pairs' ratios, naive / ours.
        detail: A remark for the table.
    """

    name: str
    ours: float
    naive: float
    ratio: float
    detail: str = ''


def compare(
    name: str, ours: Callable[[], object], naive: Callable[[], object], repeats: int = 5, detail: str = ''
) -> Comparison:
    """Call both once to warm up, then alternately `repeats` times each."""
    pairs = []
    for repeat in range(repeats + 1):
        pair = seconds(ours), seconds(naive)
        if repeat:
            pairs.append(pair)
    median_ours, median_naive = (statistics.median(column) for column in zip(*pairs, strict=True))
    return Comparison(name, median_ours, median_naive, statistics.median(n / o for o, n in pairs), detail)


def seconds(function: Callable[[], object]) -> float:
    """Wall-clock seconds of one call, including its work on a GPU."""
    synchronize()
    start = time.perf_counter()
    function()
    synchronize()
    return time.perf_counter() - start


def synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def peak_memory_mb(reset: bool = False) -> float:
    """Largest resident memory of this process in MB since the last reset (Linux), excluding pages of mapped files."""
    if reset:
        with open('/proc/self/clear_refs', 'w') as file:
            file.write('5')
    with open('/proc/self/status') as file:
        fields = dict(line.split(':', 1) for line in file)
    return int(fields['VmHWM'].split()[0]) / 1024
