"""Global branch against local correction on the same frames, as meshes (the paper's Figure 5)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.visualisation.canvas import PAPER_WIDTH, new_figure, print_style, save_for_print
from glot_plugin.visualisation.mesh import SKIN, VIEWS, paint_mesh

_MOST_COLOUR_MM = 200.0  # error at the end of the colours
_COLOURS = 'YlOrRd'
_MARGIN = 0.02  # metres
_LABEL_WIDTH, _SCALE_WIDTH, _CAPTION_HEIGHT = 0.3, 0.8, 0.22  # inches


def draw_branch_meshes(
    meshes: Mapping[str, np.ndarray],
    faces: np.ndarray,
    frames: Sequence[int],
    stem: str | Path,
    vertex_errors: Mapping[str, np.ndarray] | None = None,
    captions: Mapping[str, Sequence[str]] | None = None,
    note: str = '',
) -> list[Path]:
    """Draws meshes from the front, a row per branch and a column per frame; saves PDF (meshes as pixels) and PNG.

    Args:
        meshes: Name of the row to (K, V, 3) metres in the camera's axes (y down), hips at the origin.
        faces: (F, 3) vertex indices, outward normals.
        frames: The K frame numbers.
        stem: Path of the pictures without suffix.
        vertex_errors: Name of a row to (K, V) mm, which colour it.
        captions: Name of a row to K texts under its meshes.
        note: Text at the bottom that explains the captions.

    Raises:
        InputError: No meshes, or not K of each.
    """
    counts = {name: len(mesh) for name, mesh in meshes.items()}
    if not counts or set(counts.values()) != {len(frames)} or not len(frames):
        raise InputError(f'{len(frames)} frames and meshes {counts}, expected at least one, and as many meshes per row')
    vertex_errors, captions = vertex_errors or {}, captions or {}
    shown = {name: np.asarray(mesh) * (1, -1, -1) for name, mesh in meshes.items()}  # y up
    everything = np.concatenate([mesh.reshape(-1, 3) for mesh in shown.values()])
    low, high = everything.min(0) - _MARGIN, everything.max(0) + _MARGIN
    with print_style():
        width = (PAPER_WIDTH - _LABEL_WIDTH - (_SCALE_WIDTH if vertex_errors else 0.0)) / len(frames)
        height = width * (high[1] - low[1]) / (high[0] - low[0]) + _CAPTION_HEIGHT
        figure = new_figure(PAPER_WIDTH, height * len(shown) + _CAPTION_HEIGHT)
        panels = figure.subplots(len(shown), len(frames), squeeze=False)
        for row, (name, mesh) in zip(panels, shown.items(), strict=True):
            colours = _face_colours(vertex_errors.get(name), np.asarray(faces), len(frames))
            for panel, vertices, colour in zip(row, mesh, colours, strict=True):
                paint_mesh(panel, vertices, np.asarray(faces), *VIEWS['front'], colour, rasterized=True)
                _frame_panel(panel, low, high)
            for panel, caption in zip(row, captions.get(name, ()), strict=False):
                panel.set_xlabel(caption)
            row[0].set_ylabel(name)
        for panel, frame in zip(panels[0], frames, strict=True):
            panel.set_title(f'frame {frame}')
        figure.supxlabel(note, fontsize=8)
        if vertex_errors:
            _add_colour_scale(figure, panels)
        return save_for_print(figure, Path(stem))


def _frame_panel(panel, low: np.ndarray, high: np.ndarray) -> None:
    panel.set_xlim(low[0], high[0])
    panel.set_ylim(low[1], high[1])
    panel.set_aspect('equal')
    panel.set_xticks([])
    panel.set_yticks([])
    for spine in panel.spines.values():
        spine.set_visible(False)


def _face_colours(errors: np.ndarray | None, faces: np.ndarray, count: int) -> list[np.ndarray]:
    """One colour per mesh, or one per face where there are errors (K, V) in mm."""
    if errors is None:
        return [SKIN] * count
    from matplotlib import colormaps

    return [colormaps[_COLOURS](mesh[faces].mean(-1) / _MOST_COLOUR_MM)[:, :3] for mesh in errors]


def _add_colour_scale(figure, panels: np.ndarray) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    scale = ScalarMappable(Normalize(0, _MOST_COLOUR_MM), _COLOURS)
    label = 'distance from the true vertex (mm)'
    figure.colorbar(scale, ax=panels.ravel().tolist(), label=label, shrink=0.5, pad=0.02, aspect=30, extend='max')
