"""Captured attention: what the modules really used, and the modules are left as they were."""

import pytest
import torch
from timm.models.vision_transformer import Attention
from torch import nn

from glot_plugin.errors import InputError
from glot_plugin.models import GLoTHead
from glot_plugin.models.attention_capture import capture_attention, head_attentions
from glot_plugin.models.layers import CrossAttention
from glot_plugin.windows import clamped_windows


@pytest.fixture
def attention() -> Attention:
    torch.manual_seed(0)
    module = Attention(32, num_heads=4, qkv_bias=True, proj_drop=0.1).eval()
    nn.init.normal_(module.qkv.weight, std=0.5)
    return module


def test_self_attention_gives_the_output(attention):
    tokens = torch.randn(3, 7, 32)
    expected = attention(tokens)  # by the fused kernel
    with capture_attention({'encoder': [attention]}) as captured:
        output = attention(tokens)
    (weights,) = captured['encoder'][0]
    assert weights.shape == (3, 4, 7, 7)
    value = attention.qkv(tokens).unflatten(-1, (3, 4, 8))[:, :, 2].transpose(1, 2)
    torch.testing.assert_close(attention.proj((weights @ value).transpose(1, 2).flatten(2)), expected)
    torch.testing.assert_close(output, expected)


def test_cross_attention_gives_the_output():
    torch.manual_seed(0)
    attention = CrossAttention(32, num_heads=4)
    queries, memory = torch.randn(3, 2, 32), torch.randn(3, 16, 32)
    with capture_attention({'cross': [attention]}) as captured:
        output = attention(queries, memory)
    (weights,) = captured['cross'][0]
    assert weights.shape == (3, 4, 2, 16)
    value = attention.key_value(memory)[..., 32:].unflatten(-1, (4, 8)).transpose(1, 2)
    torch.testing.assert_close(attention.proj((weights @ value).transpose(1, 2).flatten(2)), output)


def test_modules_are_left_as_they_were(attention):
    tokens, fused = torch.randn(1, 5, 32), attention.fused_attn
    with capture_attention({'encoder': [attention]}) as captured:
        attention(tokens)
        attention(tokens)
        assert not attention.fused_attn
    attention(tokens)
    assert len(captured['encoder'][0]) == 2
    assert attention.fused_attn == fused
    wrong = capture_attention({'encoder': [attention, nn.Linear(2, 2)]})
    with pytest.raises(InputError, match='Linear: expected an Attention of timm or a CrossAttention'):
        wrong.__enter__()
    assert attention.fused_attn == fused


def test_attentions_of_a_head():
    small = {'depth': 2, 'num_heads': 2}
    head = GLoTHead(8, global_branch={'transformer': {'embed_dim': 8, 'decoder_dim': 8, **small}}).eval()
    with pytest.raises(InputError, match='model.head is GLoTHead, expected a GLoTHead with a local branch'):
        head_attentions(head)
    both = GLoTHead(
        8,
        global_branch={'transformer': {'embed_dim': 8, 'decoder_dim': 8, **small}},
        local_branch={'dim': 8, **small},
    ).eval()
    with torch.no_grad(), capture_attention(head_attentions(both)) as captured:
        both.predict_windows(torch.randn(5, 8), clamped_windows(16, 5), chunk=3)
    shapes = {
        name: [[tuple(weights.shape) for weights in block] for block in blocks] for name, blocks in captured.items()
    }
    assert shapes['global'] == 2 * [[(3, 2, 16, 16), (2, 2, 16, 16)]]
    assert shapes['local'] == 2 * [[(3, 2, 9, 9), (2, 2, 9, 9)]]
    assert shapes['cross'] == [[(3, 2, 1, 16), (2, 2, 1, 16)]]


def test_uncorrected_windows_are_the_global_branchs():
    torch.manual_seed(0)
    options = {'global_branch': {'transformer': {'embed_dim': 8, 'decoder_dim': 8}}, 'local_branch': {'dim': 8}}
    head = GLoTHead(8, **options).eval()
    features, windows = torch.randn(16, 8), torch.arange(16)[None]
    with torch.no_grad():
        expected = head(features[None]).global_params[:, 8]
        found = head.predict_windows(features, windows, corrected=False)
        corrected = head.predict_windows(features, windows)
    torch.testing.assert_close(found.pose6d, expected.pose6d)
    assert not torch.allclose(corrected.pose6d, expected.pose6d)
