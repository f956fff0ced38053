"""Training windows gathered on a device that holds the frames of the stores; the host only sends numbers of rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from mmengine.dist import is_main_process
from torch import Tensor

from glot_plugin.datasets.resident_frames import empty_frame, frame_targets, varying_keys
from glot_plugin.errors import InputError
from glot_plugin.io.messages import reason
from glot_plugin.io.progress import progress_bar

if TYPE_CHECKING:
    from glot_plugin.datasets.window_dataset import WindowDataset

CHUNK_BYTES = 2**26


@dataclass
class _Column:
    """One key of the batches, for the frames of all stores.

    Attributes:
        first: (S,) number of the row in which each store begins; -1: its frames have no such value.
        num_rows: R, with row 0: a frame without the value.
        empty: That row.
        dtype: What the values are kept in.
        values: (R, ...) on the device.
    """

    first: np.ndarray
    num_rows: int
    empty: Tensor
    dtype: torch.dtype
    values: Tensor | None = None

    def rows(self, stores: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Rows here (B, T) of rows (B, T) of stores (B,)."""
        first = self.first[stores][:, None]
        return np.where(first < 0, 0, first + rows)

    def allocate(self, device: torch.device) -> None:
        self.values = torch.empty((self.num_rows, *self.empty.shape), dtype=self.dtype, device=device)
        self.values[0] = self.empty.to(device)


