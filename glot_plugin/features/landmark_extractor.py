"""BlazePose's landmarks as a backbone: from crops to the vectors of `glot_plugin.features.landmarks`."""

import os

import numpy as np
import torch
from torch import Tensor

from glot_plugin.features.blazepose import BlazePoseDetector, BlazePoseLandmarker, PoseLandmarks, Roi, roi_between
from glot_plugin.features.crops import BOX_SCALE
from glot_plugin.features.landmarks import BLAZEPOSE21, FEATURE_DIM, landmark_features

LEAST_PRESENCE = 0.5  # below it there is no person in the crop: all visibilities are 0


class LandmarkExtractor:
    """The landmarks of the person in each crop, found without the frames before.

    The detector says where in the crop the person is, so a crop may be a whole frame; where it finds nobody, the whole
    crop is taken for the person. The person who is large and in the middle counts.

    Args:
        threads: Of LiteRT.

    Raises:
        InputError: LiteRT or the models are not installed.
    """

    crop_size = 512  # enough for the 256 pixels of the landmark model where a person fills half of a frame
    feature_dim = FEATURE_DIM

    def __init__(self, threads: int = min(os.cpu_count() or 1, 4)) -> None:
        self._detector, self._landmarker = BlazePoseDetector(threads), BlazePoseLandmarker(threads)

    def __call__(self, crops: Tensor) -> Tensor:
        """Features (B, 126) float32 of crops (B, S, S, 3) uint8 RGB."""
        return torch.from_numpy(np.stack([self._features(crop) for crop in crops.numpy()]))

    def to(self, device: torch.device) -> 'LandmarkExtractor':
        """Itself: LiteRT runs on the CPU."""
        return self

    def _features(self, crop: np.ndarray) -> np.ndarray:
        found = self._find(crop)
        points = list(BLAZEPOSE21)
        visibility = found.visibility[points] * (found.presence >= LEAST_PRESENCE)
        middle, side = len(crop) / 2, len(crop) / BOX_SCALE
        box = np.array([middle, middle, side, side])  # whose crop this is
        return landmark_features(found.world[points], found.image[points], visibility, box)

    def _find(self, crop: np.ndarray) -> PoseLandmarks:
        middle = np.full(2, len(crop) / 2)
        detected = self._detector(crop)
        rois = [roi_between(hips, tip) for hips, tip in detected.points[:, :2]]
        if rois:
            return self._landmarker(crop, max(rois, key=lambda roi: roi.side - 2 * np.linalg.norm(roi.center - middle)))
        guess = self._landmarker(crop, Roi(middle, float(len(crop)), 0.0))
        return self._landmarker(crop, guess.roi)
