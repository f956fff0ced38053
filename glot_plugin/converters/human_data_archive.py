"""Writing HumanData files, entry by entry, without mmhuman3d."""

import contextlib
import pickle
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.io.files import atomic_write
from glot_plugin.transforms.normalize import NormalizeKeypoints2d

# HumanData has its own order of 190 joints and a mask of those that are present. These are the positions of the 49
# joints in it, and the 49 joints in that order.
NUM_HUMAN_DATA_JOINTS = 190
HUMAN_DATA_PLACES = (4, 5, 7, 8, 16, 17, 18, 19, 20, 21, 55, 56, 57, 58, 59, *range(144, 178))
SPIN49_IN_THAT_ORDER = (
    29, 26, 30, 25, 34, 33, 35, 32, 36, 31, 44, 46, 45, 48, 47, 27, 28, 37, 38, 39, 40, 41, 42, 43, *range(25),
)  # fmt: skip


@contextlib.contextmanager
def open_human_data(path: str | Path, num_frames: int, source: str) -> Iterator['HumanDataArchive']:
    """A HumanData `.npz` to write entries to, which appears under its name only when it is complete.

    Args:
        path: The file.
        num_frames: Rows of every column.
        source: Name of the data set, its `config`.

    Raises:
        InputError: The path ends in something else, or cannot be written.
    """
    if Path(path).suffix != '.npz':
        raise InputError(f'{path}: a HumanData file ends in .npz')
    with atomic_write(path, 'wb') as file, zipfile.ZipFile(file, 'w') as zip_file:
        archive = HumanDataArchive(zip_file, num_frames)
        archive.value('__key_strict__', np.bool_(False))
        archive.value('__data_len__', np.int64(num_frames))
        archive.value('__keypoints_compressed__', np.bool_(True))
        archive.value('config', np.str_(source))
        yield archive


class HumanDataArchive:
    """The entries of a HumanData file that is being written."""

    def __init__(self, archive: zipfile.ZipFile, num_frames: int) -> None:
        self._archive, self._num_frames = archive, num_frames

    def value(self, key: str, value: Any) -> None:
        """Write one entry; a dict, which HumanData stores as such, is pickled as numpy does."""
        array = np.asarray(value)
        with self._archive.open(f'{key}.npy', 'w', force_zip64=True) as file:
            header = {'descr': np.lib.format.dtype_to_descr(array.dtype), 'fortran_order': False, 'shape': array.shape}
            np.lib.format.write_array_header_1_0(file, header)
            file.write(pickle.dumps(array, protocol=3) if array.dtype.hasobject else array.tobytes())

    def column(self, key: str, dtype: np.dtype, row_shape: tuple[int, ...], pieces: Iterable[np.ndarray]) -> None:
        """Write an array with one row per frame from consecutive pieces."""
        header = {'descr': dtype.str, 'fortran_order': False, 'shape': (self._num_frames, *row_shape)}
        with self._archive.open(f'{key}.npy', 'w', force_zip64=True) as file:
            np.lib.format.write_array_header_1_0(file, header)
            for piece in pieces:
                file.write(np.ascontiguousarray(piece, dtype))

    def keypoints(self, key: str, order: Sequence[int], width: int, pieces: Iterable[np.ndarray]) -> None:
        """Write joints, compressed as HumanData does.

        Args:
            key: `keypoints2d` or `keypoints3d`.
            order: Which of the 49 joints are present, in the order of `SPIN49_IN_THAT_ORDER`.
            width: Coordinates and confidence of a joint: 3 or 4.
            pieces: (n, 49, width) each.
        """
        mask = np.zeros(NUM_HUMAN_DATA_JOINTS, np.uint8)
        places = dict(zip(SPIN49_IN_THAT_ORDER, HUMAN_DATA_PLACES, strict=True))
        mask[[places[joint] for joint in order]] = 1
        self.value(f'{key}_mask', mask)
        self.value(f'{key}_convention', np.str_('human_data'))
        shape = (len(order), width)
        self.column(key, np.dtype(np.float32), shape, (piece[:, list(order)] for piece in pieces))

    def smpl(self, pose: np.ndarray, betas: np.ndarray, **others: np.ndarray) -> None:
        """Write SMPL parameters from axis-angle poses (N, 72) and betas (N, 10); `others` also have a row per frame."""
        smpl = {'global_orient': pose[:, :3], 'body_pose': pose[:, 3:].reshape(-1, 23, 3), 'betas': betas, **others}
        self.value('smpl', np.array(smpl, dtype=object))

    def genders(self, genders: Sequence[str]) -> None:
        """Write the gender of each row."""
        self.value('meta', np.array({'gender': list(genders)}, dtype=object))


def crop_boxes(boxes: np.ndarray) -> np.ndarray:
    """Convert boxes (N, 4), centre and size, to HumanData's (N, 5): corner, size and confidence.

    mmhuman3d uses boxes as crops, so HumanData's boxes are 1.2 times ours.
    """
    size = boxes[:, 2:] * NormalizeKeypoints2d().box_scale
    return np.concatenate([boxes[:, :2] - size / 2, size, np.ones((len(boxes), 1), np.float32)], axis=1)
