import pytest
import torch

from glot_plugin.errors import InputError
from glot_plugin.models.masking import (
    MPSEMasking,
    frame_mask_from_noise,
    num_visible_frames,
    restore_frames,
    take_frames,
    visible_frames,
)


@pytest.mark.parametrize(('ratio', 'visible'), [(0.0, 16), (0.125, 14), (0.5, 8), (0.625, 6), (0.875, 2)])
def test_number_of_visible_frames(ratio, visible):
    assert num_visible_frames(16, ratio) == visible
    mask = frame_mask_from_noise(torch.rand(5, 16), ratio)
    assert (mask.sum(1) == 16 - visible).all()


@pytest.mark.parametrize('ratio', [-0.1, 1.0, 1.5])
def test_ratio_outside_its_range(ratio):
    with pytest.raises(InputError, match=r'mask_ratio=.*\[0, 1\)'):
        MPSEMasking(mask_ratio=ratio)


def test_ratio_that_leaves_nothing_visible():
    with pytest.raises(InputError, match='none of 16 frames stays visible'):
        num_visible_frames(16, 0.95)


def test_smallest_noise_stays_visible():
    noise = torch.tensor([[0.9, 0.1, 0.5, 0.3], [0.0, 0.2, 0.1, 0.7]])
    expected = torch.tensor([[True, False, True, False], [False, True, False, True]])
    assert (frame_mask_from_noise(noise, 0.5) == expected).all()


def test_restore_undoes_take():
    mask = frame_mask_from_noise(torch.rand(3, 16), 0.5)
    tokens, fill = torch.randn(3, 16, 7), torch.randn(7)
    frames = visible_frames(mask)
    restored = restore_frames(take_frames(tokens, frames), fill, frames, 16)
    assert torch.equal(restored[~mask], tokens[~mask])
    assert torch.equal(restored[mask], fill.expand(int(mask.sum()), -1))


def test_unequal_clips_are_an_error():
    with pytest.raises(InputError, match='leaves 1 to 2 visible frames'):
        visible_frames(torch.tensor([[True, False, False], [True, True, False]]))
    with pytest.raises(InputError, match='at least 1'):
        visible_frames(torch.ones(2, 4, dtype=torch.bool))


@pytest.mark.parametrize('mask_token', ['smpl', 'learnable'])
def test_token_fills_and_learns(mask_token):
    masking = MPSEMasking(dim=8, mask_token=mask_token)
    mask = masking.draw(2, 6)
    visible, frames = masking.take_visible(torch.randn(2, 6, 8), mask)
    restored = masking.restore(visible, frames, 6)
    assert torch.equal(restored[mask], masking.token().expand(6, -1))
    restored.sum().backward()
    assert all(p.grad is not None for p in masking.parameters())


def test_nothing_masked_still_reaches_the_token():
    """Distributed training asks for a gradient of every parameter, at mask ratio 0 too."""
    masking = MPSEMasking(dim=8, mask_ratio=0.0)
    tokens = torch.randn(2, 6, 8)
    visible, frames = masking.take_visible(tokens, masking.draw(2, 6))
    restored = masking.restore(visible, frames, 6)
    assert torch.equal(restored, tokens)
    restored.sum().backward()
    assert all((p.grad == 0).all() for p in masking.parameters())


def test_unknown_token():
    with pytest.raises(InputError, match="mask_token='zero'"):
        MPSEMasking(mask_token='zero')
