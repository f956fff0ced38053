"""Results of `tools/test.py --out`, several runs together, as the paper's tables in Markdown."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from glot_plugin.errors import InputError
from glot_plugin.evaluation.joint_scores import metric_unit
from glot_plugin.markdown import markdown_table
from glot_plugin.published import METRICS, TABLES, PublishedRow, PublishedTable

PROTOCOL = 'paper'
DASH = '–'
NOTE = (
    'Errors in mm, Accel in mm per frame². Rows in *italics* are published figures, the others are ours: '
    'mean ± standard deviation where there are several runs (their number in brackets).'
)

# Scores by test set, protocol and metric, as `tools/test.py` writes them.
RunScores = dict[str, dict[str, dict[str, float]]]


@dataclass(frozen=True)
class Result:
    """One file of `tools/test.py --out`.

    Attributes:
        path: The file.
        config: The config that was tested, as a path under `configs/glot` without `.py`.
        checkpoint: The weights.
        scores: By test set, protocol and metric.
    """

    path: Path
    config: str
    checkpoint: str
    scores: RunScores


def read_result(path: str | Path) -> Result:
    """Read a result.

    Raises:
        InputError: The file is absent, is no JSON, or not what `tools/test.py --out` writes.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError:
        raise InputError(f'{path}: no such result; tools/test.py --out writes one') from None
    except (ValueError, OSError) as error:
        raise InputError(f'{path}: not readable as JSON ({error})') from error
    for key, kind in (('config', str), ('checkpoint', str), ('metrics', dict)):
        if not isinstance(content, dict) or not isinstance(content.get(key), kind):
            raise InputError(f'{path}: no {key}, so not a result of tools/test.py --out')
    scores = content['metrics']
    if not scores or not all(_is_numbers(metrics) for sets in scores.values() for metrics in _values(sets)):
        raise InputError(f'{path}: metrics are not numbers by test set, protocol and metric; run tools/test.py again')
    return Result(path, config_name(content['config']), content['checkpoint'], scores)


def _values(sets: object) -> list:
    return list(sets.values()) or [None] if isinstance(sets, dict) else [None]


def _is_numbers(metrics: object) -> bool:
    return isinstance(metrics, dict) and all(isinstance(value, int | float) for value in metrics.values())


def config_name(config: str) -> str:
    """A config's path under `configs/glot`, without `.py`; of a config elsewhere, its file's name."""
    path = Path(config).with_suffix('')
    return f'ablations/{path.name}' if path.parent.name == 'ablations' else path.name


def make_report(results: Sequence[Result]) -> str:
    """The tables that the results give rows to, ours beside the published figures.

    Raises:
        InputError: There are no results, or two files hold the same run.
    """
    if not results:
        raise InputError('no results to report')
    _check_distinct(results)
    runs: dict[str, list[Result]] = {}
    for result in results:
        runs.setdefault(result.config, []).append(result)
    sections = [_paper_section(table, runs) for table in TABLES]
    sections.append(_other_section(runs))
    return '\n\n'.join(['# Results', NOTE, *filter(None, sections)]) + '\n'


def _check_distinct(results: Sequence[Result]) -> None:
    """A run that counts twice would make the deviation too small."""
    seen: dict[str, Path] = {}
    for result in results:
        run = json.dumps([result.config, result.checkpoint, result.scores], sort_keys=True)
        if run in seen:
            raise InputError(f'{seen[run]} and {result.path} hold the same run of {result.checkpoint}; name it once')
        seen[run] = result.path


def _paper_section(table: PublishedTable, runs: dict[str, list[Result]]) -> str | None:
    """A table of the paper; None where no run belongs to it."""
    compared = [config for row in table.rows for config in row.configs]
    alone = [config for config in compared if config in runs and config != 'glot_3dpw']
    if not alone and not (table is TABLES[0] and 'glot_3dpw' in runs):
        return None
    columns = [(name, metric) for name, metrics in table.columns.items() for metric in metrics]
    several = len(table.columns) > 1
    header = ['', *(f'{name} {metric}' if several else metric for name, metric in columns)]
    rows = []
    for row in table.rows:
        rows.append([f'*{row.method}*', *_published_cells(row, columns)])
        rows += [
            [_label(row.method, config, runs[config]), *_cells(runs[config], columns)]
            for config in row.configs
            if config in runs and any(name in result.scores for result in runs[config] for name in table.columns)
        ]
    return f'## {table.title}\n\n{markdown_table(header, rows)}'


def _published_cells(row: PublishedRow, columns: Sequence[tuple[str, str]]) -> list[str]:
    values = (row.scores.get(name, {}).get(METRICS[metric]) for name, metric in columns)
    return [DASH if value is None else f'{value:.1f}' for value in values]


def _cells(runs: Sequence[Result], columns: Sequence[tuple[str, str]]) -> list[str]:
    return [_spread(_collect(runs, name, PROTOCOL, METRICS[metric])) for name, metric in columns]


def _label(method: str, config: str, runs: Sequence[Result]) -> str:
    count = f' ({len(runs)} runs)' if len(runs) > 1 else ''
    return f'{method}, ours: {config}{count}'


def _collect(runs: Sequence[Result], name: str, protocol: str, metric: str) -> list[float]:
    found = (run.scores.get(name, {}).get(protocol, {}).get(metric) for run in runs)
    return [value for value in found if value is not None]


def _spread(values: Sequence[float]) -> str:
    """The mean, with the sample's standard deviation where there are several."""
    if not values:
        return DASH
    return f'{mean(values):.1f}' + (f' ± {stdev(values):.1f}' if len(values) > 1 else '')


def _other_section(runs: dict[str, list[Result]]) -> str | None:
    """What no table of the paper shows: other configs, test sets, protocols and metrics."""
    shown = {
        (config, name, PROTOCOL, METRICS[metric])
        for table in TABLES
        for row in table.rows
        for config in row.configs
        for name, metrics in table.columns.items()
        for metric in metrics
    }
    found: dict[tuple[str, str, str], dict[str, list[float]]] = {}
    for config, results in runs.items():
        keys = {(n, p, m): None for r in results for n, ps in r.scores.items() for p, ms in ps.items() for m in ms}
        for name, protocol, metric in keys:
            if (config, name, protocol, metric) not in shown:
                values = _collect(results, name, protocol, metric)
                found.setdefault((config, name, protocol), {})[metric] = values
    if not found:
        return None
    metrics = list(dict.fromkeys(metric for row in found.values() for metric in row))
    header = ['config', 'test set', 'protocol', *(f'{metric} ({metric_unit(metric)})' for metric in metrics)]
    rows = [[*key, *(_spread(row.get(metric, ())) for metric in metrics)] for key, row in found.items()]
    return f'## Not in the paper\n\n{markdown_table(header, rows, left=3)}'
