"""Reading files of bounding boxes, JSON or CSV: where each person is in each frame."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.io.json_file import read_json
from glot_plugin.io.messages import brief, reason

FIELDS = ('frame', 'track', 'cx', 'cy', 'w', 'h')
FORM = f'one row per box with {", ".join(FIELDS)} (pixels)'


@dataclass(frozen=True)
class TrackBoxes:
    """Boxes of one track: n frames as written in the file, and (n, 4) centre x, centre y, width, height."""

    name: str
    frames: tuple[str, ...]
    bbox: np.ndarray


def read_boxes(path: str | Path) -> list[TrackBoxes]:
    """Read a `.csv` with a header, or a `.json` with a list of objects; fields `frame`, `track`, `cx`, `cy`, `w`, `h`.

    Returns:
        The tracks, in the order of their first rows; the rows of a track keep the order of the file.

    Raises:
        InputError: The file is not readable, has no rows, or lacks a field; the message names file and row.
    """
    path = Path(path)
    readers = {'.csv': _read_csv, '.json': _read_json}
    if path.suffix.lower() not in readers:
        raise InputError(f'{path}: expected boxes as .csv or .json: {FORM}')
    try:
        rows = readers[path.suffix.lower()](path)
    except InputError:
        raise
    except (ValueError, OSError, csv.Error) as error:
        raise InputError(f'{path}: not readable as CSV ({reason(error)})') from error
    if not rows:
        raise InputError(f'{path}: has no box, expected {FORM}')
    tracks: dict[str, tuple[list[str], list[list[float]]]] = {}
    for number, row in enumerate(rows):
        frame, track, bbox = _checked(row, f'{path}: row {number}')
        frames, boxes = tracks.setdefault(track, ([], []))
        frames.append(frame)
        boxes.append(bbox)
    return [TrackBoxes(name, tuple(frames), np.array(boxes)) for name, (frames, boxes) in tracks.items()]


def _read_csv(path: Path) -> list[dict]:
    with path.open(newline='', encoding='utf-8-sig') as file:
        return list(csv.DictReader(file, skipinitialspace=True))


def _read_json(path: Path) -> list[dict]:
    rows = read_json(path)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(f'{path}: expected a list of objects, {FORM}')
    return rows


def _checked(row: dict, where: str) -> tuple[str, str, list[float]]:
    missing = [field for field in FIELDS if row.get(field) in (None, '')]
    if missing:
        raise InputError(f'{where}: no {", ".join(missing)}; expected {FORM}')
    try:
        bbox = [float(row[field]) for field in FIELDS[2:]]
    except (TypeError, ValueError, OverflowError):
        bbox = [math.nan]
    if not all(map(math.isfinite, bbox)):
        raise InputError(f'{where}: a box of {brief([row[field] for field in FIELDS[2:]])}, expected finite numbers')
    if not all(isinstance(row[field], str | int) for field in FIELDS[:2]):
        raise InputError(f'{where}: a {brief(row["frame"])} of {brief(row["track"])}, expected names or numbers')
    return str(row['frame']), str(row['track']), bbox
