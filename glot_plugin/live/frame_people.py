"""Who is in a frame, with the features that the model takes."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from glot_plugin.features.backbones import FrameExtractor, build_backbone
from glot_plugin.features.crops import crop_squares
from glot_plugin.features.landmarks import FEATURE_DIM
from glot_plugin.video.clip import Clip
from glot_plugin.video.people import observed_features
from glot_plugin.video.people_stage import LANDMARKS, PeopleOptions, build_tracker


class FramePeople(NamedTuple):
    """The P people in a frame.

    Attributes:
        ids: (P,) identities, from 1 by first appearance.
        box: (P, 4) centre x, centre y, width, height in pixels.
        features: (P, C).
    """

    ids: list[int]
    box: np.ndarray
    features: np.ndarray


class PeopleFinder:
    """Finds and follows the people of frames that come one after another.

    A person's landmarks say where the person is looked for in the next frame; the detector looks for others several
    times a second, and while someone is lost.

    Args:
        clip: What the frames are of.
        options: How people are found, and the backbone of their features.
        device: Of the backbone.
    """

    def __init__(self, clip: Clip, options: PeopleOptions, device: torch.device | str = 'cpu') -> None:
        self._tracker = build_tracker(clip, options)
        self._numbers: dict[int, int] = {}
        self._extractor: FrameExtractor | None = None
        self._in_dim = FEATURE_DIM
        if options.backbone.name != LANDMARKS:
            self._extractor = build_backbone(options.backbone).to(torch.device(device))
            self._in_dim = self._extractor.feature_dim

    def __call__(self, image: np.ndarray) -> FramePeople:
        """The people in the next frame (H, W, 3) uint8 RGB."""
        found = self._tracker(image)
        ids = [self._numbers.setdefault(identity, len(self._numbers) + 1) for identity in found]
        if not found:
            return FramePeople([], np.zeros((0, 4), np.float32), np.zeros((0, self._in_dim), np.float32))
        box = np.stack([one.box for one in found.values()]).astype(np.float32)
        if self._extractor is None:
            return FramePeople(ids, box, np.stack([observed_features(one) for one in found.values()]))
        return FramePeople(ids, box, self._extract(image, box, self._extractor))

    @staticmethod
    @torch.inference_mode()
    def _extract(image: np.ndarray, box: np.ndarray, extractor: Callable) -> np.ndarray:
        crops = crop_squares(image, box, extractor.crop_size)
        return extractor(torch.from_numpy(crops)).cpu().numpy()
