"""The buffers of CUDA graphs, with a stand-in for the recording; the graph itself where there is a GPU."""

import pytest
import torch
from small_head import small_head
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from glot_plugin.benchmark.dispatch_counts import count_dispatches
from glot_plugin.models.fused_windows import FusedWindows
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


def on_a_gpu_in_thought(module: nn.Module) -> nn.Module:
    """The module with weights that have a device, shapes and types, but no numbers."""
    for part in module.modules():
        for tensors in (part._parameters, part._buffers):
            for name, tensor in tensors.items():
                if tensor is not None:
                    imagined = torch.empty(tensor.shape, dtype=tensor.dtype, device='cuda')
                    tensors[name] = nn.Parameter(imagined) if tensors is part._parameters else imagined
    return module


@pytest.mark.skipif(not torch.backends.cuda.is_built(), reason='needs a build of torch for GPUs, but no GPU')
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
@torch.no_grad()
def test_windows_can_be_recorded(dtype):
    """A graph's work stays on the device: no number comes from the host, and none goes there."""
    head = small_head().eval()
    windows = FusedWindows(head.global_branch, head.local_branch, slice(6, 11), dtype)
    with FakeTensorMode(allow_non_fake_inputs=True):
        windows = on_a_gpu_in_thought(windows)
        inputs = torch.empty(4, 16, 32, device='cuda'), torch.empty(4, 9, 16, device='cuda')
        counts = count_dispatches(lambda: windows(*inputs))
        output = windows(*inputs)
    assert (output.device.type, output.dtype, output.shape) == ('cuda', torch.float32, (4, 5, 157))
    assert not counts.host_reads
    assert not counts.copies
    assert counts.kernels['addmm'] > 10


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
    tolerance = 0.05 if 'bf16' in mode else 1e-5
    for track, params in zip(tracks, expected, strict=True):
        found = head.predict_track(track.cuda(), mode=mode)
        assert (found.flat.cpu() - params.flat).abs().mean() < tolerance * params.flat.std()
