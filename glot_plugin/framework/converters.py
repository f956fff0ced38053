"""Conversions that need mmhuman3d: our databases among its data converters, and its HumanData as track stores.

`type='glot.DatabaseConverter'` in a config of mmhuman3d's converters turns databases of TCMR and VIBE into HumanData.
It is registered when mmhuman3d's registry is imported, so that mmhuman3d itself is imported only then.
"""

import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import numpy as np

from glot_plugin.body_model.joint_sets import LSP14
from glot_plugin.converters import RECIPES, convert_database, export_human_data, find_recipes
from glot_plugin.converters.convert import is_current, progress_bar, source_stamp
from glot_plugin.datasets import TrackStore, TrackStoreWriter
from glot_plugin.datasets.store_schema import MANDATORY_COLUMNS
from glot_plugin.errors import InputError
from glot_plugin.framework.compat.import_hook import patch_when_imported
from glot_plugin.transforms.normalize import NormalizeKeypoints2d

_COPIED = ('features', 'bbox', 'keypoints2d', 'frame_id', 'valid')


def enable() -> None:
    """Register `DatabaseConverter` with mmhuman3d, now or as its converters are imported."""
    patch_when_imported('mmhuman3d.data.data_converters', _register)


def _register(module: ModuleType) -> None:
    from mmhuman3d.data.data_converters.base_converter import BaseModeConverter

    from glot_plugin.framework.our_parts.registries import child_registry

    class DatabaseConverter(BaseModeConverter):
        """Databases of TCMR and VIBE as HumanData with features.

        Args:
            modes: Names of data sets, as `tools/convert_datasets.py --list` shows them.
            half: Features in half precision.
            feature_dim: Feature width.
        """

        ACCEPTED_MODES = tuple(recipe.name for recipe in RECIPES)

        def __init__(self, modes: Iterable[str] = (), half: bool = False, feature_dim: int = 2048) -> None:
            find_recipes(modes)
            super().__init__(list(modes))
            self.options = {'half': half, 'feature_dim': feature_dim}

        def convert_by_mode(self, dataset_path: str, out_path: str, mode: str) -> Path:
            """Write `out_path/mode.npz` from the database in `dataset_path`; its track store stays beside it."""
            (recipe,) = find_recipes([mode])
            store = convert_database(recipe, dataset_path, out_path, **self.options)
            return export_human_data(store, Path(out_path) / f'{mode}.npz')

    child_registry(module.builder.DATA_CONVERTERS).register_module()(DatabaseConverter)


def convert_human_data_files(
    files: Iterable[Path], out: Path, half: bool = False, feature_dim: int = 2048, progress: bool = True
) -> dict[str, Path | InputError]:
    """Convert HumanData files with features to track stores `out / STEM`; those that are there already are kept.

    Returns:
        The store or the error of each, by file name.
    """
    results: dict[str, Path | InputError] = {}
    for file in files:
        try:
            results[file.name] = convert_human_data_file(file, out / file.stem, half, feature_dim, progress)
        except InputError as error:
            results[file.name] = error
    return results


def convert_human_data_file(
    file: Path, store: Path, half: bool = False, feature_dim: int = 2048, progress: bool = True
) -> Path:
    """Convert one HumanData file, in any of mmhuman3d's joint conventions, to a track store.

    Boxes shrink by 1.2: mmhuman3d's crops are its boxes, ours are 1.2 times as large. Tracks in which one of the 14 LSP
    joints has no 3D confidence in some frame count as without 3D, since a store has no confidence there.

    Args:
        file: The `.npz`; needs `features` and `image_path`.
        store: The store to write.
        half: Features in half precision.
        feature_dim: Feature width expected.
        progress: Show a progress bar.

    Raises:
        InputError: Something is missing or does not fit; names file and key.
    """
    from glot_plugin.framework.our_parts.human_data_store import convert_human_data

    stamp = source_stamp(file, half=half, feature_dim=feature_dim)
    if is_current(store, stamp):
        return store
    try:
        with tempfile.TemporaryDirectory(prefix=f'.{store.name}.', dir=store.parent) as folder:
            convert_human_data(file, Path(folder))
            with TrackStore(Path(folder) / 'store') as read:
                if read.feature_dim != feature_dim:
                    raise InputError(f'{file}: features are {read.feature_dim} wide, expected {feature_dim}')
                _rewrite(read, Path(folder), store, file.name, half, stamp, progress)
    except OSError as error:
        raise InputError(f'{store}: cannot be written ({error.strerror or error})') from error
    return store


def _rewrite(read: TrackStore, folder: Path, store: Path, name: str, half: bool, stamp: dict, progress: bool) -> None:
    """The store as converted for mmhuman3d's own crops, in ours."""
    columns = [column for column in read.frame_columns if column not in MANDATORY_COLUMNS]
    confidence_file = folder / 'keypoints3d_confidence.npy'
    confidence = np.load(confidence_file, mmap_mode='r') if confidence_file.is_file() else None
    writer = TrackStoreWriter(
        store,
        source=f'HumanData {name}',
        columns=columns,
        feature_dim=read.feature_dim,
        feature_dtype='float16' if half else 'float32',
        meta={'converted_from': stamp},
        overwrite=True,
    )
    incomplete = 0
    with writer, progress_bar(progress) as bar:
        task = bar.add_task(name, total=read.num_frames)
        for track in range(read.num_tracks):
            arrays = read.track(track)
            given = {key: np.array(arrays[key]) for key in _COPIED if key in arrays}
            if 'bbox' in given:
                given['bbox'][:, 2:] /= NormalizeKeypoints2d().box_scale
            if read.track_has_smpl[track]:
                given |= {key: arrays[key] for key in ('smpl_pose', 'smpl_betas')}
            if read.track_has_keypoints3d[track]:
                if (confidence[slice(*read.track_rows(track))][:, LSP14] > 0).all():
                    given['keypoints3d'] = arrays['keypoints3d']
                else:
                    incomplete += 1
            gender = str(read.track_gender[track]) or None
            writer.add_track(str(read.track_names[track]), gender=gender, **given)
            bar.advance(task, len(given['features']))
    if incomplete:
        warnings.warn(f'{name}: 3D keypoints lack LSP joints in {incomplete} tracks: left out there', stacklevel=3)
