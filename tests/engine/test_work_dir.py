"""What a run starts from: the run in its work folder, a given checkpoint, or nothing."""

import math
import os
import shutil
from pathlib import Path

import pytest
import torch

from glot_plugin.checkpoints.reading import read_checkpoint
from glot_plugin.engine.launch import prepare, train
from glot_plugin.engine.work_dir import LOCK, best_checkpoint, last_checkpoint, training_in
from glot_plugin.errors import InputError


@pytest.fixture
def folder(tmp_path) -> Path:
    for name in ('iter_8.pth', 'iter_10.pth', '.iter_12.pth.partial', 'best_PA-MPJPE_iter_20.pth', 'spin.pth'):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ('pointer', 'expected'),
    [
        ('{folder}/iter_8.pth', 'iter_8.pth'),
        ('/moved/from/iter_8.pth', 'iter_8.pth'),
        ('', 'iter_10.pth'),  # killed while it was written
        ('{folder}/iter_6.pth', 'iter_10.pth'),
        (None, 'iter_10.pth'),
    ],
    ids=['named', 'moved', 'empty', 'removed', 'no pointer'],
)
def test_last_checkpoint(folder, pointer, expected):
    if pointer is not None:
        (folder / 'last_checkpoint').write_text(pointer.format(folder=folder))
    assert last_checkpoint(folder) == folder / expected


def test_last_checkpoint_that_is_saved_elsewhere(folder, tmp_path_factory):
    saved = tmp_path_factory.mktemp('elsewhere') / 'iter_30.pth'
    saved.touch()
    (folder / 'last_checkpoint').write_text(str(saved))
    assert last_checkpoint(folder) == saved


def test_best_checkpoint(folder):
    assert best_checkpoint(folder).name == 'best_PA-MPJPE_iter_20.pth'
    (folder / 'best_PA-MPJPE_iter_20.pth').unlink()
    assert best_checkpoint(folder).name == 'iter_10.pth'
    with pytest.raises(InputError, match='no checkpoint there'):
        best_checkpoint(folder / 'absent')


@pytest.fixture
def short_config(small_config):
    """Two iterations, a checkpoint after each, a validation after the second."""

    def make(**options):
        schedule = {'train_cfg.max_iters': 2, 'train_cfg.val_interval': 2, 'default_hooks.checkpoint.interval': 1}
        return small_config(**{**schedule, **options})

    return make


@pytest.fixture(scope='module')
def finished(tmp_path_factory) -> Path:
    """The folder of a run; filled by the first test that asks for `run`."""
    return tmp_path_factory.mktemp('finished') / 'run'


@pytest.fixture
def run(short_config, finished, tmp_path) -> Path:
    """A copy of the folder of a run."""
    if not finished.is_dir():
        train(prepare(short_config(), finished))
    return shutil.copytree(finished, tmp_path / 'run')


@pytest.mark.training
def test_a_folder_with_another_run_is_refused(short_config, run):
    before = {path: path.stat().st_mtime_ns for path in run.rglob('*')}
    with pytest.raises(
        InputError, match=r'run: a run has its checkpoints there \(iter_2.pth\); .*--resume.*--work-dir'
    ):
        train(prepare(short_config(), run))
    assert {path: path.stat().st_mtime_ns for path in run.rglob('*')} == before
    assert train(prepare(short_config(resume=True), run)).iter == 2  # the config's own way to go on


@pytest.mark.training
def test_resume_where_nothing_is_starts_anew_from_the_given_weights(short_config, run, tmp_path):
    """A run that was killed before its first checkpoint."""
    best = best_checkpoint(run)
    cfg = prepare(short_config(load_from=str(best)), tmp_path / 'new')
    assert train(cfg, resume=True).iter == 2
    assert (cfg.resume, cfg.load_from) == (False, str(best))


@pytest.mark.training
def test_resume_after_a_kill_and_a_move(short_config, run, finished):
    """The run goes on in its new place; a new best checkpoint replaces the one there."""
    before = sorted(finished.iterdir())
    (run / 'last_checkpoint').write_text('')
    checkpoint = read_checkpoint(run / 'iter_2.pth')
    checkpoint['message_hub']['runtime_info']['best_score'] = math.inf
    torch.save(checkpoint, run / 'iter_2.pth')
    cfg = prepare(short_config(**{'train_cfg.max_iters': 3}), run)
    assert train(cfg, resume=True).iter == 3
    assert cfg.load_from == str(run / 'iter_2.pth')
    assert [path.name for path in run.glob('best_*.pth')] == ['best_PA-MPJPE_iter_3.pth']
    assert sorted(finished.iterdir()) == before


@pytest.mark.training
def test_resume_asks_for_the_optimizer(short_config, run):
    best = best_checkpoint(run)
    with pytest.raises(InputError, match=f'{best.name}: no optimizer state.*--resume.*load_from={best}'):
        train(prepare(short_config(), run), resume=str(best))


@pytest.mark.training
def test_weights_of_a_checkpoint_stand_above_spin(short_config, run, tmp_path):
    """SPIN's file is not asked for where a checkpoint has the weights; it is where the run starts anew."""
    options = {'model.init_from_spin': '/nowhere/spin.pth'}
    with pytest.raises(InputError, match='spin.pth: no such file, but init_from_spin'):
        train(prepare(short_config(**options), tmp_path / 'new'), resume=True)
    assert train(prepare(short_config(**options), run), resume=True).iter == 2


def test_two_trainings_in_one_folder(short_config, run):
    """The second is refused, resumed or not, and nothing of the first one's is touched."""
    with training_in(run):
        before = {path: path.stat().st_mtime_ns for path in run.rglob('*')}
        for resume in (False, True):
            message = f'^{run}: another training runs in this folder \\(process {os.getpid()} on .*--work-dir DIR'
            with pytest.raises(InputError, match=message):
                train(prepare(short_config(), run), resume=resume)
        assert {path: path.stat().st_mtime_ns for path in run.rglob('*')} == before
    assert train(prepare(short_config(), run), resume=True).iter == 2
    assert not (run / LOCK).exists()


def test_what_a_killed_training_left_is_removed(tmp_path):
    for name in (LOCK, '.iter_4.pth.123.partial', 'iter_2.pth'):
        (tmp_path / name).touch()
    with training_in(tmp_path):
        assert {path.name for path in tmp_path.iterdir()} == {LOCK, 'iter_2.pth'}
    assert [path.name for path in tmp_path.iterdir()] == ['iter_2.pth']


def test_only_the_main_process_locks(tmp_path, monkeypatch):
    with training_in(tmp_path):
        monkeypatch.setattr('glot_plugin.engine.work_dir.is_main_process', lambda: False)
        with training_in(tmp_path):
            pass
        assert (tmp_path / LOCK).exists()


def test_file_systems_without_locks_train(tmp_path, monkeypatch):
    monkeypatch.setattr('glot_plugin.io.locks.fcntl.flock', lambda *_: (_ for _ in ()).throw(OSError(95, 'no locks')))
    with training_in(tmp_path), training_in(tmp_path):
        assert not list(tmp_path.iterdir())
