"""Decoding and cropping in worker processes."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from glot_plugin.errors import InputError
from glot_plugin.features.crops import check_box_inside, crop_square
from glot_plugin.features.image_tracks import ImageTrack

Piece = tuple[int, int, int]  # track, first frame, frame after the last


class CropDataset(Dataset):
    """Pieces of tracks as crops; the frames of a piece are from one track, so that it does not depend on the others.

    An item is the piece and its crops (B, S, S, 3) uint8, or instead of these the `InputError` that reading them
    raised: an error raised from a worker would have the worker's traceback in its message.
    """

    def __init__(self, tracks: Sequence[ImageTrack], chosen: Sequence[int], piece_frames: int, crop_size: int) -> None:
        self.tracks, self.crop_size = tracks, crop_size
        self.pieces: list[Piece] = [
            (track, start, min(start + piece_frames, len(tracks[track].frames)))
            for track in chosen
            for start in range(0, len(tracks[track].frames), piece_frames)
        ]

    def __len__(self) -> int:
        return len(self.pieces)

    def __getitem__(self, index: int) -> tuple[Piece, Tensor | InputError]:
        piece = self.pieces[index]
        try:
            return piece, torch.from_numpy(self._crops(*piece))
        except InputError as error:
            return piece, InputError(f'track {self.tracks[piece[0]].name!r}: {error}')

    def _crops(self, track_index: int, start: int, stop: int) -> np.ndarray:
        track = self.tracks[track_index]
        crops = np.empty((stop - start, self.crop_size, self.crop_size, 3), np.uint8)
        for row, image in enumerate(track.frames.read(start, stop)):
            bbox = track.bbox[start + row]
            check_box_inside(bbox, image, track.frames.name(start + row))
            crops[row] = crop_square(image, bbox, self.crop_size)
        return crops


def crop_loader(dataset: CropDataset, workers: int) -> DataLoader:
    """Items of the dataset in order, prefetched by worker processes (0: loaded in this process)."""
    return DataLoader(
        dataset,
        batch_size=None,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=lambda _: cv2.setNumThreads(0),  # one thread per worker
    )
