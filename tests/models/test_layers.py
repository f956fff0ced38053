import pytest
import torch

from glot_plugin.models.attention_capture import capture_attention
from glot_plugin.models.layers import TransformerEncoder


def encoder_and_tokens(depth: int) -> tuple[TransformerEncoder, torch.Tensor]:
    torch.manual_seed(0)
    encoder = TransformerEncoder(16, depth, num_heads=4).eval()
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return encoder, torch.randn(3, 9, 16)


@pytest.mark.parametrize('depth', [1, 3])
@pytest.mark.parametrize('queries', [slice(4, 5), slice(3, 6), slice(0, 9)])
def test_queries_are_what_all_tokens_would_have_been(depth, queries):
    encoder, tokens = encoder_and_tokens(depth)
    tokens.requires_grad_()
    expected, found = encoder(tokens)[:, queries], encoder(tokens, queries)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    gradients = [torch.autograd.grad(output.square().sum(), tokens)[0] for output in (expected, found)]
    torch.testing.assert_close(*gradients, atol=1e-3, rtol=1e-4)


def test_attention_can_be_captured_with_queries():
    encoder, tokens = encoder_and_tokens(2)
    with torch.no_grad(), capture_attention({'all': [block.attn for block in encoder.blocks]}) as captured:
        found = encoder(tokens, slice(4, 5))
    assert [weights[0].shape for weights in captured['all']] == 2 * [(3, 4, 9, 9)]
    torch.testing.assert_close(found, encoder(tokens)[:, 4:5], atol=1e-5, rtol=1e-5)
