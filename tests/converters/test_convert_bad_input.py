"""Bad databases: one message that names file and key, and nothing left."""

import errno
import os
import pickle

import joblib
import numpy as np
import pytest

from glot_plugin.converters import convert_database
from glot_plugin.datasets.store_writer import TrackStoreWriter
from glot_plugin.errors import InputError


def drop(key):
    return lambda database: database.pop(key)


def put(key, function):
    return lambda database: database.update({key: function(database[key].copy())})


def with_nan(values):
    values[7] = np.nan
    return values


def one_row_of_another_shape(values):
    rows = np.empty(len(values), dtype=object)
    rows[:] = list(values)
    rows[5] = rows[5][:3]
    return rows


BAD = [
    ('posetrack', drop('features'), 'no key features, which posetrack needs; found bbox'),
    ('3dpw-train', drop('pose'), 'no key pose, which 3dpw-train needs'),
    ('3dpw-test', drop('valid'), 'no key valid'),
    ('mpii3d-val', drop('valid_i'), 'no key valid_i'),
    ('h36m-test', put('joints3D', lambda v: v[:-1]), r'joints3D has 149 rows, expected 150 as vid_name'),
    ('posetrack', put('joints2D', lambda v: v[:, :21]), 'joints2D: found 21 joints, expected one of'),
    ('h36m-test', put('joints3D', lambda v: v[:, :24]), 'joints3D: found 24 joints'),
    (
        'posetrack',
        put('joints2D', lambda v: v[..., :2]),
        r'joints2D: a row has shape \(49, 2\), expected \(joints, 3\)',
    ),
    ('posetrack', put('features', with_nan), 'features, row 7: found NaN'),
    ('posetrack', put('joints2D', with_nan), 'joints2D, row 7: found NaN'),
    ('posetrack', put('bbox', with_nan), 'bbox, row 7: found NaN'),
    ('3dpw-test', put('valid', with_nan), 'valid, row 7: found NaN'),
    ('h36m-train', put('pose', with_nan), 'pose, row 7: found NaN'),
    (
        'posetrack',
        put('features', lambda v: v[:, :1024]),
        r'features: a row has shape \(1024,\), expected \(2048,\); --feat',
    ),
    ('posetrack', put('features', lambda v: v.astype(str)[:, :1]), 'features: found type <U.*, expected numbers'),
    ('h36m-train', put('pose', lambda v: v[:, :69]), r'pose: a row has shape \(69,\), expected \(72,\)'),
    (
        'posetrack',
        put('bbox', lambda v: v * 0),
        r"track 'downtown_video_00_0', column bbox, row \d+: found width and height",
    ),
    (
        'posetrack',
        lambda d: d.update({key: v[:0] for key, v in d.items()}),
        'vid_name has no rows: the database is empty',
    ),
    ('posetrack', put('vid_name', lambda v: np.where(np.arange(len(v)) == 3, '', v)), 'vid_name, row 3: an empty name'),
    ('posetrack', put('joints2D', one_row_of_another_shape), 'joints2D: an object array whose rows are not alike'),
    ('posetrack', lambda d: d.update(bbox='text'), 'bbox: found a str, expected an array'),
    (
        'posetrack',
        put('joints2D', lambda v: [v[0].tolist(), [1.0], *v[2:].tolist()]),
        'joints2D: a list whose rows are not alike',
    ),
    ('3dpw-train', put('vid_name', lambda v: np.full_like(v, 'video')), "vid_name 'video' has frame_id 0 twice"),
    ('mpii3d-val', put('valid_i', lambda v: np.tile(v, 2)), r'valid_i: a row has shape \(2,\), expected one value'),
    ('insta-variety', drop('joints2D'), 'no key joints2D, which insta-variety needs'),
    ('insta-variety', put('features', with_nan), 'features, row 7: found NaN'),
    ('insta-variety', put('features', lambda v: v[:100]), 'features has 100 rows, expected 150'),
    ('insta-variety', put('joints2D', lambda v: v[:, :20]), 'joints2D: found 20 joints'),
]


@pytest.mark.parametrize(('name', 'change', 'message'), BAD, ids=[f'{name}-{n}' for n, (name, *_) in enumerate(BAD)])
def test_message_names_file_and_key_and_nothing_is_left(tmp_path, make_database, name, change, message):
    spec, _ = make_database(name, change)
    with pytest.raises(InputError, match=f'{spec.file}: {message}'):
        convert_database(spec, tmp_path / 'root', tmp_path / 'out', progress=False)
    assert not (tmp_path / 'out').exists() or not any((tmp_path / 'out').iterdir())


def test_a_database_that_is_no_dict(tmp_path, make_database):
    spec, _ = make_database('posetrack')
    joblib.dump([np.zeros(3)], tmp_path / 'root' / spec.file)
    with pytest.raises(InputError, match='posetrack_train_db.pt: found a list, expected a dict'):
        convert_database(spec, tmp_path / 'root', tmp_path / 'out', progress=False)


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.remove, (str(self.path),)


def test_a_hostile_database_is_refused_and_not_run(tmp_path, make_database):
    victim = tmp_path / 'victim'
    victim.touch()
    spec, database = make_database('posetrack')
    names = database['vid_name'].astype(object)
    names[3] = Hostile(victim)
    for values in ({**database, 'vid_name': names}, {**database, 'extra': Hostile(victim)}):
        joblib.dump(values, tmp_path / 'root' / spec.file)
        with pytest.raises(InputError, match=rf'{spec.file}: refused to load \w+\.remove'):
            convert_database(spec, tmp_path / 'root', tmp_path / 'out', progress=False)
    (tmp_path / 'root' / spec.file).write_bytes(pickle.dumps({**database, 'extra': Hostile(victim)}))
    with pytest.raises(InputError, match='refused to load'):
        convert_database(spec, tmp_path / 'root', tmp_path / 'out', progress=False)
    assert victim.exists()


@pytest.mark.parametrize('name', ['posetrack', 'insta-variety'])
def test_truncated(tmp_path, make_database, name):
    spec, _ = make_database(name)
    path = tmp_path / 'root' / spec.file
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=f'{spec.file}: (truncated|not a valid HDF5 file)'):
        convert_database(spec, tmp_path / 'root', tmp_path / 'out', progress=False)


def test_features_too_large_for_half_precision(tmp_path, make_database):
    spec, _ = make_database('posetrack', put('features', lambda v: v * 1e6))
    message = r'column features, row 0: found -?\d+\.\d+, expected values that are finite as float16'
    with pytest.raises(InputError, match=message):
        convert_database(spec, tmp_path / 'root', tmp_path / 'out', half=True, progress=False)


class FullDisk:
    """A file on a disk that is full: the first bytes go in, then no more."""

    def __init__(self, file):
        self.file = file

    def write(self, data):
        if self.file.tell() + len(data) > 50_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.file.write(data)

    def __getattr__(self, name):
        return getattr(self.file, name)


def test_full_disk(tmp_path, make_database, monkeypatch):
    spec, _ = make_database('posetrack')
    original = TrackStoreWriter._open_files

    def open_on_a_full_disk(self):
        original(self)
        self._files = {name: FullDisk(file) for name, file in self._files.items()}

    monkeypatch.setattr(TrackStoreWriter, '_open_files', open_on_a_full_disk)
    message = r'out/posetrack: cannot be written \(No space left on device; more than .* needed, .* free in .*/out\)'
    with pytest.raises(InputError, match=message):
        convert_database(spec, tmp_path / 'root', tmp_path / 'out', progress=False)
    assert not any((tmp_path / 'out').iterdir())
