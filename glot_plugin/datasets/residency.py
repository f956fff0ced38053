"""Where the frames of a training are kept: the `resident` argument of `WindowDataset`."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from mmengine.logging import print_log

from glot_plugin.datasets.resident import ResidentWindows
from glot_plugin.datasets.resident_frames import empty_frame, unfit_transforms, varying_keys
from glot_plugin.errors import InputError

if TYPE_CHECKING:
    from glot_plugin.datasets.window_dataset import WindowDataset

AUTO = 'auto'
AUTO_SHARE = 0.7  # of the memory that is free when the training begins; the rest is for its activations
DTYPES = (None, 'float16')


def check_residency(resident: str | None, resident_dtype: str | None) -> None:
    """Raise an `InputError` unless the arguments are `None`, `auto` or a device, and `None` or `float16`."""
    if resident_dtype not in DTYPES:
        raise InputError(f"resident_dtype is {resident_dtype!r}, expected None (the stores' own) or 'float16'")
    if resident in (None, AUTO):
        return
    try:
        torch.device(resident)
    except (RuntimeError, TypeError):
        raise InputError(
            f"resident is {resident!r}, expected None, 'auto', or a device such as 'cuda', 'cuda:1' or 'cpu'"
        ) from None


def resident_windows(dataset: 'WindowDataset', device: torch.device) -> ResidentWindows | None:
    """The data set's windows on a device, as its `resident` says; None if all batches come from the host.

    Args:
        dataset: The windows.
        device: The model's. If it is a GPU, `auto` keeps there the stores that fit into a share of its free memory, in
            the order in which they are listed.

    Raises:
        InputError: `resident` names a device that does not exist, or see `ResidentWindows`.
    """
    if dataset.resident is None or (dataset.resident == AUTO and device.type != 'cuda'):
        return None
    half = dataset.resident_dtype == 'float16'
    kept = list(range(len(dataset.stores)))
    if dataset.resident == AUTO:
        torch.cuda.empty_cache()  # what an earlier training in this process has left is free as well
        kept = _fitting_stores(dataset, half, AUTO_SHARE * torch.cuda.mem_get_info(device)[0])
    else:
        device = _existing_device(dataset.resident)
    windows = ResidentWindows(dataset, device, kept, half) if kept else None
    _say_what_is_kept(dataset, windows, device)
    return windows


def _existing_device(name: str) -> torch.device:
    device = torch.device(name)
    if device.type == 'cuda' and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(
            f"resident is {name!r}, but the number of GPUs is {torch.cuda.device_count()}; expected 'auto', which "
            'keeps frames on a GPU if there is one, or None'
        )
    return device


def _fitting_stores(dataset: 'WindowDataset', half: bool, num_bytes: float) -> list[int]:
    kept: list[int] = []
    if not unfit_transforms(dataset):
        for number in range(len(dataset.stores)):
            if frames_bytes(dataset, [*kept, number], half) <= num_bytes:
                kept.append(number)
    return kept


def _say_what_is_kept(dataset: 'WindowDataset', windows: ResidentWindows | None, device: torch.device) -> None:
    kept = () if windows is None else windows.stores
    parts = []
    if windows is not None:
        names = ', '.join(dataset.stores[number].path.name for number in kept)
        parts.append(f'{names} on {device} ({windows.num_bytes / 1e9:.1f} GB)')
    others = [store.path.name for number, store in enumerate(dataset.stores) if number not in kept]
    if others:
        parts.append(f'{", ".join(others)} on the host ({_why_on_the_host(dataset)})')
    print_log(f'Frames of {"; ".join(parts)}', 'current', logging.INFO)


def _why_on_the_host(dataset: 'WindowDataset') -> str:
    unfit = unfit_transforms(dataset)
    if unfit:
        return f'{", ".join(unfit)} needs whole batches'
    every = range(len(dataset.stores))
    own, half = (frames_bytes(dataset, every, half) / 1e9 for half in (dataset.resident_dtype == 'float16', True))
    reason = f'all would take {own:.1f} GB, of the free memory {AUTO_SHARE:.0%} may be used'
    return reason if half == own else f"{reason}; with resident_dtype='float16' all would take {half:.1f} GB"


def frames_bytes(dataset: 'WindowDataset', stores: Sequence[int], half: bool) -> int:
    """Memory that the frames of stores take on a device, features in half precision if `half` or all of them are."""
    half = half or all(dataset.stores[number].frame_columns['features'].dtype == np.float16 for number in stores)
    sizes = {name: row.nbytes for name, row in empty_frame(dataset).items()}
    sizes['features'] = (2 if half else 4) * dataset.feature_dim
    return sum(
        dataset.stores[number].num_frames * sum(sizes[name] for name in varying_keys(dataset, number))
        for number in stores
    )
