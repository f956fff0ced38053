import copy

import pytest
import torch
from small_head import small_head
from test_fused_windows import CLOSE, all_nearby
from torch import Tensor, nn

from glot_plugin.errors import InputError
from glot_plugin.models import GLoTHead
from glot_plugin.models.inference_mode import MODES
from glot_plugin.models.window_predictor import fast_frames
from glot_plugin.structures import SmplParams
from glot_plugin.windows import clamped_windows, windows_around

LENGTHS = [1, 2, 3, 4, 5, 16, 17, 37]


@pytest.mark.parametrize('length', LENGTHS)
@pytest.mark.parametrize('target', [8, 15])
@torch.no_grad()
def test_exact_is_as_published(length, target):
    head = small_head(target_frame=target).double().eval()
    track = torch.randn(length, 32, dtype=torch.float64)
    layered = head.predict_windows(track, clamped_windows(16, length, target_frame=target))
    for chunk in (4, 256):
        found = head.predict_track(track, chunk)
        torch.testing.assert_close(found.flat, layered.flat, **CLOSE)


@pytest.mark.parametrize(
    ('target', 'nearby', 'step', 'frames'),
    [
        (8, 4, 3, range(6, 11)),  # as published: the three frames that are trained on, and one on either side
        (11, 4, 3, range(9, 14)),
        (14, 4, 3, range(11, 16)),  # moved back into the window
        (15, 4, 2, range(13, 16)),  # the local branch is trained on two frames
        (8, 1, 2, range(7, 10)),  # there are only three nearby frames
    ],
)
def test_frames_of_the_fast_mode(target, nearby, step, frames):
    head = small_head(target_frame=target, local_branch={'dim': 16, 'num_heads': 4, 'nearby': nearby})
    assert fast_frames(head) == (step, slice(frames.start, frames.stop))


def fast_by_hand(head: GLoTHead, track: Tensor) -> Tensor:
    """The fast mode frame by frame: between two windows' central frames, the mean weighted by distance."""
    step, frames = fast_frames(head)
    centre, first = frames.start + step - 1, head.local_branch.select.frames.start
    centres = sorted({*range(0, len(track), step), len(track) - 1})
    windows = windows_around(torch.tensor(centres), 16, len(track), centre)
    params = all_nearby(head, track[windows]).flat
    by_hand = []
    for frame in range(len(track)):
        total = torch.zeros(157, dtype=torch.float64)
        before = max(c for c in centres if c <= frame)
        after = min(c for c in centres if c >= frame)
        for central in {before, after}:
            share = 1 - abs(frame - central) / max(after - before, 1)
            total += share * params[centres.index(central), centre - first + frame - central]
        by_hand.append(total)
    return torch.stack(by_hand)


@pytest.mark.parametrize('length', LENGTHS)
@pytest.mark.parametrize('target', [8, 14, 15])
@torch.no_grad()
def test_fast_is_a_cross_fade(length, target):
    head = small_head(target_frame=target).double().eval()
    track = torch.randn(length, 32, dtype=torch.float64)
    found = head.predict_track(track, chunk=4, mode='fast').flat
    torch.testing.assert_close(found, fast_by_hand(head, track), **CLOSE)


@torch.no_grad()
def test_fast_keeps_central_frames():
    head, track = small_head().double().eval(), torch.randn(20, 32, dtype=torch.float64)
    exact, fast = (head.predict_track(track, mode=mode).flat for mode in ('exact', 'fast'))
    torch.testing.assert_close(fast[::3], exact[::3], **CLOSE)
    assert not torch.allclose(fast[1], exact[1], atol=1e-3)


@pytest.mark.parametrize('local', [True, False])
@pytest.mark.parametrize('mode', MODES)
@torch.inference_mode()
def test_modes_are_near_each_other(mode, local):
    head = small_head(**({} if local else {'local_branch': None})).eval()
    still = torch.randn(32).expand(11, 32)  # nobody moves: frames differ by their position embeddings only
    exact, found = head.predict_track(still), head.predict_track(still, mode=mode)
    assert found.pose6d.dtype == found.rotmat.dtype == torch.float32
    differences = (found.flat - exact.flat).abs()
    assert differences.mean() < 0.2 * exact.flat.std()


class Shifted(nn.Module):
    """Starts from what three frames of features say."""

    reach = 1

    def __init__(self, in_dim: int) -> None:
        super().__init__()
        self.layer = nn.Linear(in_dim, 157)

    def forward(self, features: Tensor) -> SmplParams:
        before, after = (features[..., [0, *range(features.shape[-2] - 1)], :], features)
        return SmplParams.from_flat(self.layer(before + after))


