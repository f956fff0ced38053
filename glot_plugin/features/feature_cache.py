"""Cache of the finished tracks of an unfinished extraction."""

import json
import shutil
from pathlib import Path

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.io.files import atomic_write, write_errors, write_npy
from glot_plugin.io.json_file import read_json
from glot_plugin.io.npy_file import NpyFile

SETTINGS_FILE = 'settings.json'


class FeatureCache:
    """The folder `.NAME.features` beside a store, with one file per finished track, each complete or absent."""

    def __init__(self, store: Path) -> None:
        self.path = store.parent / f'.{store.name}.features'

    def prepare(self, settings: dict) -> None:
        """Create the folder; existing tracks are kept if they have the same settings, and removed if not."""
        with write_errors(self.path):
            if self.path.is_dir() and self._settings() != settings:
                shutil.rmtree(self.path)
            self.path.mkdir(parents=True, exist_ok=True)
        with atomic_write(self.path / SETTINGS_FILE) as file:
            json.dump(settings, file)

    def _settings(self) -> dict | None:
        try:
            return read_json(self.path / SETTINGS_FILE)
        except InputError:
            return None

    def has(self, track: int) -> bool:
        return self._file(track).is_file()

    def save(self, track: int, features: np.ndarray) -> None:
        """Save the features (n, C) of a track, row-major."""
        with atomic_write(self._file(track), 'wb', size=features.nbytes) as file:
            write_npy(file, features)

    def load(self, track: int, shape: tuple[int, int]) -> np.ndarray:
        """The features (n, C) of a finished track.

        Raises:
            InputError: The file is damaged, or has a different shape.
        """
        path = self._file(track)
        try:
            features = NpyFile.open(path).load()
        except InputError as error:
            raise InputError(f'{error}; remove it, and run again') from error
        if features.shape != shape:
            raise InputError(f'{path}: found shape {features.shape}, expected {shape}; remove it, and run again')
        return features

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def _file(self, track: int) -> Path:
        return self.path / f'{track:07d}.npy'
