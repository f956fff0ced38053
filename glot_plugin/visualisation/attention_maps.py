"""Attention of both encoders and of the cross-attention as heat maps over frames (the paper's Figure 6)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.visualisation.canvas import PAPER_WIDTH, new_figure, print_style, save_for_print

_COLOURS = 'viridis'
_ROW_HEIGHT, _CROSS_HEIGHT = 2.2, 2.0  # inches


def draw_attention_maps(
    global_maps: Sequence[np.ndarray],
    local_maps: Sequence[np.ndarray],
    cross_map: np.ndarray,
    stem: str | Path,
    first_frame: int = 0,
    mid_frame: int = 0,
    before: int | None = None,
    nearby_before: int | None = None,
) -> list[Path]:
    """Draws a row of maps per encoder, a map per block, and the cross-attention of each frame below; saves PDF and PNG.

    Colours range from the lowest attention in a row to the highest.

    Args:
        global_maps: One (T, T) map per block, of one window: rows are the attending frames, columns the attended ones.
        local_maps: One (2 w + 1, 2 w + 1) map per block, of the same window.
        cross_map: (N, T), the attention of each frame of a track to the frames of its window.
        stem: Path of the pictures without suffix.
        first_frame: Number of the first of the N frames.
        mid_frame: Number of the predicted frame of the encoders' window.
        before: Frames before the predicted one in a window, by default T // 2.
        nearby_before: The same among the nearby frames, by default w.

    Raises:
        InputError: A map of another shape.
    """
    rows = {'Global encoder': global_maps, 'Local encoder': local_maps}
    for name, maps in rows.items():
        if not maps or any(one.ndim != 2 or one.shape[0] != one.shape[1] for one in maps):
            raise InputError(f'{name}: maps {[one.shape for one in maps]}, expected square ones, at least one')
    if cross_map.ndim != 2:
        raise InputError(f'cross-attention is {cross_map.shape}, expected (frames, window)')
    with print_style():
        figure = new_figure(PAPER_WIDTH, 2 * _ROW_HEIGHT + _CROSS_HEIGHT)
        parts = figure.subfigures(3, 1, height_ratios=[_ROW_HEIGHT, _ROW_HEIGHT, _CROSS_HEIGHT])
        columns = max(len(maps) for maps in rows.values())
        for part, (name, maps), earlier in zip(parts, rows.items(), (before, nearby_before), strict=False):
            earlier = len(maps[0]) // 2 if earlier is None else earlier
            _draw_encoder(part, name, maps, columns, mid_frame - earlier)
        _draw_cross(parts[2], cross_map, first_frame, cross_map.shape[1] // 2 if before is None else before)
        return save_for_print(figure, Path(stem))


def _draw_encoder(part, name: str, maps: Sequence[np.ndarray], columns: int, first_frame: int) -> None:
    panels = part.subplots(1, columns, squeeze=False)[0]
    first = first_frame - 0.5  # the edge before the window's first frame
    last = first + len(maps[0])
    limits = {'vmin': min(float(one.min()) for one in maps), 'vmax': max(float(one.max()) for one in maps)}
    for number, (panel, one) in enumerate(zip(panels, maps, strict=False), start=1):
        image = panel.imshow(one, cmap=_COLOURS, extent=(first, last, last, first), **limits)
        panel.set_title(f'{name}, block {number}')
        panel.set_xlabel('attended frame')
        panel.locator_params(nbins=5, integer=True)
    panels[0].set_ylabel('frame')
    for panel in panels[len(maps) :]:
        panel.set_visible(False)
    part.colorbar(image, ax=panels.tolist(), label='attention', shrink=0.85, pad=0.02)


def _draw_cross(part, cross_map: np.ndarray, first_frame: int, before: int) -> None:
    panel = part.subplots()
    frames, length = cross_map.shape
    extent = (first_frame - 0.5, first_frame + frames - 0.5, length - before - 0.5, -before - 0.5)
    image = panel.imshow(cross_map.T, cmap=_COLOURS, aspect='auto', extent=extent, interpolation='nearest')
    panel.set_title('Cross-attention of each frame to the global memory of its window')
    panel.set_xlabel('frame')
    panel.set_ylabel('attended frame − frame')
    panel.set_yticks([frame for frame in range(-before, length - before) if frame % 4 == 0])
    part.colorbar(image, ax=panel, label='attention', pad=0.02)
