"""Results of `tools/test.py --out`, several runs together, as the paper's tables in Markdown."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, stdev

from glot_plugin.errors import InputError
from glot_plugin.evaluation.joint_scores import metric_unit
from glot_plugin.io.json_file import read_json
from glot_plugin.io.messages import brief
from glot_plugin.reports.markdown import markdown_table
from glot_plugin.reports.published import METRICS, TABLES, PublishedRow, PublishedTable

PROTOCOL = 'paper'
DASH = '–'
NOTE = (
    'Errors in mm, Accel in mm per frame². Rows in *italics* are published figures, the others ours, of the runs that '
    'the last table lists by the number in square brackets: mean ± standard deviation where there are several.'
)

RUNS_NOTE = (
    'Runs share a row if they were tested alike and trained with the same config and recipe (a digest of what '
    'decides the training, except the seed). `--cfg-options` are those of the test.'
)

MAX_SCORE = 1e9  # mm; a larger number is no score
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
        origin: Where the weights come from, see `read_origin` in `glot_plugin.checkpoints.provenance`; empty if that is
            not known.
        options: The `--cfg-options` of the test.
    """

    path: Path
    config: str
    checkpoint: str
    scores: RunScores
    origin: dict = field(default_factory=dict)
    options: dict = field(default_factory=dict)

    @property
    def weights(self) -> str:
        """The weights in a word or two."""
        if 'converted_from' in self.origin:
            return 'original weights'
        trained = self.origin.get('config')
        if trained is None:
            return 'weights of unknown origin'
        return 'ours' if trained == Path(self.config).name else f'ours, trained with {trained}'

    @property
    def group(self) -> tuple[str, ...]:
        """What runs of one config, trained alike with other seeds and tested alike, have in common.

        Converted weights, and those whose config is unknown, have a group of their own.
        """
        options, recipe = json.dumps(self.options, sort_keys=True), str(self.origin.get('recipe'))
        return self.config, self.weights, recipe, options, '' if 'config' in self.origin else str(self.path)


@dataclass(frozen=True)
class Row:
    """Results that share a row of the tables because they belong to one group."""

    number: int
    results: tuple[Result, ...]

    @property
    def config(self) -> str:
        return self.results[0].config

    @property
    def label(self) -> str:
        """`ours: glot_3dpw (3 runs) [1]`."""
        count = f' ({len(self.results)} runs)' if len(self.results) > 1 else ''
        options = ' with --cfg-options' if self.results[0].options else ''
        return f'{self.results[0].weights}: {self.config}{options}{count} [{self.number}]'

    def spread(self, name: str, protocol: str, metric: str) -> str:
        """The mean of a score, with the sample's standard deviation where there are several."""
        found = (result.scores.get(name, {}).get(protocol, {}).get(metric) for result in self.results)
        values = [value for value in found if value is not None]
        if not values:
            return DASH
        return f'{mean(values):.1f}' + (f' ± {stdev(values):.1f}' if len(values) > 1 else '')


def read_result(path: str | Path) -> Result:
    """Read a result.

    Raises:
        InputError: The file is missing, is not JSON, or is not what `tools/test.py --out` writes.
    """
    path = Path(path)
    if not path.is_file():
        found = 'a folder, expected a file' if path.is_dir() else 'no such result'
        raise InputError(f'{path}: {found}; tools/test.py --out writes one')
    content = read_json(path)
    for key, kind in (('config', str), ('checkpoint', str), ('metrics', dict)):
        if not isinstance(content, dict) or not isinstance(content.get(key), kind):
            raise InputError(
                f'{path}: no {key}, so not a result of tools/test.py --out (tools/ablate.py has a table.md of its own)'
            )
    scores = content['metrics']
    if not scores or not all(_is_numbers(metrics) for sets in scores.values() for metrics in _values(sets)):
        raise InputError(f'{path}: metrics are not numbers by test set, protocol and metric; run tools/test.py again')
    about = {key: content.get(key, {}) for key in ('origin', 'cfg_options')}  # older files have none
    for key, value in about.items():
        if not isinstance(value, dict):
            raise InputError(f'{path}: {key} is {brief(value)}, expected an object; run tools/test.py again')
    return Result(path, config_name(content['config']), content['checkpoint'], scores, *about.values())


def _values(sets: object) -> list:
    return list(sets.values()) or [None] if isinstance(sets, dict) else [None]


def _is_numbers(metrics: object) -> bool:
    return isinstance(metrics, dict) and all(
        isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MAX_SCORE
        for value in metrics.values()
    )


def config_name(config: str) -> str:
    """A config's path under `configs/glot`, without `.py`; of a config elsewhere, its file's name."""
    path = Path(config).with_suffix('')
    return f'ablations/{path.name}' if path.parent.name == 'ablations' else path.name


