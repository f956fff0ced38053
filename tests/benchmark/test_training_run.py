"""A training that is measured is a whole one."""

import re

import pytest

from glot_plugin.benchmark import training_run
from glot_plugin.benchmark.fetch_speed import write_large_store
from glot_plugin.benchmark.training_run import Mode, Plan, measure_scaling, measure_training


@pytest.mark.training
def test_trainings_are_measured_and_drawn(body_dir, tmp_path, monkeypatch):
    monkeypatch.setitem(training_run.MODES, 'bfloat16', Mode('from memory', resident='cpu'))
    curves = {}

    def draw(losses, path):
        curves.update(losses)
        return path

    monkeypatch.setattr(training_run, 'draw_loss_curves', draw)
    store = write_large_store(tmp_path / 'store', 1500, 'float16')
    plan = Plan(store, str(body_dir), tmp_path, batch_size=4, iterations=2)
    title, *lines, picture = measure_training(['float32', 'bfloat16'], plan)
    assert 'batch 4, 2 iterations without validation' in title
    assert picture.endswith('training_losses.png')
    assert [line.split(':')[0] for line in lines] == ['- float32', '- from memory']
    assert all(float(re.search(r': ([\d,.]+) ms an', line)[1].replace(',', '')) > 0 for line in lines)
    assert curves['float32'].shape == (2,)
    assert curves['float32'].tolist() == curves['from memory'].tolist()
    assert [path.name for path in tmp_path.iterdir()] == ['store']  # the runs' folders are removed


@pytest.mark.slow
@pytest.mark.training
def test_two_processes_are_measured(body_dir, tmp_path, monkeypatch, repository):
    monkeypatch.setenv('PYTHONPATH', str(repository))
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    store = write_large_store(tmp_path / 'store', 1500, 'float16')
    one, two = measure_scaling((1, 2), Plan(store, str(body_dir), tmp_path, batch_size=2, iterations=2))
    assert one.startswith('- bfloat16, processes: 1: ')
    assert one.endswith('1.00 times as many as with 1')
    assert float(re.search(r'([\d.]+) times as many as with 1', two)[1]) > 0
