"""HMR's iterative regressor (Kanazawa et al., 2018), as GLoT's global branch uses it."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glot_plugin.body_model.smpl_files import MeanParams
from glot_plugin.models.dropout import Dropout
from glot_plugin.models.layers import init_linear
from glot_plugin.models.mean_params import MeanParamsBuffer
from glot_plugin.registry import MODELS
from glot_plugin.structures import SmplParams

# Decoders of residuals start near zero, so that the first prediction is the starting point (HMR).
DECODER_GAIN = 0.01


@MODELS.register_module()
class IterativeRegressor(nn.Module):
    """Regresses SMPL parameters by adding residuals to the mean parameters, a few times over.

    The hidden layer sees [feature, pose, shape, camera]; there is no activation. The second hidden layer of HMR and
    SPIN is not part of GLoT's forward pass and is left out.

    Args:
        in_dim: Feature width.
        hidden_dim: Width of the hidden layer.
        num_iterations: How often a residual is added.
        dropout: On the hidden layer, in training.
        mean_params: SMPL's mean parameters, or their file or folder.
    """

    def __init__(
        self,
        in_dim: int = 2048,
        hidden_dim: int = 1024,
        num_iterations: int = 3,
        dropout: float = 0.5,
        mean_params: MeanParams | str | Path | None = None,
    ) -> None:
        super().__init__()
        self.in_dim = in_dim
        self.num_iterations = num_iterations
        self.mean_params = MeanParamsBuffer(mean_params=mean_params)
        num_pose, num_betas = self.mean_params.pose6d.numel(), self.mean_params.betas.numel()
        self.fc1 = nn.Linear(in_dim + num_pose + num_betas + 3, hidden_dim)
        self.dropout = Dropout(dropout)
        self.decode_pose = nn.Linear(hidden_dim, num_pose)
        self.decode_betas = nn.Linear(hidden_dim, num_betas)
        self.decode_camera = nn.Linear(hidden_dim, 3)
        self.apply(init_linear)
        for decoder in (self.decode_pose, self.decode_betas, self.decode_camera):
            nn.init.xavier_uniform_(decoder.weight, gain=DECODER_GAIN)

    def forward(
        self, features: Tensor, through: nn.Linear | None = None, start: SmplParams | None = None
    ) -> SmplParams:
        """SMPL parameters (...) of features (..., in_dim).

        Args:
            features: (..., in_dim), or what a linear layer `through` makes them of.
            through: That layer. Two linear layers in a row are one: for hundreds of features at a time it is much
                cheaper to multiply their weights than to go through both.
            start: Parameters (...) that residuals are added to; the mean parameters without it.
        """
        decoders = (self.decode_pose, self.decode_betas, self.decode_camera)
        decode = torch.cat([decoder.weight for decoder in decoders])  # (157, hidden_dim)
        decode_bias = torch.cat([decoder.bias for decoder in decoders])
        weight, weight_of_params = self.fc1.weight.split([self.in_dim, self.fc1.in_features - self.in_dim], dim=1)
        bias = self.fc1.bias
        if through is not None:
            weight, bias = weight @ through.weight, torch.addmv(bias, weight, through.bias)
        first = self.mean_params.flat() if start is None else start.flat
        if start is None:
            bias = torch.addmv(bias, weight_of_params, first)
        # What feature and starting point contribute to the hidden layer is the same in every iteration: computed once.
        constant = F.linear(features, weight, bias)
        if start is not None:
            constant = constant + F.linear(first, weight_of_params)
        hidden, params = constant, first
        for iteration in range(self.num_iterations):
            if iteration:
                hidden = constant + F.linear(params - first, weight_of_params)
            params = params + F.linear(self.dropout(hidden), decode, decode_bias)
        return SmplParams(*params.split([decoder.out_features for decoder in decoders], dim=-1))
