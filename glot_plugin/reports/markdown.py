"""Markdown tables that read well as plain text, too."""

from collections.abc import Sequence


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """A table whose columns are as wide as their widest cell.

    Args:
        header: (C,) headings of the columns.
        rows: Rows of C cells.
        left: How many columns, from the first, are aligned to the left; the others to the right, as numbers are.
    """
    widths = [max(3, *(len(row[column]) for row in (header, *rows))) for column in range(len(header))]
    marks = ['-' * (w + 2) if column < left else '-' * (w + 1) + ':' for column, w in enumerate(widths)]
    lines = [_line(header, widths, left), f'|{"|".join(marks)}|', *(_line(row, widths, left) for row in rows)]
    return '\n'.join(lines)


def _line(cells: Sequence[str], widths: Sequence[int], left: int) -> str:
    aligned = [
        cell.ljust(width) if column < left else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f'| {" | ".join(aligned)} |'


def metrics_table(rows: dict[str, dict[str, float]], title: str = '') -> str:
    """A table of scores in mm, a row per method and a column per metric; `title` is the heading of the first column."""
    names = list(dict.fromkeys(name for metrics in rows.values() for name in metrics))
    cells = [
        [row, *(f'{metrics[name]:.1f}' if name in metrics else '–' for name in names)] for row, metrics in rows.items()
    ]
    return markdown_table([title, *names], cells)
