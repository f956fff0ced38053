"""Pictures and boxes of HumanData files, and their annotations as a track store."""

import zipfile
from pathlib import Path

import numpy as np

from glot_plugin.datasets import TrackStore
from glot_plugin.errors import InputError
from glot_plugin.features.crops import BOX_SCALE
from glot_plugin.features.frames import PictureFrames
from glot_plugin.features.sources import ImageTrack
from glot_plugin.framework.converters import convert_human_data_file
from glot_plugin.framework.our_parts.human_data_file import HumanDataFile, check_lengths

ANNOTATIONS = 'annotations'


class HumanDataSource:
    """A HumanData file with `image_path` and `bbox_xywh`; features that it may have already are not read.

    Its boxes are taken as crops, as mmhuman3d does (its converters widened them by 1.2); those of the store are 1.2
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
            shape = file.stream('bbox_xywh').shape
            if not shape or not shape[0]:
                raise InputError(f'{path}: has no frames (rows of bbox_xywh), expected at least one')

    def prepare(self, folder: Path) -> None:
        """Convert all but the features: to a store in `folder` with features one zero wide."""
        if (folder / ANNOTATIONS).is_dir():  # by an earlier run, whole
            return
        bare = folder / f'{ANNOTATIONS}.npz'
        try:
            self._write_bare(bare)
            convert_human_data_file(bare, folder / ANNOTATIONS, feature_dim=1, progress=False)
        except OSError as error:
            raise InputError(f'{bare}: cannot be written ({error.strerror or error})') from error
        except InputError as error:  # the user's file is the one to look at
            raise InputError(str(error).replace(str(bare), str(self.path))) from error
        finally:
            bare.unlink(missing_ok=True)

    def _write_bare(self, path: Path) -> None:
        with HumanDataFile(self.path) as file:
            num_frames = file.stream('bbox_xywh').shape[0]
        with zipfile.ZipFile(self.path) as read, zipfile.ZipFile(path, 'w') as written:
            for member in read.namelist():
                if member != 'features.npy':
                    with read.open(member) as source, written.open(member, 'w', force_zip64=True) as target:
                        while piece := source.read(2**20):
                            target.write(piece)
            with written.open('features.npy', 'w') as target:
                np.lib.format.write_array(target, np.zeros((num_frames, 1), np.float32))

    def annotations(self, folder: Path) -> TrackStore:
        return TrackStore(folder / ANNOTATIONS)

    def tracks(self, folder: Path) -> list[ImageTrack]:
        with HumanDataFile(self.path) as file:
            image_paths = np.asarray(file.value('image_path')).astype(str)
            boxes = np.asarray(file.value('bbox_xywh'))
        if boxes.ndim != 2 or boxes.shape[1] not in (4, 5) or boxes.dtype.kind not in 'fiu':
            raise InputError(f'{self.path}: bbox_xywh is {boxes.dtype} {boxes.shape}, expected numbers (N, 4 or 5)')
        boxes = boxes.astype(np.float64)
        check_lengths(self.path, {'image_path': image_paths}, len(boxes))
        centred = np.concatenate([boxes[:, :2] + boxes[:, 2:4] / 2, boxes[:, 2:4] / BOX_SCALE], axis=1)  # (N, 4)
        with self.annotations(folder) as store:
            return [
                self._track(str(name), image_paths[rows], np.array(store.columns['frame_id'][rows]), centred[rows])
                for name, rows in ((name, slice(*store.track_rows(k))) for k, name in enumerate(store.track_names))
            ]

    def _track(self, name: str, image_paths: np.ndarray, frame_id: np.ndarray, bbox: np.ndarray) -> ImageTrack:
        paths = tuple(self.image_root / text for text in image_paths.tolist())
        return ImageTrack(name, PictureFrames(paths), frame_id, bbox)