class ResidentWindows:
    """The windows of a `WindowDataset`, with the frames of its stores in a device's memory.

    A batch is the one that the data set itself gives, after its pipeline, bit for bit; only features that are kept in
    half precision though a store has them in float32 are rounded. The pipeline runs over each frame once, while the
    stores are loaded, so its transforms must be frame-wise (`resident_frames.py`).

    Args:
        dataset: The windows.
        device: Where the frames are kept and batches are made.
        stores: Numbers of the stores to keep; None: all. Windows of the others come out without targets or features.
        half_features: Keep features in half precision; otherwise only if all kept stores have it.

    Attributes:
        stores: Those that are kept.
        num_bytes: Memory that their frames take.

    Raises:
        InputError: A transform is not frame-wise, a store has NaN or infinite values, features do not fit half
            precision, or the frames do not fit the device.
    """

    def __init__(
        self,
        dataset: 'WindowDataset',
        device: torch.device,
        stores: Sequence[int] | None = None,
        half_features: bool = False,
    ) -> None:
        self.dataset, self.device = dataset, device
        self.stores = tuple(range(len(dataset.stores)) if stores is None else stores)
        empty = empty_frame(dataset)
        self._keys = tuple(empty)
        self._columns = self._lay_out(empty, half_features)
        self.num_bytes = sum(
            column.num_rows * column.empty.numel() * column.dtype.itemsize for column in self._columns.values()
        )
        self._allocate()
        self._load()

    def fetch(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """A complete batch; see `WindowDataset.__getitems__`.

        Raises:
            IndexInputError: No such window.
        """
        stores, rows = self.dataset.window_rows(indices)  # (B,), (B, T)
        chosen = {name: column.rows(stores, rows) for name, column in self._columns.items()}
        # Padded frames repeat the last frame of their track, but are not valid.
        chosen['frame_valid'][~self.dataset.frames_inside(indices)] = 0
        flags = {name: flag for name, flag in self.dataset.window_flags(indices).items() if name in self._keys}
        sent = iter(self._send([*chosen.values(), *flags.values()]))
        values = {name: self._gather(name, next(sent)) for name in chosen}
        values |= {name: next(sent) != 0 for name in flags}
        return {name: values[name] for name in self._keys}

    def complete(self, host_part: dict[str, Tensor]) -> dict[str, Tensor]:
        """The batch of which the data set has fetched the windows of the other stores (`WindowDataset.leave_out`)."""
        windows, places = host_part.pop('windows'), host_part.pop('places').to(self.device, non_blocking=True)
        batch = self.fetch(windows.numpy())
        for name, values in host_part.items():
            batch[name].index_copy_(0, places, values.to(self.device, non_blocking=True))
        return batch

    def _gather(self, name: str, rows: Tensor) -> Tensor:
        values = self._columns[name].values.index_select(0, rows.view(-1))
        values = values.float() if name == 'features' else values
        return values.view(*rows.shape, *values.shape[1:])

    def _send(self, arrays: list[np.ndarray]) -> list[Tensor]:
        """Integer arrays on the device, by one copy that the host does not wait for."""
        host = torch.from_numpy(np.concatenate([np.ravel(array) for array in arrays]).astype(np.int64))
        host = host.pin_memory() if self.device.type == 'cuda' else host
        parts = host.to(self.device, non_blocking=True).split([array.size for array in arrays])
        return [part.view(array.shape) for part, array in zip(parts, arrays, strict=True)]

    def _lay_out(self, empty: dict[str, np.ndarray], half_features: bool) -> dict[str, _Column]:
        stores = self.dataset.stores
        kept_half = all(stores[number].frame_columns['features'].dtype == np.float16 for number in self.stores)
        columns = {}
        for name, row in empty.items():
            if name not in self.dataset.window_flags(()):
                frame = torch.from_numpy(row)
                columns[name] = _Column(np.full(len(stores), -1), 1, frame, frame.dtype)
        columns['features'].empty = torch.zeros(self.dataset.feature_dim)  # the pipeline sees features of width 0
        columns['features'].dtype = torch.float16 if half_features or kept_half else torch.float32
        for number in self.stores:
            for name in varying_keys(self.dataset, number):
                columns[name].first[number] = columns[name].num_rows
                columns[name].num_rows += stores[number].num_frames
        return columns

    def _allocate(self) -> None:
        try:
            for column in self._columns.values():
                column.allocate(self.device)
        except RuntimeError as error:  # the GPU's, or the host's, which has no class of its own
            raise InputError(
                f'resident: the frames take {self.num_bytes / 1e9:.1f} GB, which do not fit on {self.device} '
                f"({reason(error)}); expected resident='auto', resident_dtype='float16', or resident=None"
            ) from error

    def _load(self) -> None:
        frames = sum(self.dataset.stores[number].num_frames for number in self.stores)
        size = max(1, CHUNK_BYTES // (4 * self.dataset.feature_dim))
        with progress_bar(is_main_process()) as progress:
            task = progress.add_task(f'loading frames to {self.device}', total=frames)
            for number in self.stores:
                for start in range(0, self.dataset.stores[number].num_frames, size):
                    stop = min(start + size, self.dataset.stores[number].num_frames)
                    self._load_features(number, start, stop)
                    for name, values in frame_targets(self.dataset, number, start, stop).items():
                        self._put(name, number, start, torch.from_numpy(values))
                    progress.advance(task, stop - start)
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)  # batches are gathered on other streams

    def _load_features(self, number: int, start: int, stop: int) -> None:
        store = self.dataset.stores[number]
        dtype = torch.float16 if store.frame_columns['features'].dtype == np.float16 else torch.float32
        host = torch.empty((stop - start, store.feature_dim), dtype=dtype, pin_memory=self.device.type == 'cuda')
        store.read_rows('features', start, host.numpy())
        raw = host.to(self.device)
        row = _first_nonfinite_row(raw)
        if row is not None:
            raise store.nonfinite_error('features', start + row)
        kept = self._put('features', number, start, raw)
        row = None if kept.dtype == raw.dtype else _first_nonfinite_row(kept)
        if row is not None:
            raise InputError(
                f'{store.path}: row {start + row} has features up to {raw[row].abs().max():g}, more than half '
                "precision can hold; expected resident_dtype=None, which keeps the store's own type"
            )

    def _put(self, name: str, number: int, start: int, values: Tensor) -> Tensor:
        """Write values of consecutive frames of a store, and return what is kept of them."""
        column = self._columns[name]
        if column.first[number] < 0:
            return values
        first = int(column.first[number]) + start
        return column.values[first : first + len(values)].copy_(values)


def _first_nonfinite_row(values: Tensor) -> int | None:
    # A sum is cheap, and any NaN or infinity survives it; finite values may overflow, hence the second look.
    if values.sum(dtype=torch.float32).isfinite():
        return None
    finite = values.isfinite().all(dim=1)
    return None if finite.all() else int((~finite).int().argmax())
