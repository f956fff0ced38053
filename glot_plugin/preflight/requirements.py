"""One file or store that a config needs, and lists of them as text."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from glot_plugin.converters.database_specs import DATABASES
from glot_plugin.datasets.store_schema import MANDATORY_COLUMNS
from glot_plugin.datasets.track_store import TrackStore
from glot_plugin.reports.markdown import markdown_table

MB = 1e6


@dataclass
class Requirement:
    """One file or store that a config needs.

    Attributes:
        use: What it is for: `train`, `val`, `test 3DPW`, `body model`, `weights`.
        path: Where it is, or should be.
        problem: What is wrong with it, naming the path; None: it exists and fits.
        is_store: Whether it is a track store.
        store: The track store, if it is one and could be opened.
        windows: Training windows of the store: with 2D targets only, and with 3D.
        num_bytes: Size on disk; None: it does not exist.
        expected_bytes: Estimated size of a store that has yet to be made; None: not known.
    """

    use: str
    path: Path
    problem: str | None = None
    is_store: bool = False
    store: TrackStore | None = None
    windows: tuple[int, int] | None = None
    num_bytes: int | None = None
    expected_bytes: int | None = None


def problems(requirements: Sequence[Requirement]) -> str:
    """What is missing or wrong, and the commands that make it; empty if nothing is."""
    broken = [requirement for requirement in requirements if requirement.problem]
    if not broken:
        return ''
    lines = [f'{len(broken)} of {len(requirements)} required files and stores are missing or wrong:']
    lines += dict.fromkeys(f'  {requirement.problem}' for requirement in broken)
    commands = conversion_commands([requirement.path for requirement in broken if requirement.is_store])
    if commands:
        lines += ['Stores are made by:', *(f'  {command}' for command in commands)]
    return '\n'.join(lines)


def conversion_commands(paths: Sequence[Path]) -> list[str]:
    """The commands that make these stores, grouped by folder."""
    files = {spec.name: spec.file for spec in DATABASES}
    folders: dict[Path, list[str]] = {}
    for path in dict.fromkeys(paths):
        folders.setdefault(path.parent, []).append(path.name)
    commands = []
    for folder, names in folders.items():
        known = [name for name in names if name in files]
        others = [name for name in names if name not in files]
        if known:
            commands.append(f'python tools/convert_datasets.py --root DIR --out {folder} {" ".join(known)}')
            commands.append(f'  with DIR the folder of {", ".join(files[name] for name in known)}')
        if others and folder.name == 'synthetic':
            commands.append(f'python tools/make_synthetic.py --out {folder}')
        elif others:
            stores = ', '.join(str(folder / name) for name in others)
            commands.append(f'a converter, or TrackStoreWriter (docs/data.md): {stores}')
    return commands


def requirements_table(requirements: Sequence[Requirement]) -> str:
    """A row per requirement: use, path, state and, for stores, contents (≈: estimate for a store not yet made)."""
    header = ('for', 'path', 'state', 'columns', 'tracks', 'frames', '2D windows', '3D windows', 'MB')
    return markdown_table(header, [_row(requirement) for requirement in requirements], left=4)


def _row(requirement: Requirement) -> tuple[str, ...]:
    state = 'there' if requirement.problem is None else 'missing' if _absent(requirement) else 'WRONG'
    columns = tracks = frames = ''
    if requirement.store is not None:
        extra = [name for name in requirement.store.frame_columns if name not in MANDATORY_COLUMNS]
        columns = ', '.join(['features', *extra])
        tracks, frames = str(requirement.store.num_tracks), str(requirement.store.num_frames)
    windows = ('', '') if requirement.windows is None else tuple(map(str, requirement.windows))
    return requirement.use, str(requirement.path), state, columns, tracks, frames, *windows, _size(requirement)


def _size(requirement: Requirement) -> str:
    if requirement.num_bytes is not None:
        return f'{requirement.num_bytes / MB:.0f}'
    if requirement.expected_bytes is not None:
        return f'≈ {requirement.expected_bytes / MB:.0f}'
    return 'unknown' if requirement.is_store else ''


def _absent(requirement: Requirement) -> bool:
    return requirement.problem is not None and not requirement.path.exists()
