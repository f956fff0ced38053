"""Test data: clips of L frames that cover every frame of every track."""

from dataclasses import dataclass

import numpy as np

from glot_plugin.datasets import TrackStore
from glot_plugin.datasets.column_checks import first_nonfinite_row


@dataclass(frozen=True)
class ClipTable:
    """Clips of L frames, all of one length, over the frames that are scored.

    Attributes:
        track_first: (C,) number of the first frame of each clip's track.
        track_last: (C,) number of its last frame.
        start: (C,) number of each clip's first frame; before `track_first` where a track is shorter than L.
    """

    track_first: np.ndarray
    track_last: np.ndarray
    start: np.ndarray

    def frames(self, clip: int, places: np.ndarray) -> np.ndarray:
        """Numbers of the frames at `places` relative to a clip's start, clamped to its track."""
        return np.clip(self.start[clip] + places, self.track_first[clip], self.track_last[clip])


def clip_table(offsets: np.ndarray, length: int, stride: int) -> ClipTable:
    """Clips of `length` frames every `stride` frames of each track, and one more at the end if frames are left.

    A track shorter than a clip is padded at its beginning with its first frame: mmhuman3d's `evaluate` keeps the last
    prediction for each frame number, which is then the real one.

    Args:
        offsets: (M + 1,) number of the first frame of each track, then the number of frames.
        length: L.
        stride: Frames from one clip to the next, at most L.
    """
    rows: list[tuple[int, int, int]] = []
    for first, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        starts = list(range(first, end - length + 1, stride))
        if not starts or starts[-1] + length < end:
            starts.append(end - length)
        rows += [(first, end - 1, start) for start in starts]
    return ClipTable(*np.array(rows, np.int64).T)


class ScoredFrames:
    """The frames of stores that are scored (the valid ones), numbered consecutively.

    Args:
        stores: Track stores. Tracks without a valid frame are left out.

    Attributes:
        offsets: (M + 1,) number of each track's first frame, then the number of frames.
    """

    def __init__(self, stores: list[TrackStore]) -> None:
        self.stores = stores
        rows, counts = [], []
        for store in stores:
            valid = np.empty(store.num_frames, np.bool_)
            store.read_rows('valid', 0, valid)
            rows.append(np.flatnonzero(valid))
            counts.append(np.add.reduceat(valid, store.track_offsets[:-1], dtype=np.int64))
        self._rows = rows
        self._first = np.cumsum([0, *(len(each) for each in rows)])
        lengths = np.concatenate(counts)
        self.tracks = np.flatnonzero(lengths)  # of all stores, numbered consecutively
        self.offsets = np.cumsum([0, *lengths[self.tracks]])

    def __len__(self) -> int:
        return int(self._first[-1])

    def read(self, column: str, frames: np.ndarray) -> np.ndarray:
        """Rows of a column, float32, for frames of one track in any order.

        Raises:
            InputError: NaN or infinite values; names store, track and frame.
        """
        number = int(np.searchsorted(self._first, frames[0], side='right')) - 1
        store, rows = self.stores[number], self._rows[number][frames - self._first[number]]
        low, high = int(rows.min()), int(rows.max()) + 1
        values = np.empty((high - low, *store.frame_columns[column].shape[1:]), np.float32)
        store.read_rows(column, low, values)
        taken = values[rows - low]
        bad = first_nonfinite_row(taken)
        if bad is not None:
            raise store.nonfinite_error(column, int(rows[bad]))
        return taken

    def read_all(self, column: str) -> np.ndarray:
        """A column for all frames, float32; zeros for stores that lack it."""
        shape = next(s.frame_columns[column].shape[1:] for s in self.stores if column in s.frame_columns)
        out = np.zeros((len(self), *shape), np.float32)
        for number, store in enumerate(self.stores):
            if column in store.frame_columns:
                out[self._first[number] : self._first[number + 1]] = store.columns[column][self._rows[number]]
        return out

    def per_track(self, values: list[np.ndarray]) -> np.ndarray:
        """Expand a track column of each store to one value per frame."""
        return np.repeat(np.concatenate(values)[self.tracks], np.diff(self.offsets))