@pytest.mark.parametrize('length', [1, 2, 30])
@torch.no_grad()
def test_start_of_the_regressor(length):
    head = small_head()
    head.global_branch.start = Shifted(32)
    head.double().eval()
    track = torch.randn(length, 32, dtype=torch.float64)
    layered = head.predict_windows(track, clamped_windows(16, length))
    torch.testing.assert_close(head.predict_track(track).flat, layered.flat, **CLOSE)
    fast = head.predict_track(track, mode='fast')
    torch.testing.assert_close(fast.flat[::3], layered.flat[::3], **CLOSE)


@pytest.mark.parametrize('change', ['in place', 'state', 'replaced', 'dtype', 'buffer', 'training'])
def test_changed_weights_are_used(change):
    """The matrices are kept until a weight changes, however it changes."""
    head, track = small_head().eval(), torch.randn(20, 32)
    regressor = head.global_branch.regressor
    with torch.inference_mode():
        before = head.predict_track(track, mode='fast').flat
        assert head.window_predictor('fast') is head.window_predictor('fast')
    if change == 'in place':
        with torch.no_grad():
            regressor.decode_pose.bias.add_(1)
    elif change == 'state':
        head.load_state_dict({name: 1.1 * value for name, value in head.state_dict().items()})
    elif change == 'replaced':
        regressor.decode_pose = nn.Linear(32, 144)
    elif change == 'training':  # a fused optimiser leaves no trace in the weights' versions
        head.train()(track[None, :16]).global_params.flat.sum().backward()
        torch.optim.Adam([*regressor.parameters()], lr=0.1, fused=True).step()
        head.eval()
    elif change == 'dtype':
        head.double()
        track = track.double()
    else:
        regressor.mean_params.camera.add_(1)
    with torch.inference_mode():
        found = head.predict_track(track, mode='fast').flat
        expected = copy.deepcopy(head).predict_track(track, mode='fast').flat
    torch.testing.assert_close(found, expected)
    assert change == 'dtype' or (found - before).abs().max() > 0.01


@pytest.mark.parametrize('training', [True, False])
def test_weights_that_a_fused_optimiser_changed_are_used(training):
    """It leaves the versions of the weights as they were."""
    head, track = small_head().eval(), torch.randn(20, 32)
    with torch.inference_mode():
        before = head.predict_track(track).flat
    optimiser = torch.optim.Adam(head.parameters(), lr=0.01, fused=True)
    if training:
        output = head.train()(torch.randn(2, 16, 32))
        (output.global_params.flat.sum() + output.local_params.flat.sum()).backward()
    else:  # as in fitting a model to one clip
        head.predict_track(track).pose6d.sum().backward()
    optimiser.step()
    with torch.inference_mode():
        found = head.eval().predict_track(track).flat
        expected = copy.deepcopy(head).predict_track(track).flat
    torch.testing.assert_close(found, expected)
    assert (found - before).abs().max() > 0.01


def test_gradients_go_through_the_modules():
    head, track = small_head().eval(), torch.randn(5, 32)
    head.predict_track(track).pose6d.sum().backward()
    assert head.global_branch.regressor.decode_pose.weight.grad is not None


def test_a_copy_has_predictors_of_its_own():
    head, track = small_head().eval(), torch.randn(5, 32)
    with torch.no_grad():
        expected = head.predict_track(track).flat
        other = copy.deepcopy(head)
        head.global_branch.regressor.decode_pose.bias.add_(1)
        assert other.predict_track(track).flat.equal(expected)
    assert [name for name in head.state_dict() if 'predictor' in name] == []


def test_not_while_training():
    with pytest.raises(InputError, match='inference mode fast: the head is in training mode; call eval'):
        small_head().train().predict_track(torch.randn(5, 32), mode='fast')


@torch.no_grad()
def test_unknown_layouts_are_predicted_as_published_only():
    head, track = small_head().eval(), torch.randn(5, 32)
    head.global_branch.__class__ = type('MyBranch', (type(head.global_branch),), {})
    assert head.predict_track(track).pose6d.shape == (5, 144)
    with pytest.raises(InputError, match='mode bf16: expected GlobalMotionModel and LocalCorrection, found MyBranch'):
        head.predict_track(track, mode='bf16')
