import copy
import re

import torch

from glot_plugin.benchmark.model_speed import build_model, random_batch, train_step_remarks
from glot_plugin.benchmark.naive_model import as_published

MODEL = 'glot_plugin::glot/_base_/glot.py'


def test_the_naive_model_is_the_same_model(body_dir):
    """What a speed is compared with computes the same losses and gradients."""
    ours = build_model(MODEL, str(body_dir), 'cpu').eval()
    for parameter in ours.parameters():  # decoders begin near zero
        parameter.data += 0.01 * torch.randn(
            parameter.shape, generator=torch.Generator().manual_seed(parameter.numel())
        )
    naive = as_published(copy.deepcopy(ours), str(body_dir))
    batch = random_batch(2, 16, 'cpu', num_2d=1)
    batch['frame_mask'] = (torch.arange(16) % 2 == 0).expand(2, -1)
    losses = [model(mode='loss', **batch) for model in (ours, naive)]
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-4, atol=1e-5)
    for terms in losses:
        sum(terms.values()).backward()
    for (name, weight), other in zip(ours.named_parameters(), naive.parameters(), strict=True):
        scale = other.grad.abs().max().clamp(min=1e-2)
        assert ((weight.grad - other.grad).abs().max() / scale) < 1e-3, name


def test_remarks_on_a_step(body_dir):
    (remark,) = train_step_remarks(MODEL, str(body_dir), 'cpu', batch_size=2)
    kernels, reads, copies, gigabytes = re.findall(r'[\d.]+(?= kernels| values| copies| GB)', remark)
    assert int(kernels) > 300
    assert (reads, copies) == ('0', '0')
    assert 0.1 < float(gigabytes) < 10
