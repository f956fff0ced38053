"""NeckHead with parts of ours and of nobody's."""

import pytest
import roma
import torch
from torch import nn

from glot_plugin.body_model.smpl_files import MeanParams
from glot_plugin.errors import InputError
from glot_plugin.models.mean_params import set_mean_params
from glot_plugin.models.neck_head import NeckHead, smpl_params_of
from glot_plugin.structures import SmplParams, rot6d_to_rotmat
from glot_plugin.windows import clamped_windows

T, C = 8, 6


class CumulativeNeck(nn.Module):
    """Sums of the frames so far: what a frame gets depends on where its window begins."""

    def forward(self, x):
        return x.cumsum(dim=1)


class HmrLikeHead(nn.Module):
    """Returns a dict, as mmhuman3d's heads do; linear in its input, so outputs can be told from inputs."""

    def __init__(self, width=C, joints=24, camera=3):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.joints, self.seen = joints, []
        self.pose = nn.Parameter(torch.randn(width, joints * 6, generator=generator))
        self.rest = nn.Parameter(torch.randn(width, 10 + camera, generator=generator))
        for name, size in (('init_pose', 144), ('init_shape', 10), ('init_cam', 3)):
            self.register_buffer(name, torch.zeros(1, size))

    def forward(self, x):
        self.seen.append(tuple(x.shape))
        rotmat = rot6d_to_rotmat(x @ self.pose + torch.eye(3)[:, :2].flatten().repeat(self.joints))
        rest = x @ self.rest
        return {'pred_pose': rotmat, 'pred_shape': rest[..., :10], 'pred_cam': rest[..., 10:]}


class DropFrameNeck(nn.Module):
    def forward(self, x):
        return x[:, 1:]


def build(**options):
    config = {'neck': {'type': CumulativeNeck}, 'head': {'type': HmrLikeHead}, 'in_dim': C, 'num_frames': T}
    return NeckHead(**{**config, **options})


@pytest.fixture
def track():
    return torch.randn(21, C, generator=torch.Generator().manual_seed(3))


def assert_same(params, expected, atol=1e-5):
    torch.testing.assert_close(params.rotmat, expected.rotmat, atol=atol, rtol=0)
    torch.testing.assert_close(params.betas, expected.betas, atol=atol, rtol=1e-5)
    torch.testing.assert_close(params.camera, expected.camera, atol=atol, rtol=1e-5)


def test_forward_gives_every_frame_what_the_parts_give(track):
    head = build()
    windows = torch.stack([track[:T], track[3 : 3 + T]])
    output = head(windows)
    expected = head.head(windows.cumsum(1))
    assert output.local_params is None
    assert output.frame_mask is None
    torch.testing.assert_close(output.global_params.rotmat, expected['pred_pose'])
    torch.testing.assert_close(output.global_params.betas, expected['pred_shape'])
    torch.testing.assert_close(output.global_params.camera, expected['pred_cam'])


@pytest.mark.parametrize(('per_frame', 'shape'), [(True, (2 * T, C)), (False, (2, T, C))])
def test_the_head_gets_frames_or_windows(track, per_frame, shape):
    head = build(per_frame=per_frame)
    head(torch.stack([track[:T], track[3 : 3 + T]]))
    assert head.head.seen[-1] == shape


