"""Matplotlib figures without a display, imported only when something is drawn."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from glot_plugin.errors import InputError
from glot_plugin.io.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRUE_COLOUR = '#404040'
COLOURS = ('#d1495b', '#00798c', '#edae49', '#66a182', '#7768ae')


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of `width` x `height` inches that draws to files only.

    Raises:
        InputError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError('pictures need matplotlib; install it with: pip install "glot_plugin[vis]"') from error
    figure = Figure(figsize=(width, height), layout='constrained')
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Saves the figure; the suffix of `path` says the format, and its folder is made where it is missing.

    Raises:
        InputError: The file cannot be written.
    """
    path, picture = Path(path), io.BytesIO()
    try:
        figure.savefig(picture, dpi=110, format=path.suffix[1:])
    except ValueError as error:
        raise InputError(f'{path}: the picture cannot be written ({error})') from error
    write_bytes(path, picture.getbuffer())
    return path
