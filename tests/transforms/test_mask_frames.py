"""Frame masks: exact counts, the ranking of the noise, and the generator they draw from."""

import numpy as np
import pytest

from glot_plugin.errors import InputError
from glot_plugin.registry import TRANSFORMS
from glot_plugin.transforms import MaskFrames


@pytest.mark.parametrize('ratio', [-0.1, 1, 1.5, float('nan')])
def test_ratio_outside_its_range(ratio):
    with pytest.raises(InputError, match=r'mask_ratio=.*: expected a number in \[0, 1\)'):
        MaskFrames(mask_ratio=ratio)


@pytest.mark.parametrize('ratio', [0, 0.125, 0.3, 0.5, 0.625, 0.75, 0.9])
def test_every_clip_has_exactly_that_many_masked_frames(ratio):
    mask = MaskFrames(ratio)({'features': np.zeros((50, 16, 1))}, np.random.default_rng(0))['frame_mask']
    assert mask.dtype == np.bool_
    assert (mask.sum(axis=1) == 16 - int(16 * (1 - ratio))).all()


def test_transform_draws_from_the_generator_of_the_batch():
    batch = {'features': np.zeros((8, 16, 4), np.float32)}
    transform = TRANSFORMS.build({'type': 'MaskFrames', 'mask_ratio': 0.25})
    masks = [transform(batch, np.random.default_rng(seed))['frame_mask'] for seed in (1, 1, 2)]
    assert masks[0].shape == (8, 16)
    assert (masks[0].sum(axis=1) == 4).all()
    np.testing.assert_array_equal(masks[0], masks[1])
    assert (masks[0] != masks[2]).any()
    noise = np.random.default_rng(1).random((8, 16))
    assert (noise[~masks[0]].reshape(8, 12).max(1) < noise[masks[0]].reshape(8, 4).min(1)).all()
    assert 'frame_mask' not in batch


def test_every_frame_is_masked_equally_often():
    mask = MaskFrames(0.5)({'features': np.zeros((4000, 16, 1))}, np.random.default_rng(0))['frame_mask']
    np.testing.assert_allclose(mask.mean(axis=0), 0.5, atol=0.03)  # 3.8 standard deviations
