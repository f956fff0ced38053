"""SMPL pickles with chumpy's classes in them, as plain .npz."""

import gc
import os
import pickle
import resource
import sys
import types

import numpy as np
import pytest
from scipy import sparse

from glot_plugin.body_model import SMPLBody, load_smpl
from glot_plugin.converters import convert_body_model
from glot_plugin.errors import InputError


@pytest.fixture
def official_pickle(body_dir, tmp_path):
    """An SMPL file as the official ones: protocol 2, chumpy arrays, a sparse regressor, 300 shape components."""
    raw = load_smpl(body_dir / 'SMPL_NEUTRAL.pkl')
    ch, reordering = types.ModuleType('chumpy.ch'), types.ModuleType('chumpy.reordering')
    ch.Ch = type('Ch', (), {'__module__': 'chumpy.ch'})
    reordering.Select = type('Select', (), {'__module__': 'chumpy.reordering'})
    modules = {'chumpy': types.ModuleType('chumpy'), 'chumpy.ch': ch, 'chumpy.reordering': reordering}

    def chumpy(array):
        value = ch.Ch()
        value.x = array
        return value

    shapedirs = np.concatenate([raw.shapedirs, np.ones((6890, 3, 290))], axis=2)
    selection = reordering.Select()
    selection.a, selection.idxs, selection.preferred_shape = (
        chumpy(shapedirs),
        np.arange(shapedirs.size),
        shapedirs.shape,
    )
    kintree = np.stack([raw.parents.astype(np.uint32), np.arange(24, dtype=np.uint32)])
    model = {
        'v_template': chumpy(raw.v_template),
        'shapedirs': selection,
        'posedirs': chumpy(raw.posedirs),
        'J_regressor': sparse.csc_matrix(raw.joint_regressor),
        'weights': chumpy(raw.weights),
        'kintree_table': kintree,
        'f': raw.faces.astype(np.uint32),
        'bs_type': 'lrotmin',
    }
    folder = tmp_path / 'official'
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:  # other tests have placeholders of their own there
        for name, module in modules.items():
            patch.setitem(sys.modules, name, module)
        data = pickle.dumps(model, 2)
    for gender in ('NEUTRAL', 'MALE'):
        (folder / f'SMPL_{gender}.pkl').write_bytes(data)
    return folder


def test_the_npz_reads_as_the_pickle(official_pickle, body_dir, tmp_path):
    (out,) = convert_body_model(official_pickle / 'SMPL_NEUTRAL.pkl', tmp_path / 'plain' / 'SMPL_NEUTRAL.npz')
    with np.load(out, allow_pickle=False) as file:
        assert file['kintree_table'][0, 0] == 2**32 - 1
        assert file['shapedirs'].shape == (6890, 3, 10)
    ours, original = load_smpl(out), load_smpl(body_dir / 'SMPL_NEUTRAL.pkl')
    for name, values in vars(original).items():
        np.testing.assert_array_equal(getattr(ours, name), values)


def test_a_folder_makes_a_body(official_pickle, body_dir, body, tmp_path):
    import torch

    written = convert_body_model(official_pickle, tmp_path / 'plain')
    assert [path.name for path in written] == ['SMPL_MALE.npz', 'SMPL_NEUTRAL.npz']
    for name in ('J_regressor_extra.npy', 'J_regressor_h36m.npy', 'smpl_mean_params.npz'):
        os.link(body_dir / name, tmp_path / 'plain' / name)
    rotmat, betas = torch.eye(3).expand(2, 24, 3, 3), torch.randn(2, 10, generator=torch.Generator().manual_seed(0))
    plain = SMPLBody(tmp_path / 'plain')
    torch.testing.assert_close(plain.joints(rotmat, betas), body.joints(rotmat, betas))


def test_a_full_disk_is_one_error(official_pickle, tmp_path, monkeypatch):
    unraisable = []
    monkeypatch.setattr(sys, 'unraisablehook', unraisable.append)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, limit[1]))
    try:
        with pytest.raises(InputError, match='SMPL_NEUTRAL.npz: cannot be written'):
            convert_body_model(official_pickle / 'SMPL_NEUTRAL.pkl', tmp_path / 'out' / 'SMPL_NEUTRAL.npz')
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    gc.collect()
    assert not unraisable
    assert not list((tmp_path / 'out').iterdir())


def test_bad_input(tmp_path):
    with pytest.raises(InputError, match='ends in .npz'):
        convert_body_model(tmp_path / 'a.pkl', tmp_path / 'b.pkl')
    with pytest.raises(InputError, match='a.pkl: no such file'):
        convert_body_model(tmp_path / 'a.pkl', tmp_path / 'b.npz')
    with pytest.raises(InputError, match='no SMPL_\\*.pkl in this folder'):
        convert_body_model(tmp_path, tmp_path / 'out')
    (tmp_path / 'a.pkl').write_bytes(pickle.dumps({3: np.zeros(3), 'v_template': np.zeros(3)}))
    with pytest.raises(InputError, match='not an SMPL model.*found 3, v_template'):
        convert_body_model(tmp_path / 'a.pkl', tmp_path / 'b.npz')
    (tmp_path / 'a.pkl').write_bytes(pickle.dumps({'v_template': os.system}))
    with pytest.raises(InputError, match='refused to load'):
        convert_body_model(tmp_path / 'a.pkl', tmp_path / 'b.npz')
    assert not (tmp_path / 'b.npz').exists()
