"""Training data: windows of T consecutive frames, fetched for a whole batch at once."""

import inspect
import os
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch.utils.data import get_worker_info

from glot_plugin.datasets.column_checks import first_nonfinite_row
from glot_plugin.datasets.residency import AUTO, check_residency, resident_windows
from glot_plugin.datasets.resident import ResidentWindows
from glot_plugin.datasets.store_schema import row_shape
from glot_plugin.datasets.track_store import IndexInputError, TrackStore, open_stores
from glot_plugin.errors import InputError
from glot_plugin.registry import DATASETS, TRANSFORMS

TARGET_COLUMNS = ('keypoints2d', 'bbox', 'keypoints3d', 'smpl_pose', 'smpl_betas')
SMPL_COLUMNS = ('smpl_pose', 'smpl_betas')

Batch = dict[str, np.ndarray]
Transform = Callable[[Batch, np.random.Generator], Batch]


def window_table(track_offsets: np.ndarray, num_frames: int, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """First rows and tracks of all windows of T frames that start every `stride` frames and stay inside a track.

    A track shorter than T has one window. In a longer track, frames after the last complete window are not used.

    Args:
        track_offsets: (M + 1,) first row of each track, then the number of rows.
        num_frames: T.
        stride: frames from one start to the next.

    Returns:
        starts (W,) and tracks (W,), int64.
    """
    lengths = np.diff(track_offsets)  # (M,)
    counts = np.maximum((lengths - num_frames) // stride + 1, 1)  # (M,)
    tracks = np.repeat(np.arange(len(lengths)), counts)  # (W,)
    place = np.arange(len(tracks)) - (np.cumsum(counts) - counts)[tracks]  # (W,) 0, 1, … inside each track
    return track_offsets[tracks] + stride * place, tracks


def build_pipeline(pipeline: Sequence[dict | Transform]) -> list[Transform]:
    """Transforms from configs (or callables): each is `transform(batch, rng) -> batch` on the whole batch.

    Raises:
        InputError: One has another signature, such as the single-frame transforms of other frameworks.
    """
    steps = [TRANSFORMS.build(step) if isinstance(step, dict) else step for step in pipeline]
    for step in steps:
        try:
            inspect.signature(step).bind({}, None)
        except TypeError:
            name = getattr(step, '__name__', type(step).__name__)
            raise InputError(
                f'pipeline: {name}{inspect.signature(step)} does not fit, expected transform(batch, rng)'
            ) from None
    return steps


@DATASETS.register_module()
class WindowDataset:
    """Windows of T frames from track stores.

    `__getitems__` (which torch's DataLoader calls with the indices of a batch) returns a dict of stacked arrays:
    `features` (B, T, C) float32, the target columns (B, T, …), `frame_valid` (B, T) bool, `has_keypoints3d` and
    `has_smpl` (B,) bool. Columns that a store lacks are zeros. A track shorter than T is padded with its last frame,
    with `frame_valid` False there. Random transforms draw from a generator seeded with `indices.seed` where the batch
    sampler gives one (`MixedBatchSampler`), else with the indices themselves, so a batch does not depend on the worker.

    Args:
        stores: paths of track stores, or `dict(path=…, use_smpl=False)` to ignore the SMPL targets of a store; in a
            list, or in a dict under any names, so that a config can change one entry by name (None leaves it out).
        num_frames: T.
        stride: frames from one window of a track to the next.
        pipeline: transforms of the whole batch, as configs.
        columns: target columns to fetch.
        feature_dim: feature width C that the stores must have; None: that of the first.
        resident: where frames are kept so that batches can be made there: None: on disk, batches are made by the host;
            a device, such as 'cuda'; 'auto': where the model is on a GPU, the stores that fit into a share of its free
            memory, as `ResumableTrainLoop` finds. Batches are the same, but are tensors on the device. Needs frame-wise
            transforms (`resident_frames.py`), and, in other loops, a loader with num_workers=0.
        resident_dtype: 'float16' rounds resident features to half precision; None keeps the stores' own type.

    Raises:
        InputError: a broken store, differing widths, 3D joints other than 'spin49', NaN or infinite values (when
            fetched).
    """

    def __init__(
        self,
        stores: str | os.PathLike | dict | Sequence[str | os.PathLike | dict],
        num_frames: int = 16,
        stride: int = 16,
        pipeline: Sequence[dict | Transform] = (),
        columns: Sequence[str] = TARGET_COLUMNS,
        feature_dim: int | None = None,
        resident: str | None = None,
        resident_dtype: str | None = None,
    ) -> None:
        check_residency(resident, resident_dtype)
        for name, value in (('num_frames', num_frames), ('stride', stride)):
            if not isinstance(value, int) or value < 1:
                raise InputError(f'{name} is {value!r}, expected a positive integer')
        unknown = [name for name in columns if name not in TARGET_COLUMNS]
        if unknown:
            raise InputError(f'columns names {", ".join(unknown)}, expected some of {", ".join(TARGET_COLUMNS)}')
        entries = store_entries(stores)
        self.stores = open_stores([entry['path'] for entry in entries], feature_dim)
        self.use_smpl = [entry['use_smpl'] for entry in entries]
        self.resident, self.resident_dtype = resident, resident_dtype
        self._resident_windows: ResidentWindows | None = None
        self._left_out: tuple[int, ...] = ()
        self.num_frames = num_frames
        self.columns = tuple(columns)
        self.pipeline = build_pipeline(pipeline)
        self.feature_dim = self.stores[0].feature_dim
        for store in self.stores:
            _check_joints(store, self.columns)
        self._present = [
            self._present_columns(store, use) for store, use in zip(self.stores, self.use_smpl, strict=True)
        ]
        self._build_table(stride)

    def _present_columns(self, store: TrackStore, use_smpl: bool) -> tuple[str, ...]:
        dropped = () if use_smpl else SMPL_COLUMNS
        return tuple(name for name in self.columns if name in store.frame_columns and name not in dropped)

    def _build_table(self, stride: int) -> None:
        """Build the table of windows: the store, first row, number of frames and targets of each."""
        tables = []
        for number, (store, use_smpl) in enumerate(zip(self.stores, self.use_smpl, strict=True)):
            starts, tracks = window_table(store.track_offsets, self.num_frames, stride)
            counts = np.minimum(store.track_offsets[tracks + 1] - starts, self.num_frames)
            has_3d = store.track_has_keypoints3d[tracks]
            has_smpl = store.track_has_smpl[tracks] & use_smpl
            tables.append((np.full(len(starts), number, np.int32), starts, counts, has_3d, has_smpl))
        self._store_of, self._start, self._count, self._has_keypoints3d, self._has_smpl = (
            np.concatenate(column) for column in zip(*tables, strict=True)
        )

    def __len__(self) -> int:
        return len(self._start)

    @property
    def metainfo(self) -> dict:
        """What mmengine hands to visualisers."""
        return {'stores': [str(store.path) for store in self.stores], 'feature_dim': self.feature_dim}

    @property
    def pool_indices(self) -> dict[str, np.ndarray]:
        """Indices of the windows with 2D targets only ('2d'), and of those with 3D keypoints or SMPL ('3d')."""
        has_3d = self._has_keypoints3d | self._has_smpl
        return {'2d': np.flatnonzero(~has_3d), '3d': np.flatnonzero(has_3d)}

    def __getitem__(self, index: int) -> Batch:
        """One window: a batch of one without its first axis."""
        return {name: values[0] for name, values in self.__getitems__([index]).items()}

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """A complete batch, passed through the pipeline; see `resident` and `leave_out` for exceptions."""
        if self._left_out:
            return self._host_part(np.asarray(indices))
        if self.resident not in (None, AUTO):
            return self._on_device().fetch(indices)
        return self._from_host(indices)

    def leave_out(self, stores: Sequence[int]) -> None:
        """Let batches hold only windows of other stores, with all `windows` (B,) and the `places` of those it holds."""
        self._left_out = tuple(stores)

    def _host_part(self, windows: np.ndarray) -> Batch:
        places = np.flatnonzero(~np.isin(self._store_of[windows], self._left_out))
        return {**self._from_host(windows[places]), 'windows': windows, 'places': places}

    def _on_device(self) -> ResidentWindows:
        if get_worker_info() is not None:
            raise InputError(f'resident is {self.resident!r}: expected num_workers=0, as workers cannot use the device')
        if self._resident_windows is None:
            self._resident_windows = resident_windows(self, torch.device(self.resident))
        return self._resident_windows

    def _from_host(self, indices: Sequence[int]) -> Batch:
        batch = self.fetch(indices)
        seed = getattr(indices, 'seed', None)
        rng = np.random.default_rng([int(index) for index in indices] if seed is None else seed)
        for transform in self.pipeline:
            batch = transform(batch, rng)
        return batch

    def fetch(self, indices: Sequence[int]) -> Batch:
        """The arrays of a batch as they are in the stores, before the pipeline.

        Raises:
            IndexInputError: no such window.
            InputError: NaN or infinite values; names store, track and frame.
        """
        windows = self._checked_indices(indices)
        batch = self._empty_batch(len(windows))
        where = zip(*(table[windows].tolist() for table in (self._store_of, self._start, self._count)), strict=True)
        for place, (number, start, count) in enumerate(where):
            store = self.stores[number]
            for name in ('features', *self._present[number]):
                _read_padded(store, name, start, count, batch[name][place])
            for name in self.columns:
                if name not in self._present[number]:
                    batch[name][place] = 0
            store.read_rows('valid', start, batch['frame_valid'][place, :count])
            batch['frame_valid'][place, count:] = False
        self._check_finite(batch, windows)
        return {**batch, **self.window_flags(windows)}

    def window_rows(self, indices: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Where windows come from: the indices of their stores (B,), and the rows of their frames there (B, T).

        Raises:
            IndexInputError: no such window.
        """
        windows = self._checked_indices(indices)
        place = np.minimum(np.arange(self.num_frames), self._count[windows][:, None] - 1)  # (B, T)
        return self._store_of[windows], self._start[windows][:, None] + place

    def frames_inside(self, indices: Sequence[int]) -> np.ndarray:
        """(B, T) bool: False where a window is longer than its track, and its last frame is repeated."""
        return np.arange(self.num_frames) < self._count[self._checked_indices(indices)][:, None]

    def window_flags(self, indices: Sequence[int]) -> dict[str, np.ndarray]:
        """`has_keypoints3d` and `has_smpl` (B,) of windows."""
        windows = self._checked_indices(indices)
        return {'has_keypoints3d': self._has_keypoints3d[windows], 'has_smpl': self._has_smpl[windows]}

    def columns_of(self, store: int) -> tuple[str, ...]:
        """Names of the targets that are fetched from a store; the others are zeros."""
        return self._present[store]

    def _checked_indices(self, indices: Sequence[int]) -> np.ndarray:
        windows = np.asarray(indices, np.int64)
        outside = windows[(windows < 0) | (windows >= len(self))]
        if len(outside):
            raise IndexInputError(f'window index {outside[0]} is out of range: the data set has {len(self)} windows')
        return windows

    def _empty_batch(self, size: int) -> Batch:
        """Uninitialised arrays (B, T, …): filling them with zeros first would double the memory traffic."""
        batch = {
            name: np.empty((size, self.num_frames, *row_shape(name, self.feature_dim, 'spin49')), np.float32)
            for name in ('features', *self.columns)
        }
        batch['frame_valid'] = np.empty((size, self.num_frames), np.bool_)
        return batch

    def _check_finite(self, batch: Batch, windows: np.ndarray) -> None:
        for name in ('features', *self.columns):
            frames = batch[name].reshape(len(windows) * self.num_frames, *batch[name].shape[2:])
            row = first_nonfinite_row(frames)
            if row is not None:
                window, frame = windows[row // self.num_frames], row % self.num_frames
                raise self.stores[self._store_of[window]].nonfinite_error(name, int(self._start[window]) + frame)


def store_entries(stores: str | os.PathLike | dict | Sequence[str | os.PathLike | dict]) -> list[dict]:
    """The `stores` argument of `WindowDataset` as a list of dicts with `path` and `use_smpl`.

    Raises:
        InputError: An entry has other keys.
    """
    if isinstance(stores, dict) and not stores.keys() & {'path', 'use_smpl'}:  # by name
        stores = [entry for entry in stores.values() if entry is not None]
    return [_store_entry(entry) for entry in (stores if isinstance(stores, list | tuple) else [stores])]


def _store_entry(entry: str | os.PathLike | dict) -> dict:
    if not isinstance(entry, dict):
        return {'path': entry, 'use_smpl': True}
    if 'path' not in entry or not entry.keys() <= {'path', 'use_smpl'}:
        raise InputError(f'stores has {dict(entry)}, expected a path or dict(path=…, use_smpl=True or False)')
    return {'use_smpl': True, **entry}


def _check_joints(store: TrackStore, columns: Sequence[str]) -> None:
    if 'keypoints3d' in columns and store.keypoints3d_joints not in (None, 'spin49'):
        raise InputError(
            f'{store.path}: keypoints3d has the joints {store.keypoints3d_joints!r}, training windows need '
            "'spin49'; use a training store here and this one for testing (TrackDataset)"
        )


def _read_padded(store: TrackStore, column: str, start: int, count: int, out: np.ndarray) -> None:
    """Read rows `start:start + count` into `out` (T, …) and pad the rest with the last of them."""
    store.read_rows(column, start, out[:count])
    out[count:] = out[count - 1]
