"""The table of the ablations by hand, and which curves are drawn."""

import pytest

from glot_plugin.experiments.ablation_table import ablation_table, draw_curves, spread
from glot_plugin.experiments.ablation_training import Result
from glot_plugin.experiments.settings import METRICS


def scores(first: float) -> dict[str, float]:
    return dict(zip(METRICS, (first, 80.06, 96.3, 6.0), strict=True))


RESULTS = {
    'gru_hmr': {0: Result(scores(61.0)), 1: Result(scores(64.0)), 2: Result(scores(99.0))},
    'glot_3dpw': {
        0: Result(scores(50.0), {'latency 4, global': scores(55.0)}, ([1.0, 2.0], [90.0, 50.0])),
        1: Result(scores(51.0), {'latency 4, global': scores(56.0)}, ([1.0, 2.0], [91.0, 53.0])),
    },
    'nearby_2': {},
}


def test_table_by_hand():
    """Differences are of the seeds that both have."""
    changes = {'gru_hmr': 'a GRU', 'glot_3dpw': 'all of it', 'nearby_2': 'less'}
    lines = ablation_table(RESULTS, changes, scores(120.0), 'About.').splitlines()
    assert lines[0] == 'About.'
    rows = [[cell.strip() for cell in line.strip('|').split('|')] for line in lines[4:]]
    assert [row[0] for row in rows] == ['mean pose', 'gru_hmr', 'glot_3dpw', 'glot_3dpw, latency 4, global', 'nearby_2']
    assert rows[0][2:] == ['', '120.0', '80.1', '96.3', '6.0', '–', '–']
    same = ['80.1 ± 0.0', '96.3 ± 0.0', '6.0 ± 0.0']
    assert rows[1][2:] == ['3', '74.7 ± 21.1', *same, '12.0 ± 1.4', '57.6 / 91.9 / – / 25.4']
    assert rows[2][2:] == ['2', '50.5 ± 0.7', *same, '–', '50.6 / 80.7 / 96.3 / 6.6']
    assert rows[3][2:] == ['2', '55.5 ± 0.7', *same, '5.0 ± 0.0', '–']
    assert rows[4][2:] == ['0', '–', '–', '–', '–', '–', '51.9 / 83.0 / 98.7 / 6.7']


@pytest.mark.parametrize(
    ('values', 'expected'), [([], '–'), ([50.04], '50.0'), ([1.0, 3.0], '2.0 ± 1.4'), ([-2.0, -2.0], '-2.0 ± 0.0')]
)
def test_spread(values, expected):
    assert spread(values) == expected


def test_curves_are_drawn_where_there_are_any(tmp_path):
    assert draw_curves({'glot_3dpw': RESULTS['glot_3dpw']}, tmp_path / 'curves.png').is_file()
    assert draw_curves({'gru_hmr': RESULTS['gru_hmr']}, tmp_path / 'none.png') is None
