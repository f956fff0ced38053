"""Images and boxes of HumanData files, and their annotations as a track store."""

from pathlib import Path

import numpy as np

from glot_plugin.datasets import TrackStore
from glot_plugin.errors import InputError
from glot_plugin.features.crops import BOX_SCALE
from glot_plugin.features.frames import PictureFrames
from glot_plugin.features.image_tracks import ImageTrack
from glot_plugin.framework.converters import convert_annotations
from glot_plugin.framework.for_mmhuman3d.human_data_file import HumanDataFile
from glot_plugin.framework.for_mmhuman3d.human_data_tracks import (
    read_boxes,
    read_genders,
    read_image_paths,
    read_tracks,
)

ANNOTATIONS = 'annotations'


class HumanDataSource:
    """A HumanData file with `image_path` and `bbox_xywh`; any features in it are not read.

    Its boxes are used as crops, as mmhuman3d does (its converters widened them by 1.2); those of the store are 1.2
    times smaller. Keypoints, SMPL parameters and genders are converted as for files with features.

    Args:
        path: The `.npz`.
        image_root: Folder that `image_path` is relative to.
    """

    def __init__(self, path: Path, image_root: Path) -> None:
        self.path, self.image_root = path, image_root
        self.name = f'HumanData {path.name}'
        self.files = (path,)
        with HumanDataFile(path) as file:
            missing = [key for key in ('image_path', 'bbox_xywh') if key not in file]
            if missing:
                raise InputError(
                    f'{path}: no {", ".join(missing)}, found {", ".join(file.keys)}; features are extracted from a '
                    'HumanData file with image_path (N) and bbox_xywh (N, 4 or 5)'
                )

    def prepare(self, folder: Path) -> None:
        """Convert everything but the features to a store in `folder`."""
        if not (folder / ANNOTATIONS).is_dir():  # complete, from an earlier run
            convert_annotations(self.path, folder / ANNOTATIONS)

    def annotations(self, folder: Path) -> TrackStore:
        return TrackStore(folder / ANNOTATIONS)

    def tracks(self, folder: Path) -> list[ImageTrack]:
        with HumanDataFile(self.path) as file:
            image_paths = read_image_paths(file)
            boxes = read_boxes(file, len(image_paths))
            tracks = read_tracks(file, read_genders(file))
        boxes[:, 2:] /= BOX_SCALE
        return [
            ImageTrack(track.name, self._pictures(image_paths[track.rows]), track.frame_id, boxes[track.rows])
            for track in tracks
        ]

    def _pictures(self, image_paths: np.ndarray) -> PictureFrames:
        return PictureFrames(tuple(self.image_root / text for text in image_paths.tolist()))
