"""Matplotlib figures without a display, imported only when something is drawn."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from glot_plugin.errors import InputError
from glot_plugin.io.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRUE_COLOUR = '#404040'
COLOURS = ('#d1495b', '#00798c', '#edae49', '#66a182', '#7768ae')
PAPER_WIDTH = 6.9  # inches: both columns of a page
PRINT_DPI = 220


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


def save_figure(figure: Figure, path: str | Path, dpi: int = 110) -> Path:
    """Saves the figure; the suffix of `path` sets the format, and its folder is created if it is missing.

    Raises:
        InputError: The file cannot be written.
    """
    path, picture = Path(path), io.BytesIO()
    try:
        figure.savefig(picture, dpi=dpi, format=path.suffix[1:])
    except ValueError as error:
        raise InputError(f'{path}: the picture cannot be written ({error})') from error
    write_bytes(path, picture.getbuffer())
    return path


@contextmanager
def print_style() -> Iterator[None]:
    """Fonts and lines for a paper: figures drawn and saved inside are printed at their own width, `PAPER_WIDTH`.

    Raises:
        InputError: matplotlib is not installed.
    """
    new_figure(1, 1)  # its error says what to install
    import matplotlib

    style = {
        'font.size': 8,
        'axes.titlesize': 8,
        'axes.linewidth': 0.6,
        'axes.spines.top': False,
        'axes.spines.right': False,
        'xtick.major.width': 0.6,
        'ytick.major.width': 0.6,
        'pdf.fonttype': 42,  # text that stays text
    }
    with matplotlib.rc_context(style):
        yield


def save_for_print(figure: Figure, stem: Path) -> list[Path]:
    """Saves the figure as PDF and as PNG, `stem` with either suffix."""
    return [save_figure(figure, stem.with_suffix(suffix), PRINT_DPI) for suffix in ('.pdf', '.png')]
