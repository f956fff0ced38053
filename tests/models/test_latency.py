"""Windows that end early: which frames they have, which branch predicts, and what is refused."""

import pytest
import torch
from small_head import small_head

from glot_plugin.errors import InputError
from glot_plugin.models import MeanPoseHead
from glot_plugin.models.latency import LatencyPredictor
from glot_plugin.windows import clamped_windows

CLOSE = {'atol': 1e-9, 'rtol': 1e-7}


@pytest.fixture(scope='module')
def track():
    return torch.randn(21, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize('target', [8, 13])
@pytest.mark.parametrize('early', ['global', 'repeat'])
@torch.no_grad()
def test_own_latency_is_exact(track, target, early):
    head = small_head(target_frame=target).double().eval()
    expected = head.predict_track(track)
    for latency in (None, head.latency):
        found = LatencyPredictor(head, latency, early).predict_track(track)
        torch.testing.assert_close(found.flat, expected.flat, **CLOSE)


@pytest.mark.parametrize(('latency', 'place'), [(0, 15), (2, 13)])
@torch.no_grad()
def test_beyond_the_nearby_frames_the_global_branch_predicts(track, latency, place):
    head = small_head().double().eval()
    found = LatencyPredictor(head, latency).predict_track(track)
    windows = track[clamped_windows(16, len(track), target_frame=place)]
    torch.testing.assert_close(found.flat, head(windows).global_params.flat[:, place], **CLOSE)


@torch.no_grad()
def test_the_local_branch_corrects_nearby_frames(track):
    head = small_head().double().eval()
    found = LatencyPredictor(head, 6).predict_track(track)
    windows = track[clamped_windows(16, len(track), target_frame=9)]
    torch.testing.assert_close(found.flat, head(windows).local_params.flat[:, 2], **CLOSE)


@torch.no_grad()
def test_repeated_frames_are_those_of_a_track_that_ends(track):
    head = small_head().double().eval()
    found = LatencyPredictor(head, 2, 'repeat').predict_track(track)
    for frame in (0, 5, 17, 20):
        ends = track[: frame + 3]
        torch.testing.assert_close(found.flat[frame], head.predict_track(ends).flat[frame], **CLOSE)


def test_bad_input():
    head = small_head(target_frame=13).eval()
    for latency in (3, -1, 1.0, True, '2'):
        with pytest.raises(InputError, match=rf'latency={latency!r}: expected a number of frames from 0 to 2'):
            LatencyPredictor(head, latency)
    with pytest.raises(InputError, match="early='local': expected one of global, repeat"):
        LatencyPredictor(head, early='local')
    with pytest.raises(InputError, match='inference mode fast: waits for several frames'):
        LatencyPredictor(head, mode='fast')
    with pytest.raises(InputError, match='needs a GLoTHead, found MeanPoseHead'):
        LatencyPredictor(MeanPoseHead())
    with pytest.raises(InputError, match='the head is in training mode'):
        LatencyPredictor(head.train())
