"""The model zoo: its page, and the metafile that OpenMMLab's tools read, both written from the published figures."""

import functools

import yaml

from glot_plugin.config import SHIPPED_CONFIGS, load_config
from glot_plugin.reports.markdown import markdown_table
from glot_plugin.reports.paper_tables import published_cells
from glot_plugin.reports.published import TABLES, PublishedTable, Scores

COLLECTION = 'GLoT'
PAPER = {
    'Title': 'Global-to-Local Modeling for Video-based 3D Human Pose and Shape Estimation',
    'URL': 'https://arxiv.org/abs/2303.14747',
}
TASK = '3D Human Pose and Shape Estimation'

METAFILE_HEADER = """\
# Written by `make zoo`. The figures are published ones, of the paper, not of runs of this code: in mm, ACCEL in mm per
# frame². There are no weights, because none are distributed here (docs/model_zoo.md says where they come from).
"""
PAGE_HEADER = """\
# Model zoo

Every result of [the paper](https://arxiv.org/abs/2303.14747), beside the config that reproduces it. `make zoo` writes
this page from `glot_plugin/reports/published.py`. **All figures are those that the paper published.** They are not
results of this code: [the paper's numbers](paper.md) says how to get those, and `tools/report.py` sets them beside
these. Errors are in mm, Accel in mm per frame². A dash marks what the paper does not report.

A config is given by its path, or by its name from anywhere that the package is installed:

    python tools/train.py configs/glot/glot_3dpw.py
    python tools/train.py glot_plugin::glot/glot_3dpw.py

## Weights

**No weights are distributed with this package.** The authors of GLoT published theirs with the original code. Once you
have their files, convert and test them:

    python tools/convert_checkpoint.py table1_3dpw_weights.pth.tar glot_3dpw.pth
    python tools/test.py glot_plugin::glot/glot_3dpw.py glot_3dpw.pth

The architecture is the same in `glot_3dpw`, `glot_h36m_mpii3d` and `glot_3dpw_unseen`; they differ in training data and
loss weights. Weights for the ablations have to be trained.
"""


def model_zoo_page() -> str:
    """The page, as Markdown."""
    return '\n'.join([PAGE_HEADER, *(_section(table, name) for table in TABLES for name in table.columns)])


def _section(table: PublishedTable, name: str) -> str:
    """A table's part about one test set, `name`: the full table would be wider than a page."""
    columns = [(name, metric) for metric in table.columns[name]]
    results = published_results()
    cells = []
    for row in table.rows:
        configs = (config for config in row.configs if name in results[config])
        links = ', '.join(f'[{config.split("/")[-1]}](../configs/glot/{config}.py)' for config in configs)
        cells.append([row.method, links or '–', *published_cells(row, columns)])
    title = f'{table.title}: {name}' if len(table.columns) > 1 else table.title
    return f'## {title}\n\n{markdown_table(["method", "config", *table.columns[name]], cells, left=2)}\n'


def metafile() -> str:
    """The metafile in OpenMMLab's model-index format, as YAML: a model for each config with published figures."""
    content = {
        'Collections': [{'Name': COLLECTION, 'Paper': PAPER, 'README': 'docs/model_zoo.md'}],
        'Models': [_model(config, results) for config, results in published_results().items()],
    }
    return METAFILE_HEADER + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def _model(config: str, results: dict[str, Scores]) -> dict:
    return {
        'Name': config.split('/')[-1],
        'In Collection': COLLECTION,
        'Config': f'configs/glot/{config}.py',
        'Results': [{'Task': TASK, 'Dataset': name, 'Metrics': dict(scores)} for name, scores in results.items()],
    }


@functools.cache
def published_results() -> dict[str, dict[str, Scores]]:
    """The published scores of each config, by the test sets that it is tested on."""
    results: dict[str, dict[str, Scores]] = {}
    for row in (row for table in TABLES for row in table.rows):
        for config in row.configs:
            tested = load_config(SHIPPED_CONFIGS / 'glot' / f'{config}.py').test_sets
            results.setdefault(config, {}).update({name: row.scores[name] for name in tested if name in row.scores})
    return results
