"""The frame masks of masked pose and shape estimation (MPSE), drawn in the data pipeline."""

import numpy as np
import torch

from glot_plugin.models.masking import check_mask_ratio, frame_mask_from_noise
from glot_plugin.registry import TRANSFORMS


@TRANSFORMS.register_module()
class MaskFrames:
    """Put `frame_mask` (B, T) into a training batch; without it the head draws its own.

    Args:
        mask_ratio: share of masked frames, in [0, 1).
    """

    def __init__(self, mask_ratio: float = 0.5) -> None:
        check_mask_ratio(mask_ratio)  # fail now, not in the first batch
        self.mask_ratio = mask_ratio

    def __call__(self, batch: dict, rng: np.random.Generator) -> dict:
        noise = torch.from_numpy(rng.random(batch['features'].shape[:2]))  # (B, T)
        return {**batch, 'frame_mask': frame_mask_from_noise(noise, self.mask_ratio).numpy()}
