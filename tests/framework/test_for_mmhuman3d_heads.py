"""HSCR and GLoT's head inside mmhuman3d."""

import pytest
import torch

import glot_plugin.framework  # noqa: F401 - before mmhuman3d

# isort: split
from mmhuman3d.models.heads.builder import build_head
from mmhuman3d.models.heads.hmr_head import HMRHead

from glot_plugin.body_model.smpl_files import load_mean_params
from glot_plugin.errors import InputError
from glot_plugin.models import GLoTHead

SMALL = {
    'global_branch': {
        'transformer': {'embed_dim': 16, 'decoder_dim': 16, 'decoder_num_heads': 4},
        'regressor': {'hidden_dim': 16},
    },
    'local_branch': {'dim': 16, 'depth': 1, 'num_heads': 4, 'regressor': {'hidden_dim': 16}},
}


def hscr_head(**options):
    torch.manual_seed(0)
    return build_head({'type': 'glot.HSCRHead', 'feat_dim': 12, 'hdim': 16, **options})


def glot_head(num_frames=8, **options):
    torch.manual_seed(0)
    small = {**SMALL, 'local_branch': {**SMALL['local_branch'], 'nearby': 2}}
    return build_head({'type': 'glot.GLoTHead', 'feat_dim': 12, 'num_frames': num_frames, **small, **options})


def test_hscr_head_takes_what_hmr_head_takes(body_dir):
    mean_params = str(body_dir / 'smpl_mean_params.npz')
    theirs = build_head({'type': 'HMRHead', 'feat_dim': 12, 'hdim': 16, 'smpl_mean_params': mean_params}).eval()
    ours = hscr_head(smpl_mean_params=mean_params).eval()
    maps = torch.randn(3, 12, 2, 2)
    for x in (torch.randn(2, 5, 12), torch.randn(3, 12), maps, [torch.randn(1, 1), maps]):
        expected, found = theirs(x), ours(x)
        assert {key: value.shape for key, value in found.items()} == {k: v.shape for k, v in expected.items()}
    features = maps.mean(dim=(-2, -1))
    torch.testing.assert_close(ours(maps), ours(features))


def test_hscr_head_is_regression_then_correction(body_dir):
    head = hscr_head(smpl_mean_params=body_dir).eval()
    features = torch.randn(2, 3, 12)
    start = head.regressor(features)
    expected = head.hscr(features, start)
    torch.testing.assert_close(head(features)['pred_pose'], expected.rotmat)
    torch.testing.assert_close(head(features)['pred_cam'], expected.camera)
    for parameter in head.hscr.parameters():
        torch.nn.init.zeros_(parameter)
    torch.testing.assert_close(head(features)['pred_pose'], start.rotmat)  # no correction left
    torch.testing.assert_close(head(features)['pred_shape'], start.betas)


@pytest.mark.parametrize('detach', [False, True])
def test_hscr_head_trains_its_starting_point_unless_detached(detach):
    head = hscr_head(detach=detach).eval()
    head(torch.randn(2, 3, 12))['pred_cam'].sum().backward()
    assert (head.regressor.decode_camera.weight.grad is None) == detach
    assert head.hscr.correct_camera.weight.grad.abs().sum() > 0


def test_hscr_head_loads_the_weights_of_an_hmr_head(tmp_path):
    source = HMRHead(12, hdim=16)
    torch.save(source.state_dict(), tmp_path / 'spin.pth')
    head = hscr_head(init_cfg={'type': 'Pretrained', 'checkpoint': str(tmp_path / 'spin.pth')})
    head.init_weights()
    assert torch.equal(head.regressor.fc1.weight, source.fc1.weight)
    assert torch.equal(head.regressor.decode_pose.weight, source.decpose.weight)
    assert torch.equal(head.regressor.decode_betas.bias, source.decshape.bias)
    assert torch.equal(head.regressor.decode_camera.weight, source.deccam.weight)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'npose': 132}, 'npose=132, .* expected 144'),
        ({'nbeta': 11}, 'nbeta=11'),
        ({'parents': (-1, 0)}, '2 parents; expected .* 24'),
    ],
)
def test_hscr_head_says_which_sizes_it_cannot_give(options, message):
    with pytest.raises(InputError, match=message):
        hscr_head(**options)


def test_hscr_head_says_which_features_it_expects():
    with pytest.raises(InputError, match=r'features are \(2, 5, 13\), expected feat_dim=12'):
        hscr_head()(torch.zeros(2, 5, 13))


def test_glot_head_predicts_each_frame_from_its_own_window():
    head = glot_head().eval()
    clips = torch.randn(3, 11, 12)
    predictions = head(clips)
    for clip, pose, camera in zip(clips, predictions['pred_pose'], predictions['pred_cam'], strict=True):
        expected = head.glot.predict_track(clip)
        torch.testing.assert_close(pose, expected.rotmat)
        torch.testing.assert_close(camera, expected.camera)


def test_glot_head_trains_with_the_local_branch_at_the_mid_frames():
    head = glot_head().train()
    features = torch.randn(2, 8, 12)
    torch.manual_seed(1)
    predictions = head(features)
    torch.manual_seed(1)
    output = head.glot(features)
    near = slice(3, 6)  # mid - 1 … mid + 1 of 8 frames
    torch.testing.assert_close(predictions['pred_pose'][:, near], output.local_params.rotmat)
    others = [0, 1, 2, 6, 7]
    torch.testing.assert_close(predictions['pred_shape'][:, others], output.global_params.betas[:, others])
    assert output.frame_mask.sum() == 2 * 4


def test_glot_head_without_local_branch():
    head = glot_head(local_branch=None).eval()
    assert head.glot.local_branch is None
    assert head(torch.randn(2, 8, 12))['pred_pose'].shape == (2, 8, 24, 3, 3)


def test_glot_head_loads_the_names_of_the_core_head(body_dir):
    head = glot_head().eval()
    core = GLoTHead(12, 8, SMALL['global_branch'], {**SMALL['local_branch'], 'nearby': 2}, mean_params=body_dir).eval()
    head.load_state_dict(core.state_dict())
    features = torch.randn(1, 8, 12)
    torch.testing.assert_close(head(features)['pred_pose'][0], core.predict_track(features[0]).rotmat)
    mean = torch.as_tensor(load_mean_params(body_dir).pose6d)
    assert torch.equal(head.glot.global_branch.regressor.mean_params.pose6d, mean)


def test_glot_head_says_which_clips_it_expects():
    head = glot_head()
    with pytest.raises(InputError, match=r'\(2, 9, 12\), expected \(clips, 8 frames, 12\)'):
        head.train()(torch.zeros(2, 9, 12))
    with pytest.raises(InputError, match=r'features are \(2, 12\), expected clips'):
        head(torch.zeros(2, 12))
