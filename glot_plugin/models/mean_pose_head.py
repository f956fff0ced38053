"""A baseline that always predicts SMPL's mean parameters."""

from pathlib import Path

from torch import Tensor, nn

from glot_plugin.body_model.smpl_files import MeanParams
from glot_plugin.models.mean_params import MeanParamsBuffer
from glot_plugin.registry import MODELS
from glot_plugin.structures import SmplParams


@MODELS.register_module()
class MeanPoseHead(nn.Module):
    """Predicts the mean parameters for every frame, whatever its features are; there is nothing to train.

    Args:
        mean_params: SMPL's mean parameters, or their file or folder.
    """

    def __init__(self, mean_params: MeanParams | str | Path | None = None) -> None:
        super().__init__()
        self.mean_params = MeanParamsBuffer(mean_params=mean_params)

    def predict_track(self, features: Tensor, chunk: int = 256) -> SmplParams:
        """The mean parameters (N, ...) for features (N, C)."""
        return self.mean_params.expand(len(features))
