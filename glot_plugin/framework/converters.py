"""Conversions with mmhuman3d: TCMR's databases with its data converters, and its HumanData to track stores.

`type='glot.DatabaseConverter'` in a config of mmhuman3d's converters turns databases of TCMR and VIBE into HumanData.
It is registered when mmhuman3d's registry is imported, so that mmhuman3d itself is imported only then.
"""

import warnings
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import numpy as np

from glot_plugin.body_model.joint_sets import LSP14
from glot_plugin.converters import DATABASES, convert_database, export_human_data, find_databases
from glot_plugin.converters.convert import is_current, source_stamp
from glot_plugin.datasets import TrackStoreWriter
from glot_plugin.errors import InputError
from glot_plugin.framework.compat.import_hook import patch_when_imported
from glot_plugin.io.progress import progress_bar
from glot_plugin.transforms.normalize import NormalizeKeypoints2d


def enable() -> None:
    """Register `DatabaseConverter` with mmhuman3d, now or as its converters are imported."""
    patch_when_imported('mmhuman3d.data.data_converters', _register)


def _register(module: ModuleType) -> None:
    from mmhuman3d.data.data_converters.base_converter import BaseModeConverter

    from glot_plugin.framework.for_mmhuman3d.registries import child_registry

    class DatabaseConverter(BaseModeConverter):
        """Databases of TCMR and VIBE as HumanData with features.

        Args:
            modes: Names of data sets, as `tools/convert_datasets.py --list` shows them.
            half: Features in half precision.
            feature_dim: Feature width.
        """

        ACCEPTED_MODES = tuple(spec.name for spec in DATABASES)

        def __init__(self, modes: Iterable[str] = (), half: bool = False, feature_dim: int = 2048) -> None:
            find_databases(modes)
            super().__init__(list(modes))
            self.options = {'half': half, 'feature_dim': feature_dim}

        def convert_by_mode(self, dataset_path: str, out_path: str, mode: str) -> Path:
            """Write `out_path/mode.npz` from the database in `dataset_path`; its track store stays beside it."""
            (spec,) = find_databases([mode])
            store = convert_database(spec, dataset_path, out_path, **self.options)
            return export_human_data(store, Path(out_path) / f'{mode}.npz')

    child_registry(module.builder.DATA_CONVERTERS).register_module()(DatabaseConverter)


def convert_human_data_files(
    files: Iterable[Path], out: Path, half: bool = False, feature_dim: int = 2048, progress: bool = True
) -> dict[str, Path | InputError]:
    """Convert HumanData files with features to track stores `out / STEM`; existing ones are kept.

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

    Boxes are divided by 1.2: mmhuman3d uses boxes as crops, our crops are 1.2 times as large as the boxes. Tracks in
    which one of the 14 LSP joints has no 3D confidence in some frame count as having no 3D keypoints, since a store has
    no confidence there. A killed or interrupted conversion resumes where it stopped.

    Args:
        file: The `.npz`; must have `features` and `image_path`.
        store: The store to write.
        half: Features in half precision.
        feature_dim: Expected feature width.
        progress: Show a progress bar.

    Raises:
        InputError: Something is missing or does not fit (the message names file and key), or the existing store was
            made from another file.
    """
    from glot_plugin.framework.for_mmhuman3d.human_data_tracks import VERSION

    stamp = source_stamp(file, half=half, feature_dim=feature_dim, human_data_version=VERSION)
    if not is_current(store, stamp):
        _write_store(file, store, feature_dim, half, {'converted_from': stamp}, progress)
    return store


def convert_annotations(file: Path, store: Path) -> None:
    """Like `convert_human_data_file`, but without features: the store has one zero per frame instead."""
    _write_store(file, store, None, False, {}, progress=False)


def _write_store(file: Path, store: Path, feature_dim: int | None, half: bool, meta: dict, progress: bool) -> None:
    """Write a store, without features where `feature_dim` is None."""
    from glot_plugin.framework.for_mmhuman3d.human_data_file import HumanDataFile
    from glot_plugin.framework.for_mmhuman3d.human_data_tracks import HumanDataTracks

    incomplete = 0
    with HumanDataFile(file) as opened, progress_bar(progress) as bar:
        tracks = HumanDataTracks(opened, with_features=feature_dim is not None)
        if feature_dim not in (None, tracks.feature_dim):
            raise InputError(f'{file}: features are {tracks.feature_dim} wide, expected {feature_dim}')
        task = bar.add_task(file.name, total=tracks.num_frames)
        with TrackStoreWriter(
            store,
            source=f'HumanData {file.name}',
            columns=tracks.columns,
            feature_dim=tracks.feature_dim,
            feature_dtype='float16' if half else 'float32',
            meta=meta,
            overwrite=True,
            resume=bool(meta),
        ) as writer:
            for track in tracks:
                columns = _in_our_crops(track.columns)
                if 'keypoints3d' in columns and not (track.keypoints3d_confidence[:, LSP14] > 0).all():
                    del columns['keypoints3d']
                    incomplete += 1
                if track.name not in writer:
                    writer.add_track(track.name, gender=track.gender, **columns)
                bar.advance(task, len(columns['features']))
    if incomplete:
        warnings.warn(f'{file.name}: 3D keypoints lack LSP joints in {incomplete} tracks: left out there', stacklevel=3)


def _in_our_crops(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Convert columns whose boxes are mmhuman3d's crops to those of our stores."""
    columns = dict(columns)
    if 'bbox' in columns:
        columns['bbox'] = columns['bbox'].copy()
        columns['bbox'][:, 2:] /= NormalizeKeypoints2d().box_scale
    return columns
