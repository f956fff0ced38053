import pytest
import torch
from small_head import SMALL, small_head

from glot_plugin.errors import InputError
from glot_plugin.models import GLoTHead, NearbyFrames
from glot_plugin.windows import clamped_windows, frames_around, nearby_range


@pytest.mark.parametrize('num_frames', [16, 24, 32])
@pytest.mark.parametrize('position_embedding', ['learnable', 'fixed'])
def test_shapes_and_track_equals_windows(num_frames, position_embedding):
    changes = {name: {**SMALL[name]} for name in ('global_branch', 'local_branch')}
    changes['global_branch']['transformer'] = {
        **SMALL['global_branch']['transformer'],
        'position_embedding': position_embedding,
    }
    changes['local_branch']['position_embedding'] = position_embedding
    head = small_head(num_frames=num_frames, **changes).eval()
    track = torch.randn(37, 32)
    windows = track[clamped_windows(num_frames, 37)]
    with torch.no_grad():
        out = head(windows)
        assert out.global_params.pose6d.shape == (37, num_frames, 144)
        assert out.local_params.betas.shape == (37, 3, 10)
        by_track, by_window = head.predict_track(track, chunk=10), head.predict(windows)
    torch.testing.assert_close(by_track.pose6d, out.local_params[:, 1].pose6d, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(by_track.camera, by_window.camera, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(
    ('target', 'local_frames', 'latency'),
    [(None, slice(7, 10), 7), (11, slice(10, 13), 4), (14, slice(13, 16), 1), (15, slice(14, 16), 0)],
)
@pytest.mark.parametrize('start', [None, {'type': 'LandmarkPose'}])
def test_target_frame(target, local_frames, latency, start):
    """The prediction of a track is the local branch's at the target frame, whose latest neighbours may be missing."""
    width = 126 if start else 32
    changes = {'global_branch': {**SMALL['global_branch'], 'start': start}, 'in_dim': width}
    head = small_head(target_frame=target, **changes).eval()
    assert (head.local_frames, head.latency) == (local_frames, latency)
    track = torch.randn(19, width)
    windows = track[clamped_windows(16, 19, target_frame=target)]
    with torch.no_grad():
        out, by_track, by_window = head(windows), head.predict_track(track, chunk=10), head.predict(windows)
    assert out.local_frames == local_frames
    assert out.local_params.pose6d.shape == (19, local_frames.stop - local_frames.start, 144)
    expected = out.local_params[:, 1]
    for name in ('pose6d', 'betas', 'camera'):
        torch.testing.assert_close(getattr(by_track, name), getattr(expected, name), atol=1e-3, rtol=1e-3)
        torch.testing.assert_close(getattr(by_window, name), getattr(expected, name), atol=1e-3, rtol=1e-3)


def test_the_last_frame_needs_no_later_one():
    head = small_head(target_frame=15).eval()
    track = torch.randn(24, 32)
    with torch.no_grad():
        torch.testing.assert_close(
            head.predict_track(track[:20]).pose6d, head.predict_track(track)[:20].pose6d, atol=1e-5, rtol=1e-4
        )


def test_global_branch_alone():
    head = small_head(local_branch=None).eval()
    track = torch.randn(20, 32)
    with torch.no_grad():
        out = head(track[clamped_windows(16, 20)])
        assert out.local_params is None
        torch.testing.assert_close(
            head.predict_track(track).pose6d, out.global_params[:, 8].pose6d, atol=1e-5, rtol=1e-4
        )


@pytest.mark.parametrize('length', [1, 2, 15, 16, 17])
def test_tracks_of_any_length(length):
    params = small_head().eval().predict_track(torch.randn(length, 32))
    assert params.pose6d.shape == (length, 144)


def test_masked_frames_do_not_reach_the_global_branch():
    head = small_head(local_branch=None).eval()
    features = torch.randn(2, 16, 32)
    mask = torch.zeros(2, 16, dtype=torch.bool)
    mask[:, ::2] = True
    changed = features.clone()
    changed[mask] = 100.0
    with torch.no_grad():
        torch.testing.assert_close(head(features, mask).global_params.pose6d, head(changed, mask).global_params.pose6d)


def test_mask_is_drawn_in_training_only():
    head = small_head()
    features = torch.randn(2, 16, 32)
    assert head.eval()(features).frame_mask is None
    mask = head.train()(features).frame_mask
    assert (mask.sum(1) == 8).all()
    given = torch.arange(16).expand(2, -1) % 4 == 0
    assert torch.equal(head(features, given).frame_mask, given)


@pytest.mark.parametrize('detach', [True, False])
def test_detachment(detach):
    """Gradients of the local branch reach the global regressor only without detachment."""
    head = small_head(detach_global=detach).eval()
    head(torch.randn(2, 16, 32)).local_params.pose6d.sum().backward()
    gradient = head.global_branch.regressor.decode_pose.weight.grad
    assert (gradient is None) == detach
    assert head.global_branch.transformer.embed.weight.grad is not None  # through the memory


def test_every_parameter_is_trained():
    head = small_head()
    out = head(torch.randn(2, 16, 32))
    total = sum(p.pose6d.sum() + p.betas.sum() + p.camera.sum() for p in (out.global_params, out.local_params))
    total.backward()
    assert [name for name, p in head.named_parameters() if p.grad is None] == []


def test_parameter_count_of_the_paper():
    """16.74 M in the original, of which 1,049,600 (fc2) and 13,325 (two decoders) are never used."""
    count = sum(p.numel() for p in GLoTHead(local_branch={}).parameters())
    assert count == pytest.approx(16.74e6 - 1_049_600 - 13_325, abs=5e3)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'num_frames': 15}, 'num_frames=15: expected an even number'),
        ({'num_frames': '16'}, "num_frames='16': expected an even number of frames, an integer"),
        ({'num_frames': 16.0}, 'num_frames=16.0: expected an even number of frames, an integer'),
        ({'local_branch': {'nearby': 4.5}}, 'nearby=4.5 does not fit num_frames=16: expected an integer from 1 to 7'),
        ({'local_branch': {'num_heads': 7}}, 'num_heads=7: expected an integer that divides the width'),
        ({'global_branch': {'transformer': {'num_heads': 7}}}, 'num_heads=7: expected an integer that divides'),
        ({'global_branch': {'transformer': {'mask_ratio': '0.5'}}}, r"mask_ratio='0.5': expected a number in \[0, 1\)"),
        ({'num_frames': 8}, 'nearby=4 does not fit num_frames=8'),
        ({'target_frame': 16}, r'target_frame=16: expected an integer from 8 \(.*\) to 15 \(.*\) for num_frames=16'),
        ({'target_frame': 7}, 'target_frame=7: expected an integer from 8'),
        ({'target_frame': '15'}, "target_frame='15': expected an integer from 8"),
        ({'global_branch': {'transformer': {'mask_ratio': 1.0}}}, 'mask_ratio=1.0'),
        ({'global_branch': {'transformer': {'position_embedding': 'none'}}}, "position_embedding='none'"),
    ],
)
def test_bad_settings(changes, message):
    with pytest.raises(InputError, match=message):
        GLoTHead(**{**SMALL, **changes})


