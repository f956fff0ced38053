"""GLoT's global transformer and its masking as necks: features (B, T, C) to features (B, T, C)."""

from pathlib import Path

from mmcv.runner import BaseModule
from mmhuman3d.models.necks.builder import NECKS as MMHUMAN3D_NECKS
from mmhuman3d.models.necks.builder import build_neck
from torch import Tensor

from glot_plugin.errors import InputError
from glot_plugin.framework.for_mmhuman3d.registries import child_registry
from glot_plugin.models import GlobalTransformer as Transformer
from glot_plugin.models import MPSEMasking as Masking
from glot_plugin.models import NearbyFrames as Selection

NECKS = child_registry(MMHUMAN3D_NECKS)


@NECKS.register_module()
class GlobalTransformer(BaseModule):
    """GLoT's global transformer (section 3.2 of the paper) as a temporal encoder, in place of `TemporalGRUEncoder`.

    In training it masks frames itself (MPSE); the mask ratio 0 turns that off.

    Args:
        in_dim: Feature width C.
        num_frames: T, the clips' length, in training and in evaluation.
        smpl_mean_params: File of SMPL's mean parameters, for the token that replaces masked frames.
        init_cfg: See mmcv's `BaseModule`.
        options: The other arguments of `glot_plugin.models.GlobalTransformer` (`mask_ratio`, `depth`, …).
    """

    def __init__(
        self,
        in_dim: int = 2048,
        num_frames: int = 16,
        smpl_mean_params: str | Path | None = None,
        init_cfg: dict | list | None = None,
        **options: int | float | str,
    ) -> None:
        super().__init__(init_cfg)
        self.transformer = Transformer(in_dim, num_frames, mean_params=smpl_mean_params, **options)

    def forward(self, x: Tensor) -> Tensor:
        """Encode features (B, T, C) as features (B, T, C).

        Raises:
            InputError: Another number of frames or another width.
        """
        self.transformer.check(x)
        frame_mask = None
        if self.training and self.transformer.masking.mask_ratio:
            frame_mask = self.transformer.masking.draw(len(x), x.shape[1], x.device)
        features, _ = self.transformer(x, frame_mask)
        return features


@NECKS.register_module()
class MPSEMasking(BaseModule):
    """MPSE masking before any temporal encoder: in training, the mask token replaces hidden frames.

    Args:
        in_dim: Feature width C.
        neck: Config of the temporal encoder that follows, any neck (`dict(type='TemporalGRUEncoder', …)`), or None.
        mask_ratio: Share of the frames of each clip that are hidden in training.
        mask_token: `smpl` (made from SMPL's mean parameters) or `learnable`.
        smpl_mean_params: File of SMPL's mean parameters.
        init_cfg: See mmcv's `BaseModule`.
    """

    def __init__(
        self,
        in_dim: int = 2048,
        neck: dict | None = None,
        mask_ratio: float = 0.5,
        mask_token: str = 'smpl',
        smpl_mean_params: str | Path | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.in_dim = in_dim
        self.masking = Masking(in_dim, mask_ratio, mask_token, smpl_mean_params)
        self.neck = build_neck(neck)

    def forward(self, x: Tensor) -> Tensor:
        """Mask features (B, T, C), then apply the neck if there is one."""
        if x.ndim != 3 or x.shape[-1] != self.in_dim:
            raise InputError(f'MPSEMasking: features are {tuple(x.shape)}, expected (clips, frames, {self.in_dim})')
        if self.training:
            visible, frames = self.masking.take_visible(x, self.masking.draw(*x.shape[:2], x.device))
            x = self.masking.restore(visible, frames, x.shape[1])
        return x if self.neck is None else self.neck(x)


@NECKS.register_module()
class NearbyFrames(BaseModule):
    """GLoT's nearby-frame selection: the 2 w + 1 frames around the mid frame, (B, T, C) → (B, 2 w + 1, C).

    Use it in your own architectures. mmhuman3d's estimators compare every frame with its target; for them, use the
    pipeline step of the same name, which selects both features and targets.

    Args:
        num_frames: T, even.
        nearby: w.
        init_cfg: See mmcv's `BaseModule`.
    """

    def __init__(self, num_frames: int = 16, nearby: int = 4, init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg)
        self.select = Selection(num_frames, nearby)

    def forward(self, x: Tensor) -> Tensor:
        return self.select(x)
