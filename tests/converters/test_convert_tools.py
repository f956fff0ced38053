"""The command-line tools as processes."""

import re
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
    assert re.search(r'^h36m-test-front +h36m_test_front_25fps_tight_db.pt$', out, re.MULTILINE)
    assert re.search(r'^raw:pw3d +pw3d/$', out, re.MULTILINE)


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


def test_raw_data_set_and_what_comes_next(run, tmp_path):
    spin = tmp_path / 'root' / 'spin_data'
    spin.mkdir(parents=True)
    arrays = {
        'openpose': np.ones((2, 25, 3)),
        'part': np.ones((2, 24, 3)),
        'scale': np.ones(2),
        'center': np.ones((2, 2)),
    }
    np.savez(spin / 'mpii_train.npz', imgname=np.array(['images/1.jpg', 'images/2.jpg']), **arrays)
    out = tmp_path / 'out'
    status, output, errors = run('convert_datasets', '--root', tmp_path / 'root', '--out', out, 'raw:spin')
    assert f'raw:spin spin_mpii_train: {out}/spin_mpii_train.npz\n' in output
    assert f'extract_features.py {out}/spin_mpii_train.npz {out}/spin_mpii_train --image-root {spin}' in output
    assert status == 2
    assert f'error: raw:spin lsp: {spin}' in errors  # the parts that are not there


def test_raw_data_sets_without_mmhuman3d(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'glot_plugin.framework.raw_sets', None)
    status, _, errors = run('convert_datasets', '--root', tmp_path, '--out', tmp_path / 'out', 'raw:pw3d')
    assert status == 2
    assert 'error: raw data sets and HumanData files need mmhuman3d' in errors


def test_unknown_raw_data_set(run, tmp_path):
    _, _, errors = run('convert_datasets', '--root', tmp_path, 'raw:3dpw')
    assert 'unknown raw data set raw:3dpw: expected some of raw:amass' in errors


def test_body_model_as_a_process(repository, tmp_path, body_dir):
    command = [sys.executable, 'tools/convert_body_model.py', body_dir / 'SMPL_NEUTRAL.pkl', tmp_path / 'plain.npz']
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / 'plain.npz')
