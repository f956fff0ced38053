"""The configs of configs/glot/mixed: each trains, resumes, is tested and serves, through our own engine."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

import glot_plugin.framework  # noqa: F401 - before mmhuman3d
from glot_plugin.apis import infer_track, init_model
from glot_plugin.body_model import load_mean_params
from glot_plugin.checkpoints.reading import load_state, read_checkpoint
from glot_plugin.config import load_config, set_body_model_dir
from glot_plugin.engine.launch import build_runner, evaluate, prepare, train
from glot_plugin.errors import InputError
from glot_plugin.registry import MODELS

NAMES = ('gru_hmr', 'gru_hscr', 'global_transformer_hmr', 'glot_mmhuman3d_smpl')
GRU = {'model.head.neck.num_layers': 1, 'model.head.neck.hidden_size': 16, 'model.head.head.hdim': 16}
SMALL_MODEL = {
    'gru_hmr': GRU,
    'gru_hscr': {**GRU, 'model.head.correction.hidden_dim': 16},
    'global_transformer_hmr': {
        'model.head.neck.embed_dim': 32,
        'model.head.neck.decoder_dim': 16,
        'model.head.head.hdim': 16,
    },
    'glot_mmhuman3d_smpl': {
        'model.head.global_branch.transformer.embed_dim': 32,
        'model.head.global_branch.transformer.decoder_dim': 16,
        'model.head.global_branch.regressor.hidden_dim': 32,
        'model.head.local_branch.dim': 16,
        'model.head.local_branch.regressor.hidden_dim': 32,
    },
}
SMALL_RUN = {
    'train_dataloader.batch_size': 4,
    'train_dataloader.num_workers': 0,
    'train_dataloader.persistent_workers': False,
    'train_cfg.max_iters': 4,
    'train_cfg.val_interval': 4,
    'default_hooks.checkpoint.interval': 2,
    'randomness.seed': 0,
    'log_level': 'ERROR',
}


@pytest.fixture
def mixed_config(repository, body_dir, synthetic_data, tmp_path):
    """A function that makes a mixed config small, ready for the engine."""

    def make(name, work_dir='run', **options):
        stores = {f'{s}_dataloader.dataset.stores': [str(synthetic_data / s)] for s in ('train', 'val', 'test')}
        options = {**SMALL_RUN, **SMALL_MODEL[name], **stores, **options}
        cfg = load_config(repository / f'configs/glot/mixed/{name}.py', options)
        return prepare(cfg, tmp_path / work_dir, body_models=body_dir)

    return make


def last_state(folder: Path) -> dict[str, torch.Tensor]:
    return read_checkpoint(folder / 'iter_4.pth')['state_dict']


@pytest.mark.training
@pytest.mark.parametrize('name', NAMES)
def test_trains_resumes_and_is_tested(mixed_config, body_dir, tmp_path, name):
    runner = train(mixed_config(name))
    before, after = (read_checkpoint(tmp_path / f'run/iter_{k}.pth')['state_dict'] for k in (2, 4))
    trained = [key for key, _ in runner.model.named_parameters()]
    unchanged = [key for key in trained if torch.equal(before[key], after[key])]
    assert unchanged == [], 'parameters that two iterations did not change'
    assert all(value.isfinite().all() for value in after.values())
    assert not [key for key in after if key.startswith('body_model')]  # licensed files stay out of checkpoints

    # Interrupted after two iterations and resumed, it ends with the same weights.
    resumed = mixed_config(name, 'resumed')
    train(resumed, resume=str(tmp_path / 'run/iter_2.pth'))
    for key, value in last_state(tmp_path / 'resumed').items():
        torch.testing.assert_close(value, after[key], atol=0, rtol=0, msg=key)

    scores = evaluate(mixed_config(name, 'test'), tmp_path / 'run/iter_4.pth')['test']['paper']
    assert set(scores) >= {'PA-MPJPE', 'MPJPE', 'PVE', 'ACCEL'}
    assert all(0 < value < 2000 for value in scores.values())  # mm

    # Strictly: a checkpoint of another model is refused, with its keys.
    model = MODELS.build(mixed_config(name).model)
    load_state(model, after, 'checkpoint')
    with pytest.raises(InputError, match=r'missing \(1\)'):
        load_state(model, dict(list(after.items())[1:]), 'checkpoint')


@pytest.mark.parametrize('name', ['gru_hmr', 'gru_hscr', 'global_transformer_hmr'])
def test_mean_parameters_come_from_the_body_model_folder(mixed_config, body_dir, name):
    mean = load_mean_params(body_dir)
    model = MODELS.build(mixed_config(name).model)
    assert not np.allclose(model.head.head.init_cam.numpy(), mean.camera)
    model.init_weights()
    np.testing.assert_array_equal(model.head.head.init_pose[0].numpy(), mean.pose6d)
    np.testing.assert_array_equal(model.head.head.init_cam[0].numpy(), mean.camera)
    # mmhuman3d's own key for them works as well, and follows --body-models.
    theirs = mixed_config(name, **{'model.head.head.smpl_mean_params': 'data/body_models/smpl_mean_params.npz'})
    assert theirs.model.head.head.smpl_mean_params == str(body_dir / 'smpl_mean_params.npz')
    np.testing.assert_array_equal(MODELS.build(theirs.model).head.head.init_cam[0].numpy(), mean.camera)


def test_pretrained_parts_are_loaded(mixed_config, tmp_path):
    """mmcv's `init_cfg` works, and what it loads stands above the mean parameters."""
    head = MODELS.build({'type': 'mmhuman3d.HMRHead', 'feat_dim': 2048, 'hdim': 16})
    with torch.no_grad():
        head.init_cam += 5
    weights = tmp_path / 'head.pth'
    torch.save({'state_dict': {f'head.{key}': value for key, value in head.state_dict().items()}}, weights)
    init_cfg = {'type': 'Pretrained', 'checkpoint': str(weights), 'prefix': 'head.'}
    model = MODELS.build(mixed_config('gru_hmr', **{'model.head.head.init_cfg': init_cfg}).model)
    assert not torch.equal(model.head.head.fc1.weight, head.fc1.weight)
    model.init_weights()
    torch.testing.assert_close(dict(model.head.head.state_dict()), dict(head.state_dict()))


