"""The buffers of CUDA graphs, with a stand-in for the recording; the graph itself where there is a GPU."""

import pytest
import torch
from small_head import small_head

from glot_plugin.models.inference_mode import MODES
from glot_plugin.models.window_graph import SIZES, GraphedFunction


class Recorder:
    """Replays a function on the inputs that it was recorded with, into the same output, as a graph does."""

    def __init__(self) -> None:
        self.sizes = []

    def __call__(self, function, inputs):
        self.sizes.append(len(inputs[0]))
        output = function(*inputs)
        return lambda: output.copy_(function(*inputs))


def weighted(first, second):
    return 2 * first if second is None else first + 10 * second


@torch.inference_mode()
def test_buffers():
    recorder = Recorder()
    graphed = GraphedFunction(weighted, recorder)
    kept = []
    for rows in (1, 3, 4, 2, 3, 1, 256):
        inputs = torch.randn(rows, 5), torch.randn(rows, 5)
        kept.append((graphed(*inputs), weighted(*inputs)))
    assert all(found.equal(expected) for found, expected in kept)  # outputs are not overwritten by later calls
    assert recorder.sizes == [1, 4, 2, 256]
    alone = torch.randn(3, 5)
    assert graphed(alone, None).equal(2 * alone)
    wider = torch.randn(3, 7)
    assert graphed(wider, None).equal(2 * wider)
    assert recorder.sizes == [1, 4, 2, 256, 4, 4]


def test_without_a_graph():
    recorder = Recorder()
    graphed = GraphedFunction(weighted, recorder)
    with torch.no_grad():
        many = torch.randn(SIZES[-1] + 1, 5)
        assert graphed(many, None).equal(2 * many)
    wanted = torch.randn(3, 5, requires_grad=True)
    assert graphed(wanted, None).requires_grad
    assert recorder.sizes == []


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
@pytest.mark.parametrize('mode', MODES)
@torch.inference_mode()
def test_tracks_on_a_gpu(mode):
    head = small_head().eval()
    tracks = [torch.randn(length, 32) for length in (1, 7, 300, 7)]
    expected = [
        head.predict_track(track, mode=mode.replace('bf16', 'exact').removesuffix('+exact')) for track in tracks
    ]
    head.cuda()
    tolerance = 0.05 if 'bf16' in mode else 1e-4
    for track, params in zip(tracks, expected, strict=True):
        found = head.predict_track(track.cuda(), mode=mode)
        torch.testing.assert_close(found.flat.cpu(), params.flat, atol=tolerance, rtol=tolerance)
