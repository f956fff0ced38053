"""The ablation list on the embedded data set: a table by one command, which goes on where it was interrupted."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from glot_plugin.errors import InputError, NonFiniteLossError
from glot_plugin.experiments import ablations
from glot_plugin.experiments.ablations import (
    METRICS,
    Budget,
    ablation_table,
    run_ablations,
)

TINY = {
    'model.head.global_branch.transformer.embed_dim': 32,
    'model.head.global_branch.transformer.decoder_dim': 16,
    'model.head.global_branch.regressor.hidden_dim': 32,
    'model.head.local_branch.dim': 16,
    'model.head.local_branch.depth': 1,
    'model.head.local_branch.regressor.hidden_dim': 32,
    'train_dataloader.num_workers': 0,
    'train_dataloader.persistent_workers': False,
    'randomness.deterministic': True,
}
NAMES = ['input_length_24', 'nearby_2']


def budget(**changes) -> Budget:
    return Budget(**{'iterations': 5, 'batch_size': 4, 'options': dict(TINY), **changes})


@pytest.fixture(scope='module')
def run(repository, body_dir):
    """Trains the two ablations, with a tiny model on little data; gives back the table and the lines that were said."""

    def run(out: Path, say: Callable[[str], None] | None = None, **changes) -> tuple[str, list[str]]:
        lines = []

        def listen(line: str) -> None:
            lines.append(line)
            if say is not None:
                say(line)

        return run_ablations(out, body_dir, budget(**changes), NAMES, repository / 'configs/glot', listen), lines

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


@pytest.mark.training
def test_table_has_what_changes_and_the_scores(finished):
    out, table, lines = finished
    rows = cells(table)
    assert rows['ablation'] == ['what changes', *METRICS]
    assert list(rows)[2:] == ['mean pose', *NAMES]
    for name, change in zip(NAMES, ('Windows of 24 frames', '2 nearby frames on each side'), strict=True):
        scores = json.loads((out / name / 'result.json').read_text())['metrics']
        assert rows[name][0].startswith(change)
        assert rows[name][1:] == [f'{scores[metric]:.1f}' for metric in METRICS]
        assert not list((out / name).glob('*.pth'))  # finished: the checkpoints have served
    assert len({tuple(rows[name][1:]) for name in ('mean pose', *NAMES)}) == 3  # each is a predictor of its own
    assert table.startswith('5 iterations of 4 clips from scratch, seed 0, on 500 synthetic frames')
    assert any(line.startswith('[1/2] input_length_24: iteration    1 of 5, loss') for line in lines)
    assert lines[-1] == f'\n{table}\n\ntable: {out / "table.md"}'


@pytest.mark.training
def test_interrupted_run_goes_on_and_gives_the_same_table(run, finished, tmp_path):
    def interrupt(line: str) -> None:
        if line.startswith('[2/2] nearby_2: iteration    3 of 5'):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, interrupt)
    assert (tmp_path / 'input_length_24/result.json').is_file()
    assert not (tmp_path / 'nearby_2/result.json').exists()
    assert list(cells((tmp_path / 'table.md').read_text()))[2:] == ['mean pose', 'input_length_24']

    table, lines = run(tmp_path)
    assert '[1/2] input_length_24: finished before' in lines
    assert '[2/2] nearby_2: goes on, 5 iterations' in lines
    steps = [int(found[1]) for line in lines if (found := re.search(r'iteration +(\d+) of', line))]
    assert steps == [3, 4, 5]  # the checkpoint of iteration 2 was the last
    assert table == finished[1]
    assert (tmp_path / 'table.md').read_text() == table + '\n'


@pytest.mark.training
def test_results_of_other_settings_are_refused(run, finished):
    out = finished[0]
    with pytest.raises(InputError, match=r'input_length_24 was trained with other settings .*iterations 5, now 6'):
        run(out, iterations=6)
    with pytest.raises(InputError, match=r'optim_wrapper.optimizer.lr 0.0004, now 0.1'):
        run(out, options={**TINY, 'optim_wrapper.optimizer.lr': 0.1})


@pytest.mark.training
def test_diverging_ablation_does_not_end_the_others(run, tmp_path, monkeypatch):
    train = ablations.train

    def diverge(cfg, **arguments):
        if cfg.model.head.num_frames == 24:
            raise NonFiniteLossError('iteration 1: loss = nan')
        return train(cfg, **arguments)

    monkeypatch.setattr(ablations, 'train', diverge)
    with pytest.raises(NonFiniteLossError, match='input_length_24: iteration 1: loss = nan'):
        run(tmp_path)
    rows = cells((tmp_path / 'table.md').read_text())
    assert rows['input_length_24'][1:] == ['–'] * 4
    assert all(float(value) > 0 for value in rows['nearby_2'][1:])


def test_damaged_result_names_the_file(run, tmp_path):
    (tmp_path / 'nearby_2').mkdir()
    (tmp_path / 'nearby_2/settings.json').write_text('{')
    with pytest.raises(
        InputError, match=r'nearby_2/settings.json: not readable as JSON .*; remove .*nearby_2 to train'
    ):
        run(tmp_path)
    assert not (tmp_path / 'data').exists()  # found before anything was made


@pytest.mark.training
@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('{}', 'no number PA-MPJPE, MPJPE, PVE, ACCEL in metrics'),
        ('[]', 'a list, expected an object'),
        ('{"metrics": {"PA-MPJPE": 1.0, "MPJPE": 1.0, "PVE": "x", "ACCEL": 1.0}}', 'no number PVE in metrics'),
    ],
)
def test_damaged_result(run, finished, tmp_path, content, message):
    out = tmp_path / 'copy'
    shutil.copytree(finished[0], out)
    (out / 'nearby_2/result.json').write_text(content)
    with pytest.raises(InputError, match=rf'nearby_2/result.json: {message}; remove .*nearby_2 to train again'):
        run(out)


@pytest.mark.training
def test_killed_before_it_removed_its_checkpoints(run, finished, tmp_path):
    out = tmp_path / 'copy'
    shutil.copytree(finished[0], out)
    (out / 'nearby_2/iter_4.pth').touch()
    assert run(out)[0] == finished[1]
    assert not list((out / 'nearby_2').glob('*.pth'))


def test_table_by_hand():
    rows = {
        'base': ('nothing', {'PA-MPJPE': 50.04, 'MPJPE': 80.06, 'PVE': 96.3, 'ACCEL': 6.0}),
        'other': ('all', {}),
    }
    assert ablation_table(rows, Budget(iterations=7, batch_size=2, seed=3)).splitlines()[2:] == [
        '| ablation | what changes | PA-MPJPE | MPJPE |  PVE | ACCEL |',
        '|----------|--------------|---------:|------:|-----:|------:|',
        '| base     | nothing      |     50.0 |  80.1 | 96.3 |   6.0 |',
        '| other    | all          |        – |     – |    – |     – |',
    ]
