"""The table of the ablations, beside the paper's figures, and their learning curves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev

import numpy as np

from glot_plugin.experiments.ablation_list import BASE
from glot_plugin.experiments.ablation_training import WITH_CURVE, Result, Scores
from glot_plugin.experiments.settings import METRICS
from glot_plugin.reports.markdown import markdown_table
from glot_plugin.reports.published import TABLES
from glot_plugin.visualisation import draw_learning_curves

DASH = '–'
# Rows of the published tables for what has no config of that name there.
_PUBLISHED_AS = {'gru_hmr': 'VIBE'}
CURVE_NAMES = {'single_frame': 'one frame', 'gru_hmr': 'GRU', 'gmm_alone': 'GMM alone', BASE: 'GLoT'}


def spread(values: Sequence[float]) -> str:
    """Mean ± standard deviation; the value alone if there is one; a dash if there is none."""
    if len(values) < 2:
        return f'{values[0]:.1f}' if values else DASH
    return f'{mean(values):.1f} ± {stdev(values):.1f}'


def ablation_table(
    results: Mapping[str, Mapping[int, Result]], changes: Mapping[str, str], mean_pose: Scores, about: str
) -> str:
    """The table in Markdown, below a line on how everything was trained and tested.

    Args:
        results: By config and seed; those that are not finished are missing.
        changes: By config, in the table's order, what it changes.
        mean_pose: Scores of the mean pose.
        about: The line.
    """
    base = results.get(BASE, {})
    rows = [['mean pose', 'No model: the mean body in every frame', '', *_cells([mean_pose], []), DASH]]
    for name, change in changes.items():
        found = results.get(name, {})
        others = {seed: result for seed, result in found.items() if seed in base and name != BASE}
        differences = [result.scores['PA-MPJPE'] - base[seed].scores['PA-MPJPE'] for seed, result in others.items()]
        cells = _cells([result.scores for result in found.values()], differences)
        rows.append([name, change, str(len(found)), *cells, _published(name)])
        if name == BASE:
            rows += _untrained_rows(found)
    headers = ['config', 'what it is, or changes', 'seeds', *METRICS, 'PA-MPJPE − GLoT', "the paper's"]
    return f'{about}\n\n{markdown_table(headers, rows, left=2)}'


def _cells(scores: Sequence[Scores], differences: Sequence[float]) -> list[str]:
    columns = [spread([score[metric] for score in scores]) for metric in METRICS]
    return [*columns, spread(differences).replace('-', '−')]


def _untrained_rows(found: Mapping[int, Result]) -> list[list[str]]:
    """Rows of the full method at latencies for which it was not trained."""
    rows = []
    for way in dict.fromkeys(way for result in found.values() for way in result.untrained):
        seeds = [result for result in found.values() if way in result.untrained]
        differences = [result.untrained[way]['PA-MPJPE'] - result.scores['PA-MPJPE'] for result in seeds]
        cells = _cells([result.untrained[way] for result in seeds], differences)
        change = 'The same weights, not trained for that latency (docs/live.md)'
        rows.append([f'{BASE}, {way}', change, str(len(seeds)), *cells, DASH])
    return rows


def _published(name: str) -> str:
    """The paper's figures on 3DPW, `PA-MPJPE / MPJPE / PVE / ACCEL`, of a config of ours."""
    for table in TABLES:
        for row in table.rows:
            if row.method == _PUBLISHED_AS.get(name) or {name, f'ablations/{name}'} & set(row.configs):
                scores = row.scores['3DPW']
                return ' / '.join(f'{scores[metric]:.1f}' if metric in scores else DASH for metric in METRICS)
    return DASH


def draw_curves(results: Mapping[str, Mapping[int, Result]], path: Path) -> Path | None:
    """Draw how PA-MPJPE on the validation set fell in training, mean and range of the seeds; None without any."""
    lines = {}
    for name in WITH_CURVE:
        curves = [result.curve for result in results.get(name, {}).values() if len(result.curve[0])]
        if curves:
            count = min(len(steps) for steps, _ in curves)
            errors = np.array([values[:count] for _, values in curves])
            lines[CURVE_NAMES[name]] = (np.array(curves[0][0][:count]), errors)
    return draw_learning_curves(lines, path, 'validation PA-MPJPE (mm)') if lines else None
