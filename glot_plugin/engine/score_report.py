"""The table and the CSV of a test run."""

import csv
from collections.abc import Sequence
from pathlib import Path

from glot_plugin.engine.evaluation_loop import Scores
from glot_plugin.evaluation.joint_scores import metric_unit
from glot_plugin.io.files import atomic_write
from glot_plugin.reports.markdown import metrics_table


def scores_report(scores: Scores, title: str = '', notes: Sequence[str] = ()) -> str:
    """A table with one row per test set and protocol, followed by the units and the notes.

    Args:
        scores: By test set, protocol and metric.
        title: Header of the first column.
        notes: Sentences below the table, for example from `protocol_notes`.
    """
    protocols = {protocol for by_protocol in scores.values() for protocol in by_protocol}
    rows = {
        name if protocols == {'paper'} else f'{name} ({protocol})': metrics
        for name, by_protocol in scores.items()
        for protocol, metrics in by_protocol.items()
    }
    units = 'Errors in mm (ACCEL in mm per frame²), 3DPCK and 3DAUC in %.'
    return '\n'.join([metrics_table(rows, title), '', units, *notes])


def write_track_table(path: str | Path, rows: Sequence[dict]) -> None:
    """Write `TestSetsLoop.tracks` as CSV: one row per track and protocol, one column per metric, with its unit."""
    about = ('set', 'protocol', 'track', 'frames')
    names = list(dict.fromkeys(name for row in rows for name in row if name not in about))
    with atomic_write(path) as file:
        writer = csv.writer(file)
        writer.writerow([*about, *(f'{name} ({metric_unit(name)})' for name in names)])
        for row in rows:
            cells = [f'{row[name]:.3f}' if name in row else '' for name in names]
            writer.writerow([*(row[key] for key in about), *cells])
