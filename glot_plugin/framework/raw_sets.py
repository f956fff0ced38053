"""Raw data sets as HumanData, by mmhuman3d's own converters."""

import tempfile
import traceback
from collections.abc import Iterable
from pathlib import Path

from glot_plugin.converters.raw_sets import RawSet
from glot_plugin.errors import InputError
from glot_plugin.framework.converters import convert_human_data_file
from glot_plugin.io.files import replace_durably, write_errors
from glot_plugin.io.npz_file import NpzFile


def convert_raw_sets(
    raw_sets: Iterable[RawSet], root: Path, out: Path, half: bool = False, feature_dim: int = 2048
) -> dict[str, Path | InputError]:
    """Convert raw data sets; an error in one part of one does not stop the others.

    Args:
        raw_sets: The data sets.
        root: Folder that holds theirs.
        out: Folder to write to.
        half: Features in half precision.
        feature_dim: Expected feature width.

    Returns:
        By data set and file or part: the HumanData file (where it has features, its track store), or the error.
    """
    results: dict[str, Path | InputError] = {}
    for raw_set in raw_sets:
        for mode in raw_set.modes or _all_modes(raw_set):
            part = f'{raw_set.name} {mode}' if mode else raw_set.name
            try:
                for file in _convert_part(raw_set, mode, root, out):
                    results[f'{raw_set.name} {file.stem}'] = _store_where_features(file, half, feature_dim)
            except InputError as error:
                results[part] = InputError(f'{part}: {error}')
    return results


def _all_modes(raw_set: RawSet) -> Iterable[str | None]:
    from mmhuman3d.data.data_converters.builder import DATA_CONVERTERS

    return DATA_CONVERTERS.get(raw_set.converter).ACCEPTED_MODES or (None,)


def _convert_part(raw_set: RawSet, mode: str | None, root: Path, out: Path) -> list[Path]:
    """One part of a raw data set as HumanData files, which appear in `out` when they are complete."""
    from mmhuman3d.data.data_converters import build_data_converter

    source = root / raw_set.folder
    if not source.is_dir():
        raise InputError(f'{source}: no such folder, expected the raw data set')
    config = {'type': raw_set.converter, **raw_set.options, **({'modes': [mode]} if mode else {})}
    config |= {key: str(root / folder) for key, folder in raw_set.folder_options.items()}
    with write_errors(out, only_no_room=True), tempfile.TemporaryDirectory(prefix='.raw.', dir=out) as folder:
        try:
            with write_errors(out, Path(folder), only_no_room=True):
                build_data_converter(config).convert(str(source), folder)
        except InputError:
            raise
        except Exception as error:  # missing or wrong files in a folder can raise anything
            problem = f'{type(error).__name__}: {str(error) or traceback.extract_tb(error.__traceback__)[-1].line}'
            raise InputError(f"{source}: mmhuman3d's {raw_set.converter} cannot read it ({problem})") from error
        files = sorted(Path(folder).glob('*.npz'))
        if not files or any(_num_rows(file) < 1 for file in files):
            raise InputError(f"{source}: mmhuman3d's {raw_set.converter} finds no frame in it")
        for file in files:
            replace_durably(file, out / file.name)
    return [out / file.name for file in files]


def _store_where_features(human_data: Path, half: bool, feature_dim: int) -> Path:
    with NpzFile(human_data) as arrays:
        if 'features' not in arrays:
            return human_data
    return convert_human_data_file(human_data, human_data.with_suffix(''), half, feature_dim)


def _num_rows(human_data: Path) -> int:
    with NpzFile(human_data) as arrays:
        return int(arrays.read('__data_len__'))