def make_report(results: Sequence[Result]) -> str:
    """The tables that the results have rows in, ours beside the published figures, and the list of the runs.

    Raises:
        InputError: There are no results, or two files hold the same run.
    """
    if not results:
        raise InputError('no results to report')
    _check_distinct(results)
    groups: dict[tuple[str, ...], list[Result]] = {}
    for result in results:
        groups.setdefault(result.group, []).append(result)
    rows = [Row(number, tuple(group)) for number, group in enumerate(groups.values(), 1)]
    sections = [_paper_section(table, rows) for table in TABLES]
    sections += [_other_section(rows), _runs_section(rows)]
    return '\n\n'.join(['# Results', NOTE, *filter(None, sections)]) + '\n'


def _check_distinct(results: Sequence[Result]) -> None:
    """Refuse a run that is given twice: it would make the deviation too small."""
    seen: dict[str, Path] = {}
    for result in results:
        run = json.dumps([result.config, result.checkpoint, result.scores], sort_keys=True)
        if run in seen:
            raise InputError(f'{seen[run]} and {result.path} hold the same run of {result.checkpoint}; name it once')
        seen[run] = result.path


def _paper_section(table: PublishedTable, rows: Sequence[Row]) -> str | None:
    """A table of the paper; None where no run belongs to it."""
    given = {row.config for row in rows}
    compared = {config for published in table.rows for config in published.configs} & given
    if not compared - {'glot_3dpw'} and not (table is TABLES[0] and compared):
        return None
    columns = [(name, metric) for name, metrics in table.columns.items() for metric in metrics]
    several = len(table.columns) > 1
    header = ['', *(f'{name} {metric}' if several else metric for name, metric in columns)]
    cells = []
    for published in table.rows:
        cells.append([f'*{published.method}*', *published_cells(published, columns)])
        for config in published.configs:
            cells += [
                [f'{published.method}, {row.label}', *(row.spread(n, PROTOCOL, METRICS[m]) for n, m in columns)]
                for row in rows
                if row.config == config
                and any(name in result.scores for result in row.results for name in table.columns)
            ]
    return f'## {table.title}\n\n{markdown_table(header, cells)}'


def published_cells(row: PublishedRow, columns: Sequence[tuple[str, str]]) -> list[str]:
    """The scores of a published row by test set and metric (the paper's names); a dash where there is none."""
    values = (row.scores.get(name, {}).get(METRICS[metric]) for name, metric in columns)
    return [DASH if value is None else f'{value:.1f}' for value in values]


def _other_section(rows: Sequence[Row]) -> str | None:
    """What no table of the paper shows: other configs, test sets, protocols and metrics."""
    shown = {
        (config, name, PROTOCOL, METRICS[metric])
        for table in TABLES
        for published in table.rows
        for config in published.configs
        for name, metrics in table.columns.items()
        for metric in metrics
    }
    found: dict[tuple[int, str, str], dict[str, str]] = {}
    for row in rows:
        scores = [result.scores for result in row.results]
        for name, protocol, metric in dict.fromkeys(
            (n, p, m) for s in scores for n in s for p in s[n] for m in s[n][p]
        ):
            if (row.config, name, protocol, metric) not in shown:
                found.setdefault((row.number, name, protocol), {})[metric] = row.spread(name, protocol, metric)
    if not found:
        return None
    metrics = list(dict.fromkeys(metric for values in found.values() for metric in values))
    header = ['config', 'test set', 'protocol', *(f'{metric} ({metric_unit(metric)})' for metric in metrics)]
    labels = {row.number: row.label for row in rows}
    cells = [
        [labels[number], *key, *(values.get(metric, DASH) for metric in metrics)]
        for (number, *key), values in found.items()
    ]
    return f'## Not in the paper\n\n{markdown_table(header, cells, left=3)}'


def _runs_section(rows: Sequence[Row]) -> str:
    """Which files and weights each row is made of."""
    header = ['row', 'result', 'config', 'checkpoint', 'weights', 'recipe', 'seed', '--cfg-options']
    cells = []
    for row in rows:
        for result in row.results:
            origin, options = result.origin, (f'{key}={value}' for key, value in result.options.items())
            weights = f'converted from {origin["converted_from"]}' if 'converted_from' in origin else result.weights
            trained = [weights, *(str(origin.get(key, DASH)) for key in ('recipe', 'seed'))]
            about = [str(result.path), result.config, result.checkpoint, *trained, ' '.join(options) or DASH]
            cells.append([f'[{row.number}]', *about])
    return f'## Runs\n\n{RUNS_NOTE}\n\n{markdown_table(header, cells, left=len(header))}'
