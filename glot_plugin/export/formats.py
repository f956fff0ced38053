"""The export formats by name, and writing a result in any number of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from glot_plugin.body_model import SMPLBody
from glot_plugin.errors import InputError
from glot_plugin.export.amass import write_amass
from glot_plugin.export.bvh import write_bvh
from glot_plugin.export.human_data import write_human_data
from glot_plugin.export.meshes import MESH_FORMATS, write_frame
from glot_plugin.io.files import writable_folder
from glot_plugin.video.result import VideoResult

FORMATS = ('glb', 'bvh', 'amass', 'human-data', *MESH_FORMATS)
# Formats that do not require a body model.
_BODILESS = ('human-data',)


@dataclass(frozen=True)
class ExportOptions:
    """Which people and frames of a result are exported.

    Attributes:
        people: Identities; None: all.
        frames: Frames whose meshes are written; None: the middle one of those with the most people.
    """

    people: Sequence[int] | None = None
    frames: Sequence[int] | None = None


def export_result(
    result: VideoResult,
    body: SMPLBody | None,
    formats: Iterable[str],
    out_dir: str | Path,
    options: ExportOptions | None = None,
    notify: Callable[[Path], object] = lambda path: None,
) -> list[Path]:
    """Write a result in each of the formats; each file is written completely or not at all, replacing an existing one.

    Args:
        result: From `tools/video.py`, or read by `read_result`.
        body: The body of the result's gender. `human-data` needs none.
        formats: Any of `FORMATS`. They give `people.glb`, `person_1.bvh` and `person_1_amass.npz` (one file per
            person), `human_data.npz`, `frame_000010.obj` and `.ply` (one file per frame).
        out_dir: Folder of the files.
        options: Which people and frames.
        notify: Called with each file once it is written.

    Returns:
        The files.

    Raises:
        InputError: A format, person or frame is unknown; nobody is in the clip; a package is missing; or a file cannot
            be written. Problems with the input are found before anything is written.
    """
    formats, options = list(dict.fromkeys(formats)), options or ExportOptions()
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise InputError(f'export format {unknown[0]!r}: expected some of {", ".join(FORMATS)}')
    if body is None and not set(formats) <= set(_BODILESS):
        raise InputError(f'export to {", ".join(formats)} needs the body-model files (--body-models DIR)')
    result = _chosen_people(result, options.people)
    frames = _chosen_frames(result, options.frames)
    out_dir = writable_folder(out_dir, '--out')
    paths = []
    for name in formats:
        for path in _write(name, result, body, frames, out_dir):
            notify(path)
            paths.append(path)
    return paths


def _write(
    name: str, result: VideoResult, body: SMPLBody | None, frames: Sequence[int], out_dir: Path
) -> Iterator[Path]:
    if name == 'glb':
        from glot_plugin.export.gltf import write_glb  # needs an optional package

        yield write_glb(result, body, out_dir / 'people.glb')
    elif name == 'human-data':
        yield write_human_data(result, out_dir / 'human_data.npz')
    elif name in MESH_FORMATS:
        for frame in frames:
            yield write_frame(result, body, frame, out_dir / f'frame_{frame:06d}.{name}')
    else:
        write, ending = {'bvh': (write_bvh, '.bvh'), 'amass': (write_amass, '_amass.npz')}[name]
        for track in result.people:
            yield write(result, track, body, out_dir / f'person_{track.person}{ending}')


def _chosen_people(result: VideoResult, chosen: Sequence[int] | None) -> VideoResult:
    """The result with only the chosen people who are in at least one frame."""
    people = {track.person: track for track in result.people if len(track)}
    if not people:
        raise InputError(f'{result.source}: nobody is in it, so there is nothing to export')
    late = [track for track in people.values() if track.frame[-1] >= result.num_frames]
    if late:
        raise InputError(
            f'{result.source}: person {late[0].person} is in frame {late[0].frame[-1]}, expected frames below '
            f'{result.num_frames}, as many as there are times'
        )
    unknown = [person for person in chosen or () if person not in people]
    if unknown:
        raise InputError(f'--people {unknown[0]}: no such person; found {", ".join(map(str, people))}')
    tracks = (track for person, track in people.items() if chosen is None or person in chosen)
    return replace(result, people=tuple(tracks))


def _chosen_frames(result: VideoResult, chosen: Sequence[int] | None) -> list[int]:
    """Frames whose meshes are written; each shows at least one person."""
    count = np.zeros(result.num_frames, int)
    for track in result.people:
        count[track.frame] += 1
    if chosen is None:
        fullest = np.flatnonzero(count == count.max())
        return [int(fullest[len(fullest) // 2])]
    empty = [frame for frame in chosen if not (0 <= frame < len(count) and count[frame])]
    if empty:
        raise InputError(f'--frames {empty[0]}: nobody is in that frame (the clip has frames 0 to {len(count) - 1})')
    return list(dict.fromkeys(chosen))
