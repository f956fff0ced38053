"""The people of a clip on disk: `people.npz` says who is where, a track store beside it has the features.

`people.npz` holds, nothing pickled: `format`, `made_from` (a digest of clip and options), `source`, `size` (width,
height), `fps`, `times` (F,), and, as in `tracks.npz`, `person` (P,), `offsets` (P + 1,), `frame` (R,), `box` (R, 4) and
`seen` (R,). The store has a track a person, named by the identity, with the columns `features`, `bbox`, `frame_id` and
`valid` (False where a frame was filled in).
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from glot_plugin.datasets import TrackStore, TrackStoreWriter
from glot_plugin.errors import InputError
from glot_plugin.io.files import atomic_write
from glot_plugin.io.messages import reason
from glot_plugin.io.npz_file import NpzFile
from glot_plugin.video.people import People, PersonInClip

FORMAT = 'glot_plugin.people/1'
PEOPLE_FILE, FEATURES_FOLDER = 'people.npz', 'features'
_ROWS = {'frame': np.int64, 'box': np.float32, 'seen': np.bool_}


def write_people(people: People, folder: Path, made_from: str = '') -> None:
    """Write `people.npz`, after the store where there are features; each appears whole or not at all.

    Raises:
        InputError: the folder cannot be written.
    """
    if all(one.features is not None for one in people.people):
        _write_features(people, folder / FEATURES_FOLDER)
    arrays = {
        'format': np.array(FORMAT),
        'made_from': np.array(made_from),
        'source': np.array(people.source),
        'size': np.array(people.size, np.int64),
        'fps': np.array(people.fps, np.float64),
        'times': np.asarray(people.times, np.float64),
        'person': np.array([one.person for one in people.people], np.int64),
        'offsets': np.cumsum([0, *map(len, people.people)], dtype=np.int64),
    }
    for name, dtype in _ROWS.items():
        arrays[name] = np.concatenate([getattr(one, name) for one in people.people]).astype(dtype)
    with atomic_write(folder / PEOPLE_FILE, 'wb') as file:
        np.savez_compressed(file, **arrays)


def _write_features(people: People, path: Path) -> None:
    writer = TrackStoreWriter(
        path,
        source=f'people of {people.source}, landmarks',
        columns=('bbox',),
        feature_dim=people.people[0].features.shape[1],
        overwrite=True,
    )
    with writer:
        for one in people.people:
            writer.add_track(str(one.person), features=one.features, bbox=one.box, frame_id=one.frame, valid=one.seen)


def made_from(folder: Path) -> str | None:
    """The digest with which the people in a folder were written; None: there are none, or they are damaged."""
    try:
        with NpzFile(folder / PEOPLE_FILE) as file:
            return str(file.read('made_from'))
    except InputError:  # absent or damaged
        return None


def read_people(folder: str | Path) -> People:
    """The people in a folder, with features where there is a store of them.

    Raises:
        InputError: a file is absent or damaged, or the store has other tracks.
    """
    path = Path(folder) / PEOPLE_FILE
    if not path.is_file():
        raise InputError(f'{path}: no such file; expected what tools/video.py writes')
    try:
        with NpzFile(path) as file:
            arrays = {name: file.read(name) for name in file.keys}
        found = str(arrays['format'])
        bounds = arrays['offsets'].tolist()
        people = tuple(
            PersonInClip(int(person), **{name: arrays[name][start:stop] for name in _ROWS})
            for person, start, stop in zip(arrays['person'], bounds[:-1], bounds[1:], strict=True)
        )
        source, size, fps = str(arrays['source']), tuple(arrays['size'].tolist()), float(arrays['fps'])
        times = arrays['times']
    except InputError:
        raise
    except Exception as error:
        raise InputError(f'{path}: not a valid {PEOPLE_FILE} ({reason(error)})') from error
    if found != FORMAT:
        raise InputError(f'{path}: format is {found}, expected {FORMAT}')
    store = Path(folder) / FEATURES_FOLDER
    if store.is_dir():
        people = _with_features(people, store)
    return People(source, size, fps, times, people)


def _with_features(people: tuple[PersonInClip, ...], path: Path) -> tuple[PersonInClip, ...]:
    with TrackStore(path) as store:
        tracks = {str(name): store.track(index) for index, name in enumerate(store.track_names)}
        features = {name: np.array(track['features'], np.float32) for name, track in tracks.items()}
        frames = {name: np.array(track['frame_id']) for name, track in tracks.items()}
    for one in people:
        if not np.array_equal(frames.get(str(one.person)), one.frame):
            raise InputError(f'{path}: has other frames of person {one.person} than {PEOPLE_FILE}; remove the folder')
    return tuple(replace(one, features=features[str(one.person)]) for one in people)