def test_wrong_features():
    head = small_head().eval()
    with pytest.raises(InputError, match=r'\(2, 16, 31\), expected \(clips, 16 frames, 32\)'):
        head(torch.randn(2, 16, 31))
    with pytest.raises(InputError, match=r'\(0, 32\), expected \(frames, 32\)'):
        head.predict_track(torch.randn(0, 32))


def test_frames_near_the_mid_frame():
    assert list(nearby_range(16, 4)) == [4, 5, 6, 7, 8, 9, 10, 11, 12]
    assert nearby_range(16, 4, target_frame=11) == range(7, 16)
    assert nearby_range(16, 4, target_frame=13) == nearby_range(16, 4, target_frame=15) == range(7, 16)
    assert nearby_range(16, 1, target_frame=14) == range(13, 16)
    assert frames_around(16, 1, target_frame=15) == slice(14, 16)
    assert frames_around(16, 1) == slice(7, 10)
    frames = torch.arange(16)[None, :, None].expand(2, -1, 3)
    assert NearbyFrames(16, 2)(frames)[0, :, 0].tolist() == [6, 7, 8, 9, 10]
    with pytest.raises(InputError, match='a window of 12 frames'):
        NearbyFrames(16, 2)(frames[:, :12])


def test_windows_are_clamped_to_the_track():
    windows = clamped_windows(4, 5)
    assert windows.tolist() == [[0, 0, 0, 1], [0, 0, 1, 2], [0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 4]]
