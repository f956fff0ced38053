"""The databases that can be converted: their names, their files, and what is read from each."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from glot_plugin.errors import InputError

Named = TypeVar('Named')  # anything that has a `name`


@dataclass(frozen=True)
class DatabaseSpec:
    """How one database becomes a track store.

    Attributes:
        name: The store's name.
        file: The database's file name, as TCMR's and VIBE's scripts write it.
        has_3d: Read `joints3D`.
        has_smpl: Read `pose` and `shape`.
        valid_key: Key that marks the frames to be scored; None: all frames. With `optional_valid` it may be missing.
        optional_valid: See `valid_key`.
        crop_size: Size of the square crop in whose pixels `joints2D` are given; None: pixels of the full image.
    """

    name: str
    file: str
    has_3d: bool = False
    has_smpl: bool = False
    valid_key: str | None = None
    optional_valid: bool = False
    crop_size: int | None = None

    @property
    def is_hdf5(self) -> bool:
        return self.file.endswith(('.h5', '.hdf5'))


def _with_smpl(name: str, file: str, **options: object) -> DatabaseSpec:
    return DatabaseSpec(name, file, has_3d=True, has_smpl=True, **options)


DATABASES = (
    _with_smpl('3dpw-train', '3dpw_train_db.pt', valid_key='valid', optional_valid=True),
    _with_smpl('3dpw-train-occluded', '3dpw_train_occ_db.pt', valid_key='valid', optional_valid=True),
    _with_smpl('3dpw-val', '3dpw_val_db.pt', valid_key='valid'),
    _with_smpl('3dpw-test', '3dpw_test_db.pt', valid_key='valid'),
    _with_smpl('h36m-train', 'h36m_train_25fps_db.pt'),
    _with_smpl('h36m-train-occluded', 'h36m_train_25fps_occ_db.pt'),
    DatabaseSpec('h36m-test', 'h36m_test_25fps_db.pt', has_3d=True),
    DatabaseSpec('h36m-test-front', 'h36m_test_front_25fps_tight_db.pt', has_3d=True),
    DatabaseSpec('mpii3d-train', 'mpii3d_train_scale12_db.pt', has_3d=True),
    DatabaseSpec('mpii3d-train-occluded', 'mpii3d_train_scale12_occ_db.pt', has_3d=True),
    DatabaseSpec('mpii3d-val', 'mpii3d_val_scale12_db.pt', has_3d=True, valid_key='valid_i'),
    DatabaseSpec('penn-action', 'pennaction_train_db.pt'),
    DatabaseSpec('posetrack', 'posetrack_train_db.pt'),
    DatabaseSpec('insta-variety', 'insta_train_db.h5', crop_size=224),
)


def find_databases(names: Iterable[str]) -> list[DatabaseSpec]:
    """The specs of these names, in their order.

    Raises:
        InputError: An unknown name.
    """
    return named(DATABASES, names, 'data set', ', or raw:NAME (--list)')


def named(known: Iterable[Named], names: Iterable[str], kind: str, hint: str = '') -> list[Named]:
    """The entries of `known` with these names, each once, in the order of the names.

    Raises:
        InputError: An unknown name.
    """
    by_name = {each.name: each for each in known}
    wanted = list(dict.fromkeys(names))
    unknown = [name for name in wanted if name not in by_name]
    if unknown:
        raise InputError(f'unknown {kind} {", ".join(unknown)}: expected some of {", ".join(by_name)}{hint}')
    return [by_name[name] for name in wanted]
