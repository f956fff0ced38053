"""mmhuman3d's video estimator with GLoT's velocity losses."""

import torch
from mmhuman3d.core.conventions.keypoints_mapping import get_keypoint_idx
from mmhuman3d.models.architectures.builder import ARCHITECTURES as MMHUMAN3D_ARCHITECTURES
from mmhuman3d.models.architectures.mesh_estimator import VideoBodyModelEstimator as MMHuman3dVideoEstimator
from mmhuman3d.models.losses.builder import build_loss
from mmhuman3d.utils.geometry import project_points
from torch import Tensor

from glot_plugin.body_model.joint_sets import LSP14_NAMES
from glot_plugin.errors import InputError
from glot_plugin.framework.for_mmhuman3d.registries import child_registry
from glot_plugin.framework.for_mmhuman3d.state_dict_hooks import keep_out_of_checkpoints

ARCHITECTURES = child_registry(MMHUMAN3D_ARCHITECTURES)
FOCAL_LENGTH, IMG_RES = 5000, 224  # of mmhuman3d's own 2D term


@ARCHITECTURES.register_module()
class VideoBodyModelEstimator(MMHuman3dVideoEstimator):
    """mmhuman3d's video estimator with GLoT's velocity losses, and without body models in its checkpoints.

    The 2D term uses every joint with its confidence, in crops normalised to [-1, 1]; the 3D term the 14 LSP joints of
    the clips that have all of them, in metres and not centred (section 3.4 of the paper).

    Args:
        loss_velocity2d: Config of the 2D term, such as `dict(type='glot.VelocityLoss2d', loss_weight=10)`.
        loss_velocity3d: Config of the 3D term, such as `dict(type='glot.VelocityLoss3d', loss_weight=100)`.
        options: The arguments of mmhuman3d's `VideoBodyModelEstimator`.
    """

    def __init__(
        self, loss_velocity2d: dict | None = None, loss_velocity3d: dict | None = None, **options: object
    ) -> None:
        super().__init__(**options)
        self.loss_velocity2d = build_loss(loss_velocity2d) if loss_velocity2d else None
        self.loss_velocity3d = build_loss(loss_velocity3d) if loss_velocity3d else None
        for name in ('2d', '3d'):
            if getattr(self, f'loss_velocity{name}') and not getattr(self, f'loss_keypoints{name}'):
                raise InputError(
                    f'loss_velocity{name} without loss_keypoints{name}: mmhuman3d gives keypoints to that term only; '
                    'set it, if need be with loss_weight=0'
                )
        self.lsp_joints = _lsp_joints(self.convention) if loss_velocity3d else []
        for body_model in (self.body_model_train, self.body_model_test):
            if body_model is not None:
                keep_out_of_checkpoints(body_model)
        self._num_frames = 0  # T of the batch: mmhuman3d's losses see clips and frames flattened
        self._velocity_losses: dict[str, Tensor] = {}

    def prepare_targets(self, data_batch: dict) -> dict:
        """mmhuman3d's targets, clips × frames flattened."""
        self._num_frames = data_batch['smpl_body_pose'].shape[1]
        return super().prepare_targets(data_batch)

    def compute_losses(self, predictions: dict, targets: dict) -> dict[str, Tensor]:
        """mmhuman3d's terms, and `velocity2d_loss` and `velocity3d_loss`."""
        self._velocity_losses = {}
        losses = super().compute_losses(predictions, targets)
        return {**losses, **self._velocity_losses}

    def compute_keypoints3d_loss(self, pred_keypoints3d: Tensor, gt_keypoints3d: Tensor, **options: object) -> Tensor:
        """mmhuman3d's term; the 3D velocity, which needs the same joints, is put aside for `compute_losses`."""
        if self.loss_velocity3d is not None:
            pred, target = self._clips(pred_keypoints3d[:, self.lsp_joints]), self._clips(gt_keypoints3d)
            target = target[:, :, self.lsp_joints].float()  # (B, T, 14, 4)
            complete = (target[..., 3] > 0).all(dim=-1)  # (B, T)
            moving = torch.cat([complete[:, :-1] & complete[:, 1:], complete[:, -1:]], dim=1)
            self._velocity_losses['velocity3d_loss'] = self.loss_velocity3d(
                pred.float(), target[..., :3], moving.float(), complete.any(dim=1)
            )
        return super().compute_keypoints3d_loss(pred_keypoints3d, gt_keypoints3d, **options)

    def compute_keypoints2d_loss(
        self, pred_keypoints3d: Tensor, pred_cam: Tensor, gt_keypoints2d: Tensor, **options: object
    ) -> Tensor:
        """mmhuman3d's term; the 2D velocity is put aside for `compute_losses`."""
        if self.loss_velocity2d is not None:
            pred = 2 * project_points(pred_keypoints3d, pred_cam, FOCAL_LENGTH, IMG_RES) / (IMG_RES - 1)
            target = self._clips(gt_keypoints2d.float())  # (B, T, J, 3), pixels of the crop
            # A frame whose next one has no keypoints at all (padding of a short track) has no velocity.
            seen = (target[..., 2] > 0).any(dim=-1)  # (B, T)
            mask = torch.cat([seen[:, 1:], seen[:, -1:]], dim=1).float()
            self._velocity_losses['velocity2d_loss'] = self.loss_velocity2d(
                self._clips(pred), 2 * target[..., :2] / (IMG_RES - 1) - 1, target[..., 2], mask
            )
        return super().compute_keypoints2d_loss(pred_keypoints3d, pred_cam, gt_keypoints2d, **options)

    def _clips(self, frames: Tensor) -> Tensor:
        return frames.unflatten(0, (-1, self._num_frames))


def _lsp_joints(convention: str) -> list[int]:
    joints = [get_keypoint_idx(name, convention) for name in LSP14_NAMES]
    missing = [name for name, index in zip(LSP14_NAMES, joints, strict=True) if index < 0]
    if missing:
        raise InputError(f'loss_velocity3d: convention={convention!r} has no {", ".join(missing)}; expected smpl_49')
    return joints
