"""The tracks that a store's writer has written, kept on disk so that another process can go on after them."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.io.files import atomic_write
from glot_plugin.io.json_file import read_json

PROGRESS_FILE = 'progress.json'


@dataclass
class StoreProgress:
    """What is known about each track; its frames are rows `offsets[i]` to `offsets[i + 1]` of the columns."""

    names: list[str] = field(default_factory=list)
    offsets: list[int] = field(default_factory=lambda: [0])
    has_keypoints3d: list[bool] = field(default_factory=list)
    has_smpl: list[bool] = field(default_factory=list)
    genders: list[str] = field(default_factory=list)  # '' where it is not known

    def __post_init__(self) -> None:
        self._known = set(self.names)

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def __len__(self) -> int:
        return len(self.names)

    @property
    def num_frames(self) -> int:
        return self.offsets[-1]

    def add(self, name: str, num_frames: int, has_keypoints3d: bool, has_smpl: bool, gender: str | None) -> None:
        """Add a track whose rows are all written."""
        self.names.append(name)
        self._known.add(name)
        self.offsets.append(self.num_frames + num_frames)
        self.has_keypoints3d.append(has_keypoints3d)
        self.has_smpl.append(has_smpl)
        self.genders.append(gender or '')

    def columns(self) -> dict[str, np.ndarray]:
        """The store's columns with one row per track; `track_gender` only if any gender is known."""
        columns = {
            'track_offsets': np.array(self.offsets, np.int64),
            'track_names': np.array(self.names, np.str_),
            'track_has_keypoints3d': np.array(self.has_keypoints3d, np.bool_),
            'track_has_smpl': np.array(self.has_smpl, np.bool_),
        }
        if any(self.genders):
            columns['track_gender'] = np.array(self.genders, '<U1')
        return columns

    def save(self, folder: Path, settings: dict) -> None:
        """Write `progress.json`; the rows that it counts are already on disk."""
        with atomic_write(folder / PROGRESS_FILE) as file:
            json.dump({'settings': settings, 'tracks': asdict(self)}, file)

    @classmethod
    def load(cls, folder: Path, settings: dict) -> 'StoreProgress | None':
        """What a writer with the same settings saved; None if there is nothing, or if the settings differ."""
        try:
            found = read_json(folder / PROGRESS_FILE)
            same = found['settings'] == json.loads(json.dumps(settings))  # tuples become lists
            return cls(**found['tracks']) if same else None
        except (InputError, TypeError, KeyError):
            return None
