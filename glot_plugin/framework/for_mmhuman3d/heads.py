"""HSCR and GLoT's head as heads of mmhuman3d's estimators: features in, all T frames out, under mmhuman3d's keys."""

from collections.abc import Sequence
from pathlib import Path

import torch
from mmcv.runner import BaseModule
from mmhuman3d.models.heads.builder import HEADS as MMHUMAN3D_HEADS
from torch import Tensor

from glot_plugin.body_model.joint_sets import SMPL_PARENTS
from glot_plugin.errors import InputError
from glot_plugin.framework.for_mmhuman3d.registries import as_dict, child_registry
from glot_plugin.framework.for_mmhuman3d.state_dict_hooks import accept_names, respect_persistence
from glot_plugin.models import HSCR, IterativeRegressor
from glot_plugin.models import GLoTHead as GLoTModel
from glot_plugin.structures import SmplParams
from glot_plugin.windows import clamped_windows

HEADS = child_registry(MMHUMAN3D_HEADS)

# mmhuman3d's HMRHead under the names of our regressor; the second hidden layer (fc2) has no counterpart.
HMR_HEAD_NAMES = {
    'fc1.': 'regressor.fc1.',
    'decpose.': 'regressor.decode_pose.',
    'decshape.': 'regressor.decode_betas.',
    'deccam.': 'regressor.decode_camera.',
}


def as_predictions(params: SmplParams) -> dict[str, Tensor]:
    """Parameters (...) by mmhuman3d's names: `pred_pose` (..., 24, 3, 3), `pred_shape` (..., 10), `pred_cam` (..., 3).

    Their memory layout is one that mmhuman3d's estimators can flatten with `view`.
    """
    return {
        'pred_pose': params.rotmat.contiguous(),
        'pred_shape': params.betas.contiguous(),
        'pred_cam': params.camera.contiguous(),
    }


