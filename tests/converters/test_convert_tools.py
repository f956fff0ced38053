"""The command-line tools as processes."""

import runpy
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from glot_plugin.datasets import TrackStore


@pytest.fixture
def run(repository, monkeypatch, capsys) -> Callable[..., tuple[int, str, str]]:
    """Run a tool in this process (starting one takes longer than the work): its status, output and errors."""

    def run_tool(tool: str, *arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, 'argv', [f'{tool}.py', *map(str, arguments)])
        status = 0
        try:
            runpy.run_path(str(repository / 'tools' / f'{tool}.py'), run_name='__main__')
        except SystemExit as stopped:
            status = stopped.code
        return status or 0, *capsys.readouterr()

    return run_tool


@pytest.mark.parametrize('tool', ['convert_datasets', 'convert_body_model'])
def test_help(run, tool):
    status, out, _ = run(tool, '--help')
    assert status == 0
    assert f'usage: {tool}.py' in out


def test_list_of_names(run):
    _, out, _ = run('convert_datasets', '--list')
    assert 'h36m-test-front        h36m_test_front_25fps_tight_db.pt' in out


def test_everything_that_is_there_is_converted(run, tmp_path, make_database):
    make_database('3dpw-test')
    make_database('insta-variety')
    options = ('--root', tmp_path / 'root', '--out', tmp_path / 'out', '--half', '--human-data')
    status, out, errors = run('convert_datasets', *options)
    assert status == 0, errors
    for name in ('3dpw-test', 'insta-variety'):
        assert f'{name}: {tmp_path / "out" / name}\n' in out
        assert TrackStore(tmp_path / 'out' / name).columns['features'].dtype == np.float16
        with np.load(tmp_path / 'out' / f'{name}.npz') as file:
            assert len(file['features']) == len(file['image_path'])
    file = tmp_path / 'out' / '3dpw-test.npz'
    status, _, errors = run('convert_datasets', '--root', tmp_path, '--out', tmp_path / 'back', file)
    assert status == 0, errors
    assert TrackStore(tmp_path / 'back' / '3dpw-test').num_frames == 120  # the valid ones


def test_messages(run, tmp_path, make_database):
    make_database('posetrack', lambda database: database.pop('bbox'))
    options = ('--root', tmp_path / 'root', '--out', tmp_path / 'out')
    status, _, errors = run('convert_datasets', *options, 'posetrack')
    assert status == 2
    assert errors.splitlines()[-1].startswith(f'error: {tmp_path}/root/posetrack_train_db.pt: no key bbox')
    assert 'unknown data set 3dpw: expected some of 3dpw-train' in run('convert_datasets', *options, '3dpw')[2]
    assert '3dpw_val_db.pt: no such file' in run('convert_datasets', *options, '3dpw-val')[2]
    assert '--root is missing' in run('convert_datasets')[2]


def test_body_model_as_a_process(repository, tmp_path, body_dir):
    command = [sys.executable, 'tools/convert_body_model.py', body_dir / 'SMPL_NEUTRAL.pkl', tmp_path / 'plain.npz']
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / 'plain.npz')
