import numpy as np
import torch

from glot_plugin.body_model import MeanParams
from glot_plugin.models.iterative_regressor import IterativeRegressor
from glot_plugin.structures import SmplParams, rot6d_to_rotmat, rotmat_to_rot6d


def mean_params(seed: int = 0) -> MeanParams:
    rng = np.random.default_rng(seed)
    return MeanParams(rng.normal(size=144), rng.normal(size=10), rng.normal(size=3))


def test_equals_the_published_iteration():
    """Concatenating the feature anew in every iteration gives the same as its part computed once."""
    torch.manual_seed(0)
    regressor = IterativeRegressor(in_dim=32, hidden_dim=64, mean_params=mean_params()).eval()
    for parameter in regressor.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    features = torch.randn(4, 5, 32)
    start = regressor.mean_params.expand(4, 5)
    pose, betas, camera = start.pose6d, start.betas, start.camera
    for _ in range(3):
        hidden = regressor.fc1(torch.cat([features, pose, betas, camera], dim=-1))
        pose = pose + regressor.decode_pose(hidden)
        betas = betas + regressor.decode_betas(hidden)
        camera = camera + regressor.decode_camera(hidden)
    out = regressor(features)
    torch.testing.assert_close(out.pose6d, pose, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(out.betas, betas, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(out.camera, camera, atol=1e-4, rtol=1e-4)


def test_starts_near_the_mean():
    mean = mean_params()
    out = IterativeRegressor(in_dim=32, mean_params=mean).eval()(torch.zeros(2, 32))
    np.testing.assert_allclose(out.betas[0].detach().numpy(), mean.betas, atol=0.2)


def test_mean_params_travel_in_the_state_dict():
    source, target = IterativeRegressor(32, mean_params=mean_params()), IterativeRegressor(32)
    target.load_state_dict(source.state_dict())
    assert torch.equal(target.mean_params.flat(), source.mean_params.flat())


def test_rot6d_order_and_round_trip():
    """Six numbers are a 3 x 2 matrix in row-major order; its columns are the matrix's first two."""
    rotmat = rot6d_to_rotmat(torch.randn(2, 5, 24 * 6))
    torch.testing.assert_close(rotmat @ rotmat.mT, torch.eye(3).expand_as(rotmat), atol=1e-5, rtol=0)
    assert (torch.linalg.det(rotmat) > 0.99).all()
    rot6d = rotmat_to_rot6d(rotmat)
    assert torch.equal(rot6d[0, 0, :6], torch.stack([rotmat[0, 0, 0, :, 0], rotmat[0, 0, 0, :, 1]], -1).flatten())
    torch.testing.assert_close(rot6d_to_rotmat(rot6d), rotmat)


def test_smpl_params_cat_and_index():
    params = SmplParams(torch.randn(2, 3, 144), torch.randn(2, 3, 10), torch.randn(2, 3, 3))
    again = SmplParams.cat([params[:, :1], params[:, 1:]], dim=1)
    assert torch.equal(again.pose6d, params.pose6d)
    assert params.detach()[0].betas.shape == (3, 10)
