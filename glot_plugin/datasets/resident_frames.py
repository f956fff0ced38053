"""What a pipeline makes of single frames, for batches that are put together from frames after it.

A transform with the attribute `frame_wise = True` promises that it changes the targets of each frame by themselves,
without random numbers, and leaves `features` alone. It may then run once over each frame instead of over each batch.
"""

from typing import TYPE_CHECKING

import numpy as np

from glot_plugin.datasets.column_checks import first_nonfinite_row
from glot_plugin.datasets.store_schema import row_shape
from glot_plugin.errors import InputError

if TYPE_CHECKING:
    from glot_plugin.datasets.window_dataset import WindowDataset

Frames = dict[str, np.ndarray]


def unfit_transforms(dataset: 'WindowDataset') -> list[str]:
    """Names of the transforms that must see whole batches."""
    return [
        getattr(step, '__name__', type(step).__name__)
        for step in dataset.pipeline
        if not getattr(step, 'frame_wise', False)
    ]


def frame_targets(dataset: 'WindowDataset', number: int, start: int, stop: int) -> Frames:
    """What the pipeline makes of the targets of rows of a store: (n, ...) by the keys of a batch.

    Raises:
        InputError: NaN or infinite values; names store, track and frame.
    """
    store = dataset.stores[number]
    targets = _no_targets(dataset, stop - start)
    for name in (*dataset.columns_of(number), 'frame_valid'):
        column = 'valid' if name == 'frame_valid' else name
        store.read_rows(column, start, targets[name])
        row = first_nonfinite_row(targets[name].reshape(stop - start, -1))
        if row is not None:
            raise store.nonfinite_error(column, start + row)
    passed = _passed(dataset, targets)
    return {name: values for name, values in passed.items() if name not in ('features', *dataset.window_flags(()))}


def empty_frame(dataset: 'WindowDataset') -> Frames:
    """The keys of a batch in order, with what a frame without any target has there."""
    return {name: np.asarray(values[0]) for name, values in _passed(dataset, _no_targets(dataset, 1)).items()}


def varying_keys(dataset: 'WindowDataset', number: int) -> list[str]:
    """Keys of a batch that depend on what a store holds; the others are those of an empty frame."""
    rng = np.random.default_rng(0)
    targets = _no_targets(dataset, 4)
    for name in dataset.columns_of(number):
        targets[name] = rng.uniform(1, 2, targets[name].shape).astype(np.float32)
    targets['frame_valid'][:] = True
    passed, empty = _passed(dataset, targets), empty_frame(dataset)
    return ['features', *(name for name, values in passed.items() if (values != empty[name]).any())]


def _no_targets(dataset: 'WindowDataset', count: int) -> Frames:
    targets = {
        name: np.zeros((count, *row_shape(name, dataset.feature_dim, 'spin49')), np.float32) for name in dataset.columns
    }
    return {**targets, 'frame_valid': np.zeros(count, np.bool_)}


def _passed(dataset: 'WindowDataset', targets: Frames) -> Frames:
    """Frames (n, ...) passed through the pipeline as n windows of one frame, with features of width 0."""
    unfit = unfit_transforms(dataset)
    if unfit:
        raise InputError(
            f'resident: {unfit[0]} in the pipeline needs whole batches; expected transforms with frame_wise=True, such '
            'as NormalizeKeypoints2d and Pack, or resident=None. Masks need no transform: the head draws its own'
        )
    count = len(targets['frame_valid'])
    batch = {
        'features': np.zeros((count, 1, 0), np.float32),
        **{name: values[:, None] for name, values in targets.items()},
    }
    flags = {name: np.zeros(count, np.bool_) for name in dataset.window_flags(())}
    batch |= flags
    for transform in dataset.pipeline:
        batch = transform(batch, None)
    for name, values in batch.items():
        if name not in flags and values.shape[:2] != (count, 1):
            raise InputError(
                f'resident: the pipeline makes {name} of shape {values.shape} of {count} windows of one frame, '
                f'expected ({count}, 1, …)'
            )
    return {name: values if name in flags else values[:, 0] for name, values in batch.items()}
