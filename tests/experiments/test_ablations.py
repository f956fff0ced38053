"""Methods and ablations on the hard data set: a table by one command, which goes on where it was interrupted."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from glot_plugin.errors import InputError, NonFiniteLossError
from glot_plugin.experiments import ablation_training, ablations
from glot_plugin.experiments.ablation_list import Budget
from glot_plugin.experiments.ablations import run_ablations
from glot_plugin.experiments.settings import METRICS
from glot_plugin.io.locks import lock_folder, unlock

TINY = {
    'model.head.global_branch.transformer.embed_dim': 32,
    'model.head.global_branch.transformer.decoder_dim': 16,
    'model.head.global_branch.regressor.hidden_dim': 32,
    'model.head.local_branch.dim': 16,
    'model.head.local_branch.depth': 1,
    'model.head.local_branch.regressor.hidden_dim': 32,
    'randomness.deterministic': True,
}
NAMES = ['glot_3dpw', 'input_length_24']
SEEDS = (0, 3)


def budget(**changes) -> Budget:
    return Budget(**{'iterations': 5, 'batch_size': 4, 'seeds': SEEDS, 'options': dict(TINY), **changes})


@pytest.fixture(scope='module')
def run(repository, body_dir):
    """Trains two configs with two seeds, tiny ones on little data; gives back the table and what was said."""

    def run(out: Path, say: Callable[[str], None] | None = None, workers: int = 1, **changes) -> tuple[str, list[str]]:
        lines = []

        def listen(line: str) -> None:
            lines.append(line)
            if say is not None:
                say(line)

        configs = repository / 'configs/glot'
        return run_ablations(out, body_dir, budget(**changes), NAMES, configs, workers, listen), lines

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ablations, 'FRAMES', {'train_frames': 500, 'val_frames': 60, 'test_frames': 100})
        yield run


@pytest.fixture(scope='module')
def finished(run, tmp_path_factory) -> tuple[Path, str, list[str]]:
    """A run to the end: its folder, table and lines."""
    out = tmp_path_factory.mktemp('ablations')
    return out, *run(out)


def cells(table: str) -> dict[str, list[str]]:
    """The rows of a Markdown table by their first cell."""
    rows = [[cell.strip() for cell in line.strip('|').split('|')] for line in table.splitlines() if line[:1] == '|']
    return {row[0]: row[1:] for row in rows}


def scores_of(out: Path, name: str, seed: int) -> dict[str, float]:
    return json.loads((out / name / f'seed_{seed}/result.json').read_text())['metrics']


@pytest.mark.training
def test_table_has_what_changes_and_the_scores_of_both_seeds(finished):
    out, table, lines = finished
    rows = cells(table)
    assert rows['config'] == ['what it is, or changes', 'seeds', *METRICS, 'PA-MPJPE − GLoT', "the paper's"]
    latencies = [f'glot_3dpw, latency {latency}, {way}' for latency in (4, 2, 0) for way in ('global', 'repeat')]
    assert list(rows)[2:] == ['mean pose', 'glot_3dpw', *latencies, 'input_length_24']
    for name in NAMES:
        one, other = (scores_of(out, name, seed) for seed in SEEDS)
        assert one != other
        for metric, cell in zip(METRICS, rows[name][2:], strict=False):
            mean, deviation = (one[metric] + other[metric]) / 2, abs(one[metric] - other[metric]) / 2**0.5
            assert cell == f'{mean:.1f} ± {deviation:.1f}'
        for seed in SEEDS:
            assert not list((out / name / f'seed_{seed}').glob('*.pth'))  # finished: the checkpoints have served
    assert rows['input_length_24'][0].startswith('Windows of 24 frames')
    assert rows['input_length_24'][-1] == '51.2 / 82.7 / 98.5 / 6.7'
    assert len({tuple(rows[name][2:6]) for name in ('mean pose', *NAMES, *latencies)}) == 9  # each its own predictor
    assert table.startswith('5 iterations of 4 clips from scratch, on 500 frames of the hard data set; tested on 100')
    assert any(line.startswith('glot_3dpw, seed 3: iteration    1 of 5, loss') for line in lines)
    assert any(line.startswith('3 of 4 trainings done, about 0:00:') for line in lines)
    assert lines[-1] == f'\n{table}\n\ntable: {out / "table.md"}'
    assert (out / 'curves.png').is_file()


@pytest.mark.training
def test_interrupted_run_goes_on_and_gives_the_same_table(run, finished, tmp_path):
    def interrupt(line: str) -> None:
        if line.startswith('glot_3dpw, seed 3: iteration    3 of 5'):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, interrupt)
    assert (tmp_path / 'glot_3dpw/seed_0/result.json').is_file()
    assert not (tmp_path / 'glot_3dpw/seed_3/result.json').exists()
    rows = cells((tmp_path / 'table.md').read_text())
    assert rows['glot_3dpw'][1] == '1'
    assert rows['input_length_24'][1:] == ['0', *['–'] * 5, '51.2 / 82.7 / 98.5 / 6.7']

    table, lines = run(tmp_path)
    assert '1 of 4 trainings finished before' in lines
    assert 'glot_3dpw, seed 3: goes on, 5 iterations' in lines
    steps = [int(found[1]) for line in lines if (found := re.search(r'seed 3: iteration +(\d+) of', line))]
    assert steps[:2] == [3, 4]  # the checkpoint of iteration 2 was the last
    assert table == finished[1]
    assert (tmp_path / 'table.md').read_text() == table + '\n'


@pytest.mark.training
@pytest.mark.process
def test_side_by_side_gives_the_same_table(run, finished, tmp_path):
    table, lines = run(tmp_path, workers=2, seeds=(0,))
    assert cells(table).keys() == cells(finished[1]).keys()
    for name in NAMES:  # threads may sum in another order
        assert scores_of(tmp_path, name, 0) == pytest.approx(scores_of(finished[0], name, 0), rel=1e-3)
        assert any(line.startswith(f'{name}, seed 0: iteration') for line in lines)


@pytest.mark.training
def test_what_another_process_trains_is_left_to_it(run, finished, tmp_path):
    out = tmp_path / 'copy'
    shutil.copytree(finished[0], out)
    folder = out / 'input_length_24/seed_3'
    (folder / 'result.json').unlink()
    lock = lock_folder(folder)
    try:
        table, lines = run(out)
    finally:
        unlock(lock)
    assert 'input_length_24, seed 3: another process trains it' in lines
    assert cells(table)['input_length_24'][1] == '1'


@pytest.mark.training
def test_results_of_other_settings_are_refused(run, finished):
    out = finished[0]
    with pytest.raises(InputError, match=r'glot_3dpw/seed_0 was trained with other settings .*iterations 5, now 6'):
        run(out, iterations=6)
    with pytest.raises(InputError, match=r'optim_wrapper.optimizer.lr 0.001, now 0.1'):
        run(out, options={**TINY, 'optim_wrapper.optimizer.lr': 0.1})


@pytest.mark.training
def test_diverging_training_does_not_end_the_others(run, tmp_path, monkeypatch):
    train = ablation_training.train

    def diverge(cfg, **arguments):
        if cfg.model.head.num_frames == 16:
            raise NonFiniteLossError('iteration 1: loss = nan')
        return train(cfg, **arguments)

    monkeypatch.setattr(ablation_training, 'train', diverge)
    with pytest.raises(NonFiniteLossError, match='glot_3dpw, seed 0: iteration 1: loss = nan'):
        run(tmp_path, seeds=(0,))
    rows = cells((tmp_path / 'table.md').read_text())
    assert rows['glot_3dpw'][1:7] == ['0', *['–'] * 5]
    assert all(float(value) > 0 for value in rows['input_length_24'][2:6])


def test_damaged_settings_name_the_file(run, tmp_path):
    (tmp_path / 'input_length_24/seed_0').mkdir(parents=True)
    (tmp_path / 'input_length_24/seed_0/settings.json').write_text('{')
    with pytest.raises(InputError, match=r'seed_0/settings.json: not readable as JSON .*; remove .*seed_0 to train'):
        run(tmp_path)
    assert not (tmp_path / 'data').exists()  # found before anything was made


def test_no_workers_is_an_error(run, tmp_path):
    with pytest.raises(InputError, match='--workers is 0, expected at least 1'):
        run(tmp_path, workers=0)


SCORES = '{"PA-MPJPE": 1.0, "MPJPE": 1.0, "PVE": 1.0, "ACCEL": 1.0}'


@pytest.mark.training
@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('{}', 'no number PA-MPJPE, MPJPE, PVE, ACCEL in metrics'),
        ('[]', 'a list, expected an object'),
        ('{"metrics": {"PA-MPJPE": 1.0, "MPJPE": 1.0, "PVE": "x", "ACCEL": 1.0}}', 'no number PVE in metrics'),
        (f'{{"metrics": {SCORES}}}', 'no untrained and curve'),
        (f'{{"metrics": {SCORES}, "untrained": {{"4": {{}}}}, "curve": [[], []]}}', 'no number PA-MPJPE, MPJPE'),
    ],
)
def test_damaged_result_is_found_before_anything_is_trained(run, finished, tmp_path, content, message):
    out = tmp_path / 'copy'
    shutil.copytree(finished[0], out)
    (out / 'glot_3dpw/seed_3/result.json').write_text(content)
    (out / 'glot_3dpw/seed_0/result.json').unlink()
    with pytest.raises(InputError, match=rf'seed_3/result.json: {message}.*; remove .*seed_3 to train again'):
        run(out)
    assert not (out / 'glot_3dpw/seed_0/result.json').exists()


@pytest.mark.training
def test_killed_before_it_removed_its_checkpoints(run, finished, tmp_path):
    out = tmp_path / 'copy'
    shutil.copytree(finished[0], out)
    (out / 'glot_3dpw/seed_0/iter_4.pth').touch()
    assert run(out)[0] == finished[1]
    assert not list(out.glob('*/*/*.pth'))