@HEADS.register_module()
class HSCRHead(BaseModule):
    """HMR's iterative regression, then HSCR: takes the place of mmhuman3d's `HMRHead`, with the same arguments.

    HSCR corrects parameters, so it needs a starting point: GLoT's iterative regressor provides it, from the same
    feature. An `HMRHead`'s weights (SPIN's, by `init_cfg`) are loaded into that regressor.

    Args:
        feat_dim: Feature width C.
        smpl_mean_params: File of SMPL's mean parameters, from which the regression starts.
        npose, nbeta, ncam: As in `HMRHead`; only 6 numbers per joint, 10 and 3 are supported.
        hdim: Width of the hidden layers of both.
        parents: Kinematic tree over the `npose / 6` joints, the parent of each, -1 for the root.
        num_iterations: Residuals that the iterative regressor adds.
        dropout, hscr_dropout: On the hidden layers of the regressor and of HSCR.
        detach: Cut gradients from HSCR to its starting point, as in the paper. mmhuman3d's estimators put losses only
            on the result, so the regressor would then learn nothing: off by default.
        init_cfg: See mmcv's `BaseModule`.

    Raises:
        InputError: Sizes that the head does not support.
    """

    def __init__(
        self,
        feat_dim: int,
        smpl_mean_params: str | Path | None = None,
        npose: int = 144,
        nbeta: int = 10,
        ncam: int = 3,
        hdim: int = 1024,
        parents: Sequence[int] = SMPL_PARENTS,
        num_iterations: int = 3,
        dropout: float = 0.5,
        hscr_dropout: float = 0.25,
        detach: bool = False,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        expected = (6 * len(SMPL_PARENTS), 10, 3, len(SMPL_PARENTS))
        if (npose, nbeta, ncam, len(parents)) != expected:
            raise InputError(
                f'HSCRHead: npose={npose}, nbeta={nbeta}, ncam={ncam} and {len(parents)} parents; expected '
                f"{expected[0]}, {expected[1]}, {expected[2]} and {expected[3]}: SMPL's joints at 6 numbers each, "
                'its shape and a weak-perspective camera'
            )
        self.feat_dim, self.detach = feat_dim, detach
        self.regressor = IterativeRegressor(feat_dim, hdim, num_iterations, dropout, smpl_mean_params)
        self.hscr = HSCR(feat_dim, hdim, hscr_dropout, parents, nbeta)
        accept_names(self, HMR_HEAD_NAMES)
        respect_persistence(self)

    def forward(self, x: Tensor | Sequence[Tensor]) -> dict[str, Tensor]:
        """Parameters of every feature.

        Args:
            x: (B, T, C) features of clips, (B, C) of images, (B, C, H, W) feature maps (averaged), or a list of maps,
                of which the last is used.

        Returns:
            `pred_pose` (B, T, 24, 3, 3), `pred_shape` (B, T, 10), `pred_cam` (B, T, 3); without T for images.
        """
        if isinstance(x, list | tuple):
            x = x[-1]
        if x.ndim == 4:
            x = x.mean(dim=(-2, -1))
        if x.shape[-1] != self.feat_dim:
            raise InputError(f'HSCRHead: features are {tuple(x.shape)}, expected feat_dim={self.feat_dim} channels')
        start = self.regressor(x)
        return as_predictions(self.hscr(x, start.detach() if self.detach else start))


@HEADS.register_module()
class GLoTHead(BaseModule):
    """GLoT's head inside mmhuman3d's `VideoBodyModelEstimator`, which expects all T frames of a clip.

    In evaluation each of the T frames is predicted as in the paper's test protocol: as the target frame of its own
    window, clamped to the clip. In training (frames masked as in the paper) the output is the global branch's, with the
    target frame and its neighbours replaced by the local branch's. The estimator's losses weight all frames equally;
    GLoT's own losses are in `glot.GLoTVideoEstimator`, whose weights this head loads.

    Args:
        feat_dim: Feature width C.
        num_frames: T, the length of the training clips; even. In evaluation, clips may have any length.
        smpl_mean_params: File of SMPL's mean parameters.
        global_branch: Config of a `GlobalMotionModel`, the paper's by default.
        local_branch: Config of a `LocalCorrection`, the paper's by default; None for the global branch alone.
        detach_global: Cut gradients from the local branch's starting point (the paper's detachment).
        target_frame: The predicted frame of a window, by default the mid frame; see our own `GLoTHead`.
        init_cfg: See mmcv's `BaseModule`.
    """

    def __init__(
        self,
        feat_dim: int = 2048,
        num_frames: int = 16,
        smpl_mean_params: str | Path | None = None,
        global_branch: dict | None = None,
        local_branch: dict | None = {},  # noqa: B006 - never changed, and None has a meaning of its own
        detach_global: bool = True,
        init_cfg: dict | list | None = None,
        target_frame: int | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.glot = GLoTModel(
            feat_dim,
            num_frames,
            as_dict(global_branch),
            None if local_branch is None else as_dict(local_branch),
            detach_global,
            smpl_mean_params,
            target_frame,
        )
        accept_names(self, {f'{branch}.': f'glot.{branch}.' for branch in ('global_branch', 'local_branch')})
        respect_persistence(self)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """`pred_pose` (B, T, 24, 3, 3), `pred_shape` (B, T, 10) and `pred_cam` (B, T, 3) of features (B, T, C).

        Raises:
            InputError: Features of another shape; in training, clips of another length than `num_frames`.
        """
        if x.ndim != 3:
            raise InputError(f'GLoTHead: features are {tuple(x.shape)}, expected clips (B, T, {self.glot.in_dim})')
        return as_predictions(self._train_frames(x) if self.training else predict_clips(self.glot, x))

    def _train_frames(self, features: Tensor) -> SmplParams:
        output = self.glot(features)
        if output.local_params is None:
            return output.global_params
        near = output.local_frames
        before, after = output.global_params[:, : near.start], output.global_params[:, near.stop :]
        return SmplParams.cat([before, output.local_params, after], dim=1)


def predict_clips(head: GLoTModel, features: Tensor, chunk: int = 256) -> SmplParams:
    """Parameters (B, T, ...) of every frame of clips (B, T, C), each predicted from its window clamped to the clip."""
    windows = clamped_windows(head.num_frames, features.shape[1], features.device, head.target_frame)
    return predict_clip_windows(head, features, windows, chunk)


def predict_clip_windows(head: GLoTModel, features: Tensor, windows: Tensor, chunk: int = 256) -> SmplParams:
    """Parameters (B, W, ...) of the target frames of the same W windows of each clip.

    Args:
        head: GLoT's head.
        features: (B, L, C).
        windows: (W, T) frames of each window, in 0 … L - 1.
        chunk: Windows in memory at a time.
    """
    num_clips, length = features.shape[:2]
    first = length * torch.arange(num_clips, device=features.device)  # (B,) of each clip among all frames
    all_windows = (first[:, None, None] + windows).flatten(0, 1)  # (B * W, T)
    params = head.predict_windows(features.flatten(0, 1), all_windows, chunk)
    return params.map(lambda values: values.unflatten(0, (num_clips, len(windows))))
