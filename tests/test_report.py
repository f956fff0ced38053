"""Results of several runs as the paper's tables."""

import runpy
from pathlib import Path

import pytest

from glot_plugin.engine.launch import write_result
from glot_plugin.errors import InputError
from glot_plugin.published import TABLES
from glot_plugin.report import config_name, make_report, read_result


def write(path: Path, config: str, checkpoint: str, scores: dict) -> Path:
    """As `tools/test.py --out` writes it."""
    write_result(path, scores, config=config, checkpoint=checkpoint, unit='mm')
    return path


def paper(pa: float, mpjpe: float, accel: float, pve: float | None = None) -> dict:
    scores = {'PA-MPJPE': pa, 'MPJPE': mpjpe, 'ACCEL': accel}
    return {'paper': scores if pve is None else {**scores, 'PVE': pve}}


def rows(report: str, title: str) -> dict[str, list[str]]:
    """The rows of a section's table: first cell → the others."""
    section = report.split(f'## {title}\n')[1].split('\n## ')[0]
    lines = [line for line in section.splitlines() if line.startswith('|')]
    cells = [[cell.strip() for cell in line.split('|')[1:-1]] for line in lines]
    return {first: others for first, *others in cells}


@pytest.fixture
def results(tmp_path) -> dict[str, Path]:
    runs = {
        'seed0': ('configs/glot/glot_3dpw.py', {'3DPW': paper(50.0, 80.0, 6.6, 96.0)}),
        'seed1': ('configs/glot/glot_3dpw.py', {'3DPW': paper(52.0, 81.0, 6.6, 97.0)}),
        'seed2': ('configs/glot/glot_3dpw.py', {'3DPW': paper(54.0, 82.0, 6.6, 98.0)}),
        'others': (
            'configs/glot/glot_h36m_mpii3d.py',
            {'MPI-INF-3DHP': paper(61.0, 93.0, 7.0), 'Human3.6M': paper(46.0, 67.5, 3.5)},
        ),
        'nearby': ('/somewhere/configs/glot/ablations/nearby_2.py', {'3DPW': paper(51.0, 83.5, 6.5, 98.4)}),
        'unseen': ('configs/glot/glot_3dpw_unseen.py', {'3DPW': paper(53.0, 89.0, 6.0, 107.0)}),
    }
    return {
        name: write(tmp_path / f'{name}.json', config, f'{name}.pth', scores) for name, (config, scores) in runs.items()
    }


def test_ours_beside_the_published(results):
    report = make_report([read_result(path) for path in results.values()])
    table = rows(report, 'Table 1')
    assert list(table.values())[0][:2] == ['3DPW PA-MPJPE', '3DPW MPJPE']
    assert table['*VIBE*'] == ['57.6', '91.9', '–', '25.4', '68.9', '103.9', '27.3', '53.3', '78.0', '27.3']
    assert table['*GLoT*'] == ['50.6', '80.7', '96.3', '6.6', '61.5', '93.9', '7.9', '46.3', '67.0', '3.6']
    # Means and sample deviations worked by hand: 50, 52, 54 → 52 ± 2.
    assert table['GLoT, ours: glot_3dpw (3 runs)'] == [
        '52.0 ± 2.0', '81.0 ± 1.0', '97.0 ± 1.0', '6.6 ± 0.0', *['–'] * 6
    ]  # fmt: skip
    assert table['GLoT, ours: glot_h36m_mpii3d'] == [*['–'] * 4, '61.0', '93.0', '7.0', '46.0', '67.5', '3.5']
    unseen = rows(report, 'Table 2: 3DPW not trained on')
    assert unseen['GLoT, 3DPW unseen, ours: glot_3dpw_unseen'] == ['53.0', '89.0', '107.0', '6.0']
    nearby = rows(report, 'Ablation on 3DPW: nearby frames on each side')
    assert nearby['*2*'] == ['51.9', '83.0', '98.7', '6.7']
    assert nearby['2, ours: ablations/nearby_2'] == ['51.0', '83.5', '98.4', '6.5']
    assert nearby['4, ours: glot_3dpw (3 runs)'][0] == '52.0 ± 2.0'
    assert report.count('## ') == 3  # no table without a result of ours
    assert 'Not in the paper' not in report


