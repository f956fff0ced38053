"""The bodies of the people in a clip, in memory and as `tracks.npz`, which numpy alone reads.

The file holds one array a name and nothing pickled:

| name | shape, type | what it is |
|---|---|---|
| `format` | () text | `glot_plugin.tracks/1` |
| `source` | () text | the name of the video or folder |
| `model` | () text | where the weights come from, in words |
| `gender` | () text | of the SMPL body: neutral, male or female |
| `size` | (2,) int64 | width and height of the picture in pixels |
| `fps` | () float64 | frames per second (the mean where they vary) |
| `times` | (F,) float64 | time of each frame of the clip in seconds |
| `focal_length` | () float64 | of the full picture, in pixels; its principal point is the middle of the picture |
| `person` | (P,) int64 | identities, rising |
| `offsets` | (P + 1,) int64 | person p has rows `offsets[p]` to `offsets[p + 1]` of the arrays below |
| `frame` | (R,) int64 | frame numbers from 0, rising for each person |
| `box` | (R, 4) float32 | centre x, centre y, width, height in pixels; the crop is a square of side 1.2 max(w, h) |
| `pose` | (R, 72) float32 | axis-angle of the 24 joints, radians; the first three are the global orientation |
| `rotmat` | (R, 24, 3, 3) float32 | the same as matrices, relative to the parent joint |
| `betas` | (R, 10) float32 | shape |
| `camera` | (R, 3) float32 | weak perspective (s, tx, ty) in the crop, before the body is turned to the picture |
| `translation` | (R, 3) float32 | metres: model points plus it are camera coordinates (x right, y down, z away) |
| `joints3d` | (R, 49, 3) float32 | the 49 joints in metres at the model's origin, axes as the camera's |
| `joints2d` | (R, 49, 2) float32 | the same in the full picture, in pixels |

    with np.load('tracks.npz') as file:
        first = slice(*file['offsets'][:2])
        file['frame'][first], file['joints3d'][first] + file['translation'][first][:, None]
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import roma
import torch

from glot_plugin.errors import InputError
from glot_plugin.io.files import atomic_write
from glot_plugin.io.npz_file import NpzFile

FORMAT = 'glot_plugin.tracks/1'
TRACKS_FILE = 'tracks.npz'
# Of each row: its shape, and for which names the type is not float32.
ROW_SHAPES = {
    'frame': (),
    'box': (4,),
    'rotmat': (24, 3, 3),
    'betas': (10,),
    'camera': (3,),
    'translation': (3,),
    'joints3d': (49, 3),
    'joints2d': (49, 2),
}

_KINDS = {'U': 'text', 'i': 'whole numbers', 'f': 'floating point'}
# Shape (None: any length) and kind of type of the arrays that are read.
_FILE_ARRAYS = {
    **dict.fromkeys(('source', 'model', 'gender'), ((), 'U')),
    **dict.fromkeys(('fps', 'focal_length'), ((), 'f')),
    'size': ((2,), 'i'),
    'times': ((None,), 'f'),
    **dict.fromkeys(('person', 'offsets'), ((None,), 'i')),
    **{name: ((None, *shape), 'i' if name == 'frame' else 'f') for name, shape in ROW_SHAPES.items()},
}


@dataclass(frozen=True)
class PersonTrack:
    """One person's bodies in N frames of a clip; the arrays are those of the module's table.

    Attributes:
        person: Identity.
        frame: (N,) frame numbers, rising; frames in which the person was not seen are left out.
        box: (N, 4).
        rotmat: (N, 24, 3, 3).
        betas: (N, 10).
        camera: (N, 3).
        translation: (N, 3).
        joints3d: (N, 49, 3).
        joints2d: (N, 49, 2).
    """

    person: int
    frame: np.ndarray
    box: np.ndarray
    rotmat: np.ndarray
    betas: np.ndarray
    camera: np.ndarray
    translation: np.ndarray
    joints3d: np.ndarray
    joints2d: np.ndarray

    def __post_init__(self) -> None:
        for name, shape in ROW_SHAPES.items():
            found = np.shape(getattr(self, name))
            if found != (len(self.frame), *shape):
                raise InputError(f'{name} of person {self.person} is {found}, expected {(len(self.frame), *shape)}')
        if (np.diff(self.frame) <= 0).any() or (len(self.frame) and self.frame[0] < 0):
            raise InputError(f'frame of person {self.person}: expected rising frame numbers from 0')

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def pose(self) -> np.ndarray:
        """(N, 72) axis-angle, radians."""
        rotvec = roma.rotmat_to_rotvec(torch.from_numpy(np.require(self.rotmat, requirements='CW')))
        return rotvec.flatten(1).numpy()


@dataclass(frozen=True)
class VideoResult:
    """All people of a clip; see the module's table.

    Attributes:
        source: Name of the video or folder.
        size: Width and height in pixels.
        fps: Frames per second.
        times: (F,) seconds of all frames of the clip.
        focal_length: Pixels.
        people: One track a person, by rising identity.
        model: Where the weights come from, in words.
        gender: Of the SMPL body.
    """

    source: str
    size: tuple[int, int]
    fps: float
    times: np.ndarray
    focal_length: float
    people: tuple[PersonTrack, ...]
    model: str = ''
    gender: str = 'neutral'

    @property
    def num_frames(self) -> int:
        return len(self.times)


def write_result(result: VideoResult, path: str | Path) -> Path:
    """Write a result as `tracks.npz`, compressed, whole or not at all.

    Raises:
        InputError: The file cannot be written.
    """
    people = result.people
    arrays = {
        'format': np.array(FORMAT),
        **{name: np.array(getattr(result, name)) for name in ('source', 'model', 'gender')},
        'size': np.array(result.size, np.int64),
        'fps': np.array(result.fps, np.float64),
        'times': np.asarray(result.times, np.float64),
        'focal_length': np.array(result.focal_length, np.float64),
        'person': np.array([track.person for track in people], np.int64),
        'offsets': np.cumsum([0, *(len(track) for track in people)], dtype=np.int64),
    }
    for name, shape in {**ROW_SHAPES, 'pose': (72,)}.items():
        rows = [np.asarray(getattr(track, name)) for track in people] or [np.empty((0, *shape))]
        arrays[name] = np.concatenate(rows).astype(np.int64 if name == 'frame' else np.float32)
    with atomic_write(path, 'wb') as file:
        np.savez_compressed(file, **arrays)
    return Path(path)


def read_result(path: str | Path) -> VideoResult:
    """Read a `tracks.npz`, or the one in a folder.

    Raises:
        InputError: The file is absent, damaged, or no result of `tools/video.py`.
    """
    path = Path(path)
    path = path / TRACKS_FILE if path.is_dir() else path
    if not path.is_file():
        raise InputError(f'{path}: no such file; expected a {TRACKS_FILE} of tools/video.py')
    with NpzFile(path) as file:
        if 'format' not in file or str(file.read('format')) != FORMAT:
            raise InputError(f'{path}: expected {FORMAT} for its format, as tools/video.py writes it')
        arrays = {name: _read_array(file, name, *expected) for name, expected in _FILE_ARRAYS.items()}
    offsets, rows = arrays['offsets'], len(arrays['frame'])
    ends = (0, rows) == (*offsets[:1], *offsets[-1:])
    if not ends or len(offsets) != len(arrays['person']) + 1 or (offsets[1:] < offsets[:-1]).any():
        raise InputError(f'{path}: offsets do not share out the {rows} rows among {len(arrays["person"])} people')
    try:
        people = tuple(
            PersonTrack(int(person), **{name: arrays[name][start:stop] for name in ROW_SHAPES})
            for person, (start, stop) in zip(arrays['person'], pairwise(offsets.tolist()), strict=True)
        )
    except InputError as error:
        raise InputError(f'{path}: {error}') from error
    return VideoResult(
        source=str(arrays['source']),
        size=tuple(arrays['size'].tolist()),
        fps=float(arrays['fps']),
        times=arrays['times'],
        focal_length=float(arrays['focal_length']),
        people=people,
        model=str(arrays['model']),
        gender=str(arrays['gender']),
    )


def _read_array(file: NpzFile, name: str, shape: tuple[int | None, ...], kind: str) -> np.ndarray:
    """An array of this shape (None: any length) and kind of type, finite where it holds numbers."""
    array = file.read(name)
    fits = len(array.shape) == len(shape) and all(
        want in (None, have) for have, want in zip(array.shape, shape, strict=True)
    )
    if not fits or array.dtype.kind != kind:
        raise InputError(f'{file.path}: {name} is {array.dtype} {array.shape}, expected {_KINDS[kind]} {shape}')
    if kind == 'f' and not np.isfinite(array).all():
        raise InputError(f'{file.path}: {name} has NaN or infinite values')
    return array
