"""SMPL's mean parameters as buffers: checkpoints contain them, so inference needs no extra file."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from glot_plugin.body_model.smpl_files import MeanParams, load_mean_params
from glot_plugin.structures import SmplParams


class MeanParamsBuffer(nn.Module):
    """Holds pose (J * 6), betas and camera, and expands them to a batch.

    Args:
        num_joints: J.
        num_betas: Shape components.
        mean_params: The parameters, or the `smpl_mean_params.npz` (or its folder) to read them from. By default the
            pose is the identity, the shape zero and the camera (0.9, 0, 0), until `set` or a checkpoint changes them.
    """

    def __init__(
        self, num_joints: int = 24, num_betas: int = 10, mean_params: MeanParams | str | Path | None = None
    ) -> None:
        super().__init__()
        self.register_buffer('pose6d', torch.eye(3)[:, :2].flatten().repeat(num_joints))
        self.register_buffer('betas', torch.zeros(num_betas))
        self.register_buffer('camera', torch.tensor([0.9, 0.0, 0.0]))
        if mean_params is not None:
            self.set(mean_params if isinstance(mean_params, MeanParams) else load_mean_params(mean_params))

    def set(self, mean_params: MeanParams) -> None:
        for name in ('pose6d', 'betas', 'camera'):
            getattr(self, name).copy_(torch.as_tensor(np.asarray(getattr(mean_params, name))))

    def expand(self, *lead: int) -> SmplParams:
        """The mean parameters with leading dimensions `lead`, as views."""
        return SmplParams(self.pose6d, self.betas, self.camera).map(lambda x: x.expand(*lead, -1))

    def flat(self) -> Tensor:
        """(J * 6 + betas + 3,): pose, shape, camera, in that order."""
        return torch.cat([self.pose6d, self.betas, self.camera])


# Buffers (1, n) with the starting parameters of regressors derived from HMR's (SPIN's, VIBE's, mmhuman3d's).
HMR_BUFFERS = {'init_pose': 'pose6d', 'init_shape': 'betas', 'init_cam': 'camera'}


def set_mean_params(module: nn.Module, mean_params: MeanParams) -> None:
    """Set every `MeanParamsBuffer` inside `module`, and the corresponding buffers of third-party HMR heads."""
    for child in module.modules():
        if isinstance(child, MeanParamsBuffer):
            child.set(mean_params)
        elif _starts_as_hmr(child):
            for buffer, name in HMR_BUFFERS.items():
                getattr(child, buffer).copy_(torch.as_tensor(getattr(mean_params, name)))


def _starts_as_hmr(module: nn.Module) -> bool:
    buffers = dict(module.named_buffers(recurse=False))
    sizes = {'init_pose': 144, 'init_shape': 10, 'init_cam': 3}
    return all(name in buffers and buffers[name].shape == (1, size) for name, size in sizes.items())
