"""Equality with the original implementation, on the same weights and inputs.

1e-4 absolute on rotations, joints (metres) and camera; 1e-3 relative on losses and gradient norms.
"""

import numpy as np
import pytest
import roma
import torch
from mmengine import Config

import glot_plugin  # noqa: F401 - registers the parts
from glot_plugin.body_model import project
from glot_plugin.checkpoints.original import from_original
from glot_plugin.checkpoints.reading import load_state
from glot_plugin.models.masking import frame_mask_from_noise
from glot_plugin.registry import MODELS

NUM_2D = 2
CONFIG = 'configs/glot/_base_/glot.py'


@pytest.fixture(scope='module')
def body_model_dir(parity_recipe, tmp_path_factory):
    folder = tmp_path_factory.mktemp('parity_body')
    parity_recipe.write_body_model(folder)
    return folder


@pytest.fixture(scope='module')
def original_state(parity_recipe):
    return {name: torch.from_numpy(w).float() for name, w in parity_recipe.official_state_dict(1).items()}


@pytest.fixture
def model(original_state, body_model_dir, repository):
    cfg = Config.fromfile(repository / CONFIG).model
    cfg.body_model.model_dir = str(body_model_dir)
    model = MODELS.build(cfg)
    load_state(model, from_original(original_state)[0], 'parity weights')
    return model.eval()


@pytest.fixture
def inputs(parity_recipe):
    return parity_recipe.inputs(1)


def close(actual: torch.Tensor, expected: np.ndarray, atol: float = 1e-4) -> None:
    np.testing.assert_allclose(actual.detach().numpy(), expected, atol=atol, rtol=0)


def theta_rotmat(theta: np.ndarray) -> np.ndarray:
    """Rotation matrices (..., 24, 3, 3) of theta (..., 85): camera 3, axis-angle 72, betas 10."""
    pose = torch.from_numpy(theta[..., 3:75]).unflatten(-1, (24, 3))
    return roma.rotvec_to_rotmat(pose).numpy()


@torch.no_grad()
def test_mid_frames(model, inputs, parity_reference):
    reference = {k.removeprefix('eval/'): v for k, v in parity_reference.items() if k.startswith('eval/')}
    features = torch.from_numpy(inputs['features']).float()
    params = model.head.predict(features)
    rotmat, body = params.rotmat, model.body_model
    close(rotmat, reference['rotmat'])
    close(params.betas, reference['betas'])
    close(params.camera, reference['cam'])
    joints = body.joints(rotmat, params.betas)
    close(joints, reference['joints49'])
    close(project(joints, params.camera), reference['keypoints2d'])
    close(body.joints(rotmat, params.betas, 'h36m14'), reference['joints14_h36m'])
    close(body.vertices(rotmat, params.betas)[:, ::53], reference['vertices_every_53'])


@torch.no_grad()
def test_global_branch(model, inputs, parity_reference):
    output = model.head(torch.from_numpy(inputs['features']).float())
    assert output.frame_mask is None
    mid = output.global_params[:, 8]
    close(mid.rotmat, parity_reference['eval/global_rotmat'])
    close(mid.betas, parity_reference['eval/global_betas'])
    close(mid.camera, parity_reference['eval/global_cam'])
    close(output.local_params[:, 1].rotmat, parity_reference['eval/rotmat'])


@torch.no_grad()
@pytest.mark.parametrize(('name', 'length'), [('track', 21), ('short_track', 5)])
@pytest.mark.parametrize('chunk', [4, 256])
def test_whole_tracks(model, parity_recipe, parity_reference, name, length, chunk):
    params = model.head.predict_track(torch.from_numpy(parity_recipe.track(1, length)).float(), chunk)
    close(params.rotmat, parity_reference[f'{name}/rotmat'])
    close(params.betas, parity_reference[f'{name}/betas'])
    close(params.camera, parity_reference[f'{name}/cam'])
    close(model.body_model.joints(params.rotmat, params.betas), parity_reference[f'{name}/joints49'])


@pytest.fixture
def training_model(model):
    """In training mode, without dropout and stochastic depth, as the fixtures were made."""
    for module in model.train().modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if type(module).__name__ == 'DropPath':
            module.drop_prob = 0.0
    return model


@pytest.fixture
def batch(inputs):
    def with_2d_only(array):
        return torch.from_numpy(np.concatenate([np.zeros((NUM_2D, *array.shape[1:])), array])).float()

    theta = with_2d_only(inputs['theta'])
    return {
        'features': torch.from_numpy(inputs['features']).float(),
        'frame_mask': frame_mask_from_noise(torch.from_numpy(inputs['noise']), 0.5),
        'keypoints2d': torch.from_numpy(inputs['keypoints2d']).float(),
        'keypoints3d': with_2d_only(inputs['keypoints3d']),
        'smpl_pose': theta[..., 3:75],
        'smpl_betas': theta[..., 75:],
        'has_keypoints3d': torch.arange(len(theta)) >= NUM_2D,
        'has_smpl': with_2d_only(inputs['has_smpl']).bool(),
        'frame_valid': torch.ones(theta.shape[:2], dtype=torch.bool),
    }


def test_training_outputs(training_model, batch, parity_reference):
    reference = {k.removeprefix('train/'): v for k, v in parity_reference.items() if k.startswith('train/')}
    assert (batch['frame_mask'].numpy() == reference['mask']).all()
    output = training_model.head(batch['features'], batch['frame_mask'])
    for name, params in (('global', output.global_params), ('local', output.local_params)):
        theta, rotmat = reference[f'{name}_theta'], params.rotmat
        close(rotmat, theta_rotmat(theta))
        close(params.camera, theta[..., :3])
        close(params.betas, theta[..., 75:])
        joints = training_model.body_model.joints(rotmat, params.betas)
        close(joints, reference[f'{name}_joints49'])
        close(project(joints, params.camera), reference[f'{name}_keypoints2d'])


def test_losses_and_gradients(training_model, batch, original_state, parity_reference):
    losses = training_model(mode='loss', **batch)
    expected = {k: v for k, v in parity_reference.items() if k.startswith(('loss/global/', 'loss/local/'))}
    expected.pop('loss/global/velocity3d_as_original')
    assert set(losses) == set(expected)
    for name, value in expected.items():
        assert losses[name].item() == pytest.approx(float(value), rel=1e-3), name
    total = sum(losses.values())
    assert total.item() == pytest.approx(float(parity_reference['loss/total']), rel=1e-3)

    total.backward()
    parameters = dict(training_model.named_parameters())
    norms = {k.removeprefix('grad_norm/'): v for k, v in parity_reference.items() if k.startswith('grad_norm/')}
    assert len(norms) == 8
    for original_name, norm in norms.items():
        (name,) = from_original({original_name: original_state[original_name]})[0]
        assert parameters[name].grad.norm().item() == pytest.approx(float(norm), rel=1e-3), original_name
