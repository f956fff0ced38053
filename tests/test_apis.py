import warnings

import numpy as np
import pytest
import torch

from glot_plugin.apis import infer_track, init_model
from glot_plugin.errors import InputError


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    return tmp_path_factory.mktemp('apis') / 'weights.pth'


@pytest.fixture
def model(small_config, checkpoint):
    cfg = small_config()
    if not checkpoint.exists():
        torch.save({'state_dict': init_model(cfg, device='cpu').state_dict()}, checkpoint)
    return init_model(cfg, checkpoint, device='cpu')


@pytest.mark.parametrize('length', [1, 5, 40])
def test_shapes(model, length):
    features = np.random.default_rng(0).random((length, 2048), dtype=np.float32)
    track = infer_track(model, features)
    assert track.rotmat.shape == (length, 24, 3, 3)
    assert track.betas.shape == (length, 10)
    assert track.camera.shape == (length, 3)
    assert track.joints3d.shape == (length, 49, 3)
    assert track.vertices().shape == (length, 6890, 3)
    again = infer_track(model, torch.from_numpy(features).double())
    np.testing.assert_array_equal(again.rotmat, track.rotmat)


@pytest.mark.parametrize('mode', ['exact', 'fast', 'bf16', 'fast+bf16'])
def test_modes(model, mode):
    features = np.random.default_rng(0).random((20, 2048), dtype=np.float32)
    track, exact = infer_track(model, features, mode), infer_track(model, features)
    assert track.rotmat.dtype == np.float32
    assert np.abs(track.rotmat - exact.rotmat).max() < 0.2
    assert np.array_equal(track.rotmat, exact.rotmat) == (mode == 'exact')
    model.inference = mode
    np.testing.assert_array_equal(infer_track(model, features).rotmat, track.rotmat)


def test_unknown_modes(small_config, model):
    with pytest.raises(InputError, match="inference mode 'half': expected one of exact, fast, bf16, fast"):
        infer_track(model, np.zeros((2, 2048)), 'half')
    with pytest.raises(InputError, match="inference mode 'half': expected one of exact"):
        init_model(small_config(), device='cpu', cfg_options={'model.inference': 'half'})


def test_rotations_need_no_body_model_files(small_config, checkpoint, model, tmp_path):
    cfg = small_config()
    cfg.model.body_model.model_dir = str(tmp_path / 'absent')
    bare = init_model(cfg, checkpoint, device='cpu')
    features = np.random.default_rng(1).random((7, 2048))
    track = infer_track(bare, features)
    np.testing.assert_allclose(track.rotmat, infer_track(model, features).rotmat, atol=1e-6)
    with pytest.raises(InputError, match='joints and vertices need the body-model files'):
        _ = track.joints3d


@pytest.mark.parametrize('missing', ['SMPL_NEUTRAL.pkl', 'J_regressor_h36m.npy'])
def test_rotations_need_no_whole_folder_of_body_models(small_config, body_dir, tmp_path, missing):
    """A folder that lacks a file is as good as none, until joints are asked for."""
    for file in body_dir.iterdir():
        if file.name != missing:
            (tmp_path / file.name).symlink_to(file)
    cfg = small_config()
    cfg.model.body_model.model_dir = str(tmp_path)
    track = infer_track(init_model(cfg, device='cpu'), np.zeros((2, 2048)))
    with pytest.raises(InputError, match='joints and vertices need the body-model files'):
        track.vertices()
    cfg.model.body_model.gender = 'any'
    with pytest.raises(InputError, match="gender 'any': expected one of neutral, male, female"):
        init_model(cfg, device='cpu')


def test_arrays_that_torch_does_not_take_as_they_are(model):
    features = np.random.default_rng(2).random((5, 2048), dtype=np.float32)
    expected = infer_track(model, features).rotmat
    frozen = features.copy()
    frozen.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        for same in (features[::-1].copy()[::-1], features.astype('>f4'), frozen, features.tolist()):
            np.testing.assert_array_equal(infer_track(model, same).rotmat, expected)


@pytest.mark.parametrize(
    ('features', 'message'),
    [
        ('features.npy', 'features is str, expected a float array or tensor'),
        ({'features': 1}, 'features is dict, expected a float array or tensor'),
        (np.zeros((3, 1024)), r'\(3, 1024\), expected \(frames, 2048\)'),
        (np.zeros(2048), r'\(2048,\), expected \(frames, channels\)'),
        (np.zeros((0, 2048)), 'at least one frame'),
        (np.full((2, 2048), np.nan), 'features of frame 0 are not finite'),
    ],
)
def test_bad_features(model, features, message):
    with pytest.raises(InputError, match=message):
        infer_track(model, features)


def test_bad_files(small_config, tmp_path):
    with pytest.raises(InputError, match='no such config'):
        init_model(tmp_path / 'absent.py')
    with pytest.raises(InputError, match='absent.pth: no such checkpoint'):
        init_model(small_config(), tmp_path / 'absent.pth')
    with pytest.raises(InputError, match='/nowhere: no SMPL_NEUTRAL.pkl'):
        init_model(small_config(), body_model_dir='/nowhere')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'model.head.type': 'GLotHead'}, "unknown model type 'GLotHead'; did you mean 'GLoTHead'"),
        ({'model.head.local_branch.nerby': 4}, r"model.head.local_branch: LocalCorrection has no argument 'nerby'"),
    ],
)
def test_bad_options(small_config, options, message):
    with pytest.raises(InputError, match=message):
        init_model(small_config(), cfg_options=options)


def test_cfg_options(small_config):
    model = init_model(small_config(), cfg_options={'model.head.detach_global': False}, device='cpu')
    assert model.head.detach_global is False
    assert not model.training
