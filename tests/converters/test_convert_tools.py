"""The command-line tools that convert."""

import re
import sys

import numpy as np

from glot_plugin.datasets import TrackStore


def test_list_of_names(run_tool):
    _, out, _ = run_tool('convert_datasets', '--list')
    assert re.search(r'^h36m-test-front +h36m_test_front_25fps_tight_db.pt$', out, re.MULTILINE)
    assert re.search(r'^raw:pw3d +pw3d/$', out, re.MULTILINE)


def test_everything_that_is_there_is_converted(run_tool, tmp_path, make_database):
    make_database('3dpw-test')
    make_database('insta-variety')
    options = ('--root', tmp_path / 'root', '--out', tmp_path / 'out', '--half', '--human-data')
    status, out, errors = run_tool('convert_datasets', *options)
    assert status == 0, errors
    for name in ('3dpw-test', 'insta-variety'):
        assert f'{name}: {tmp_path / "out" / name}\n' in out
        assert TrackStore(tmp_path / 'out' / name).columns['features'].dtype == np.float16
        with np.load(tmp_path / 'out' / f'{name}.npz') as file:
            assert len(file['features']) == len(file['image_path'])
    file = tmp_path / 'out' / '3dpw-test.npz'
    status, _, errors = run_tool('convert_datasets', '--root', tmp_path, '--out', tmp_path / 'back', file)
    assert status == 0, errors
    assert TrackStore(tmp_path / 'back' / '3dpw-test').num_frames == 120  # the valid ones


def test_messages(run_tool, tmp_path, make_database):
    make_database('posetrack', lambda database: database.pop('bbox'))
    options = ('--root', tmp_path / 'root', '--out', tmp_path / 'out')
    status, _, errors = run_tool('convert_datasets', *options, 'posetrack')
    assert status == 2
    assert errors.splitlines()[-1].startswith(f'error: {tmp_path}/root/posetrack_train_db.pt: no key bbox')
    assert 'unknown data set 3dpw: expected some of 3dpw-train' in run_tool('convert_datasets', *options, '3dpw')[2]
    assert '3dpw_val_db.pt: no such file' in run_tool('convert_datasets', *options, '3dpw-val')[2]
    assert '--root is missing' in run_tool('convert_datasets')[2]


def test_raw_data_set_and_what_comes_next(run_tool, tmp_path):
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
    status, output, errors = run_tool('convert_datasets', '--root', tmp_path / 'root', '--out', out, 'raw:spin')
    assert f'raw:spin spin_mpii_train: {out}/spin_mpii_train.npz\n' in output
    assert f'extract_features.py {out}/spin_mpii_train.npz {out}/spin_mpii_train --image-root {spin}' in output
    assert status == 2
    assert f'error: raw:spin lsp: {spin}' in errors  # the parts that are not there


def test_raw_data_sets_without_mmhuman3d(run_tool, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'glot_plugin.framework.raw_sets', None)
    status, _, errors = run_tool('convert_datasets', '--root', tmp_path, '--out', tmp_path / 'out', 'raw:pw3d')
    assert status == 2
    assert 'error: raw data sets and HumanData files need mmhuman3d' in errors


def test_unknown_raw_data_set(run_tool, tmp_path):
    _, _, errors = run_tool('convert_datasets', '--root', tmp_path, 'raw:3dpw')
    assert 'unknown raw data set raw:3dpw: expected some of raw:amass' in errors


def test_body_model(run_tool, tmp_path, body_dir):
    status, out, errors = run_tool('convert_body_model', body_dir / 'SMPL_NEUTRAL.pkl', tmp_path / 'plain.npz')
    assert status == 0, errors
    assert out.strip() == str(tmp_path / 'plain.npz')
    assert (tmp_path / 'plain.npz').is_file()