@pytest.mark.parametrize('name', NAMES)
def test_predicts_tracks_without_any_body_model_files(mixed_config, repository, tmp_path, name):
    cfg = mixed_config(name)
    model = MODELS.build(cfg.model)
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'model.pth')
    bare = load_config(repository / f'configs/glot/mixed/{name}.py', SMALL_MODEL[name])
    set_body_model_dir(bare, tmp_path / 'nowhere')
    served = init_model(bare, tmp_path / 'model.pth', device='cpu')
    assert served.body_model is None
    features = torch.randn(21, 2048, generator=torch.Generator().manual_seed(0))
    for length in (1, 21):
        track = infer_track(served, features[:length])
        assert track.rotmat.shape == (length, 24, 3, 3)
        assert np.isfinite(track.rotmat).all()
    with torch.no_grad():
        expected = model.eval().predict_track(features)
    np.testing.assert_allclose(track.rotmat, expected.rotmat.numpy(), atol=1e-6)


def test_their_body_model_gives_joints_and_meshes_of_tracks(mixed_config, body_dir, body, repository):
    cfg = load_config(repository / 'configs/glot/mixed/glot_mmhuman3d_smpl.py', SMALL_MODEL['glot_mmhuman3d_smpl'])
    track = infer_track(init_model(cfg, device='cpu', body_model_dir=body_dir), torch.zeros(3, 2048))
    pose = torch.from_numpy(track.rotmat), torch.from_numpy(track.betas)
    np.testing.assert_allclose(track.joints3d, body.joints(*pose).numpy(), atol=1e-5)
    np.testing.assert_allclose(track.vertices(), body.vertices(*pose).numpy(), atol=1e-5)


def test_their_body_model_gives_the_losses_and_scores_of_ours(mixed_config, body_dir, tmp_path):
    """glot_mmhuman3d_smpl is glot_synthetic with another implementation of the same body."""
    theirs = mixed_config('glot_mmhuman3d_smpl')
    ours = copy.deepcopy(theirs)
    body = {'type': 'SMPLBody', 'model_dir': str(body_dir)}
    ours.model.body_model, ours.work_dir = body, str(tmp_path / 'ours')
    for evaluator in (ours.val_evaluator, ours.test_evaluator):
        evaluator.body_model = body
    models = [MODELS.build(cfg.model) for cfg in (theirs, ours)]
    models[0].load_state_dict(models[1].state_dict())
    batch = next(iter(build_runner(copy.deepcopy(ours)).build_dataloader(ours.train_dataloader)))
    losses = []
    for model in models:
        torch.manual_seed(0)
        losses.append(model.train()(**model.data_preprocessor(batch), mode='loss'))
    assert len(losses[0]) == 12
    for name, value in losses[1].items():
        torch.testing.assert_close(losses[0][name], value, rtol=1e-4, atol=1e-6, msg=name)
    torch.save({'state_dict': models[1].state_dict()}, tmp_path / 'model.pth')
    scores = [evaluate(cfg, tmp_path / 'model.pth')['test']['paper'] for cfg in (theirs, ours)]
    for name in ('PA-MPJPE', 'MPJPE', 'PVE', 'ACCEL'):
        assert scores[0][name] == pytest.approx(scores[1][name], abs=0.02)


def test_masking_a_neck_that_cannot_mask_is_an_error_of_the_run(mixed_config):
    pipeline = [{'type': 'NormalizeKeypoints2d'}, {'type': 'MaskFrames'}, {'type': 'Pack'}]
    cfg = mixed_config('gru_hmr', **{'train_dataloader.dataset.pipeline': pipeline})
    with pytest.raises(InputError, match='TemporalGRUEncoder cannot mask frames; take MaskFrames out of the pipeline'):
        train(cfg)


def test_feature_widths_that_do_not_fit_name_both_parts(mixed_config):
    cfg = mixed_config('gru_hmr', **{'model.head.head.feat_dim': 1024})
    with pytest.raises(InputError, match='neck TemporalGRUEncoder, head HMRHead: do not work on windows of 16 frames'):
        build_runner(cfg)


def test_head_that_needs_more_than_features_is_refused_when_built(mixed_config):
    cfg = mixed_config('gru_hmr')
    cfg.model.head.head = {'type': 'mmhuman3d.CliffHead', 'feat_dim': 2048}
    with pytest.raises(InputError, match=r"head CliffHead: do not work .*TypeError.*'bbox_info'"):
        MODELS.build(cfg.model)