def test_what_the_paper_does_not_have(tmp_path):
    scores = {
        '3DPW': {**paper(50.0, 80.0, 6.0, 96.0), 'mmhuman3d': {'MPJPE': 71.0, '3DPCK': 90.0}},
        'test': paper(1.0, 2.0, 3.0),
    }
    path = write(tmp_path / 'a.json', 'configs/glot/glot_3dpw.py', 'a.pth', scores)
    synthetic = write(tmp_path / 'b.json', 'my/own.py', 'b.pth', {'test': paper(4.0, 5.0, 6.0)})
    report = make_report([read_result(path), read_result(synthetic)])
    section = report.split('## Not in the paper\n')[1]
    lines = [[cell.strip() for cell in line.split('|')[1:-1]] for line in section.splitlines() if '|' in line]
    assert lines[0] == [
        'config',
        'test set',
        'protocol',
        'MPJPE (mm)',
        '3DPCK (%)',
        'PA-MPJPE (mm)',
        'ACCEL (mm/frame²)',
    ]
    assert lines[2:] == [
        ['glot_3dpw', '3DPW', 'mmhuman3d', '71.0', '90.0', '–', '–'],
        ['glot_3dpw', 'test', 'paper', '2.0', '–', '1.0', '3.0'],
        ['own', 'test', 'paper', '5.0', '–', '4.0', '6.0'],
    ]
    assert 'GLoT, ours: glot_3dpw ' in report


def test_a_run_counts_once(results, tmp_path):
    copy = tmp_path / 'copy.json'
    copy.write_text(results['seed0'].read_text())
    with pytest.raises(InputError, match=r'seed0.json and .*copy.json hold the same run of seed0.pth; name it once'):
        make_report([read_result(results['seed0']), read_result(copy)])
    with pytest.raises(InputError, match='no results'):
        make_report([])


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('{', 'not readable as JSON'),
        ('[]', 'no config, so not a result'),
        ('{"config": "a"}', 'no checkpoint, so not a result'),
        ('{"config": "a", "checkpoint": "b"}', 'no metrics, so not a result'),
        ('{"config": "a", "checkpoint": "b", "metrics": {}}', 'metrics are not numbers by test set'),
        ('{"config": "a", "checkpoint": "b", "metrics": {"MPJPE": 1.0}}', 'metrics are not numbers by test set'),
        ('{"config": "a", "checkpoint": "b", "metrics": {"s": {"paper": {"MPJPE": "x"}}}}', 'metrics are not numbers'),
    ],
)
def test_broken_results(tmp_path, content, message):
    (tmp_path / 'result.json').write_text(content)
    with pytest.raises(InputError, match=rf'result.json: {message}'):
        read_result(tmp_path / 'result.json')
    with pytest.raises(InputError, match='absent.json: no such result'):
        read_result(tmp_path / 'absent.json')


def test_config_names():
    assert config_name('configs/glot/glot_3dpw.py') == 'glot_3dpw'
    assert config_name('/home/me/configs/glot/ablations/gmm_alone.py') == 'ablations/gmm_alone'


def test_published_rows_are_whole():
    """Every config is in one row of a table, and GLoT's row is the same in all of them."""
    glot = {'PA-MPJPE': 50.6, 'MPJPE': 80.7, 'PVE': 96.3, 'ACCEL': 6.6}
    for table in TABLES:
        configs = [config for row in table.rows for config in row.configs]
        assert len(configs) == len(set(configs))
        assert all(set(row.scores) <= set(table.columns) for row in table.rows)
        found = [row for row in table.rows if 'glot_3dpw' in row.configs]
        assert all(row.scores['3DPW'] == glot for row in found)


def test_the_tool(repository, results, tmp_path, monkeypatch, capsys):
    out = tmp_path / 'report.md'
    monkeypatch.setattr('sys.argv', ['report.py', str(results['seed0']), '--out', str(out)])
    runpy.run_path(str(repository / 'tools/report.py'), run_name='__main__')
    monkeypatch.setattr('sys.argv', ['report.py', str(results['seed0'])])
    runpy.run_path(str(repository / 'tools/report.py'), run_name='__main__')
    assert capsys.readouterr().out == out.read_text()
    assert '| GLoT, ours: glot_3dpw |          50.0 |' in out.read_text()
