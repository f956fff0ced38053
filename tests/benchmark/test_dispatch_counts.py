import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from glot_plugin.benchmark.dispatch_counts import count_dispatches
from glot_plugin.benchmark.model_speed import build_model, random_batch, train_step

MODEL = 'glot_plugin::glot/_base_/glot.py'
# Two thirds of them are the forward and backward passes of linear layers and attention.
MOST_KERNELS = 650


def test_views_and_allocations_are_free():
    x = torch.randn(4, 6)
    counts = count_dispatches(lambda: (torch.empty(3), x.view(2, 12).T[1:].unsqueeze(0)))
    assert not counts.kernels
    assert not counts.host_reads


def test_kernels_and_reads():
    x = torch.randn(4, 6, requires_grad=True)

    def work():
        y = x.exp().sum()
        y.backward()
        return x[x > 0], y.item()

    counts = count_dispatches(work)
    # The backward pass starts from a one and multiplies by the exponential; the gradient of a sum is a view.
    assert counts.kernels == {'exp': 1, 'sum': 1, 'ones_like': 1, 'mul': 1, 'gt': 1}
    assert counts.host_reads == {'_local_scalar_dense': 1, 'index': 1}


def test_training_step_of_the_paper(body_dir):
    """Forward, losses, backward and Adam; today's number, so that a change that adds kernels is seen."""
    model = build_model(MODEL, str(body_dir), 'cpu')
    step = train_step(model, random_batch(2, 16, 'cpu', num_2d=1))
    step()
    counts = count_dispatches(step)
    assert counts.kernels.total() <= MOST_KERNELS
    assert not counts.host_reads
    assert not counts.copies


def on_a_gpu(tensor):
    return torch.empty(tensor.shape, dtype=tensor.dtype, device='cuda')


@pytest.mark.skipif(not torch.backends.cuda.is_built(), reason='a torch without CUDA')
@pytest.mark.parametrize(('config', 'width'), [(MODEL, 2048), ('glot_plugin::glot/glot_landmarks.py', 126)])
def test_nothing_leaves_or_enters_a_gpu(config, width, body_dir):
    """Head and losses on tensors without values that claim to be on a GPU: reading one is an error."""
    model = build_model(config, str(body_dir), 'cpu').train()
    batch = random_batch(2, 16, 'cpu', num_2d=1)
    batch['features'] = batch['features'][..., :width]
    with FakeTensorMode():
        for module in model.modules():
            for tensors in (module._parameters, module._buffers):
                for name, tensor in tensors.items():
                    if tensor is not None:
                        fake = on_a_gpu(tensor)
                        tensors[name] = torch.nn.Parameter(fake) if tensors is module._parameters else fake
        batch = {name: on_a_gpu(tensor) for name, tensor in batch.items()}
        counts = count_dispatches(lambda: model.parse_losses(model(mode='loss', **batch)))
    assert counts.kernels.total() > 100
    assert not counts.host_reads
    assert not counts.copies