@pytest.mark.parametrize('per_frame', [True, False])
@pytest.mark.parametrize('length', [1, 5, 8, 21])
def test_mid_frames_of_clamped_windows(track, length, per_frame):
    head, features = build(per_frame=per_frame).eval(), track[:length]
    expected = head(features[clamped_windows(T, length)]).global_params[:, T // 2]
    assert_same(head.predict_track(features, chunk=4), expected)


def test_last_frames_of_clamped_windows(track):
    head = build(target_frame=T - 1, correction={'type': 'HSCR', 'in_dim': C, 'hidden_dim': 8}).eval()
    output = head(track[clamped_windows(T, len(track), target_frame=T - 1)])
    assert output.local_frames == slice(T - 2, T)
    assert_same(head.predict_track(track, chunk=4), output.local_params[:, 1])


@pytest.mark.parametrize('length', [1, 5, 8, 21])
def test_all_frames_of_disjoint_windows(track, length):
    head, features = build(predicted_frames='all').eval(), track[:length]
    filled = torch.cat([features, features[-1:].expand(T, -1)])
    expected = []
    for start in range(0, length, T):
        begin = min(start, max(length - T, 0))  # the last window ends with the track
        window = head(filled[None, begin : begin + T]).global_params[0]
        expected.append(window[start - begin : min(length - begin, T)])
    assert_same(head.predict_track(features, chunk=2), SmplParams.cat(expected))


def test_correction_is_the_local_branch(track):
    head = build(correction={'type': 'HSCR', 'in_dim': C, 'hidden_dim': 8}).eval()
    windows = torch.stack([track[:T], track[3 : 3 + T]])
    output = head(windows)
    start = output.global_params[:, T // 2 - 1 : T // 2 + 2]
    assert_same(output.local_params, head.correction(windows.cumsum(1)[:, T // 2 - 1 : T // 2 + 2], start))
    assert_same(head.predict_windows(track, torch.arange(T)[None]), output.local_params[:1, 1])
    assert (output.local_params.betas - start.betas).abs().max() > 1e-4


@pytest.mark.parametrize('detach', [True, False])
def test_detachment_cuts_the_head_from_the_corrections_loss(track, detach):
    head = build(correction={'type': 'HSCR', 'in_dim': C, 'hidden_dim': 8}, detach_global=detach)
    head(track[None, :T]).local_params.betas.sum().backward()
    assert (head.head.rest.grad is None) == detach
    assert head.correction.correct_betas.weight.grad.abs().max() > 0


def test_global_transformer_as_neck_masks_in_training_only(track):
    neck = {
        'type': 'GlobalTransformer',
        'in_dim': C,
        'num_frames': T,
        'embed_dim': 16,
        'depth': 1,
        'decoder_dim': 8,
        'mask_ratio': 0.5,
    }
    head = build(neck=neck)
    assert head(track[None, :T]).frame_mask.sum(1).tolist() == [4]
    given = torch.tensor([[True] + [False] * (T - 1)])
    assert head(track[None, :T], given).frame_mask is given
    hidden, changed = head.eval()(track[None, :T], given), track[None, :T].clone()
    changed[:, 0] += 1
    assert_same(head(changed, given).global_params, hidden.global_params)  # the masked frame is not seen
    assert head(track[None, :T]).frame_mask is None


def test_heads_of_ours_and_their_rotations_go_through_unchanged(track):
    head = build(head={'type': 'IterativeRegressor', 'in_dim': C, 'hidden_dim': 8}).eval()
    expected = head.head(track[None, :T].cumsum(1))
    assert torch.equal(head(track[None, :T]).global_params.pose6d, expected.pose6d)
    rotmat = roma.random_rotmat(5 * 24).view(5, 24, 3, 3)
    params = smpl_params_of({'pred_pose': rotmat, 'pred_shape': torch.zeros(5, 10), 'pred_cam': torch.ones(5, 3)})
    torch.testing.assert_close(params.rotmat, rotmat, atol=1e-6, rtol=0)


def test_mean_parameters_reach_heads_with_hmrs_buffers():
    head = build()
    mean = MeanParams(torch.arange(144.0).numpy(), torch.arange(10.0).numpy(), torch.tensor([2.0, 3.0, 4.0]).numpy())
    set_mean_params(head, mean)
    assert torch.equal(head.head.init_pose, torch.arange(144.0)[None])
    assert head.head.init_shape[0, 9] == 9
    assert head.head.init_cam.tolist() == [[2, 3, 4]]


def test_half_precision_keeps_rotations(track):
    head = build().eval()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        rotmat = head(track[None, :T]).global_params.rotmat
    torch.testing.assert_close(rotmat @ rotmat.mT, torch.eye(3).expand_as(rotmat), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'neck': {'type': DropFrameNeck}}, r'DropFrameNeck makes \(1, 7, 6\) of windows \(1, 8, 6\)'),
        ({'head': {'type': HmrLikeHead, 'joints': 22}}, r'gives pose6d \(8, 132\) for 8 frames, expected 144'),
        ({'head': {'type': HmrLikeHead, 'camera': 2}}, r'gives camera \(8, 2\) for 8 frames, expected 3'),
        ({'head': {'type': HmrLikeHead, 'width': 7}}, r'head HmrLikeHead: do not work on windows of 8 frames x 6'),
        ({'head': {'type': CumulativeNeck}}, 'returns Tensor, expected SmplParams'),
        ({'num_frames': 7}, 'num_frames=7: expected an even number'),
        ({'predicted_frames': 'last'}, "predicted_frames='last': expected one of mid, all"),
        ({'correction': {'type': 'HSCR', 'in_dim': 5}}, 'do not work on windows'),
    ],
)
def test_parts_that_do_not_fit_are_an_error_when_built(options, message):
    with pytest.raises(InputError, match=message):
        build(**options)


def test_dict_without_a_key():
    with pytest.raises(InputError, match='returns no pred_shape, pred_cam; found pred_pose, other'):
        smpl_params_of({'pred_pose': torch.eye(3), 'other': 1})


def test_wrong_features_and_masks_are_errors(track):
    head = build()
    with pytest.raises(InputError, match=r'features are \(1, 7, 6\), expected \(clips, 8 frames, 6\)'):
        head(track[None, :7])
    with pytest.raises(InputError, match=r'features are \(0, 6\), expected \(frames ≥ 1, 6\)'):
        head.predict_track(track[:0])
    with pytest.raises(InputError, match='CumulativeNeck cannot mask frames; take MaskFrames out'):
        head(track[None, :T], torch.zeros(1, T, dtype=torch.bool))
