"""GLoT's loss: six terms on each of two branches."""

from dataclasses import dataclass

import roma
import torch
from torch import Tensor, nn

from glot_plugin.adapters import as_loss_term
from glot_plugin.body_model import SMPLBody, project
from glot_plugin.body_model.joint_sets import LSP14
from glot_plugin.errors import InputError
from glot_plugin.registry import MODELS
from glot_plugin.structures import HeadOutput, SmplParams

TERMS = ('keypoints2d', 'keypoints3d', 'smpl_pose', 'smpl_betas', 'velocity2d', 'velocity3d')


@dataclass
class Targets:
    """What a batch of B clips of T frames is trained against.

    Attributes:
        keypoints2d: (B, T, 49, 3): x, y in the crop normalised to [-1, 1], and confidence.
        keypoints3d: (B, T, 49, 3), metres; zeros for clips without them.
        smpl_pose: (B, T, 72), axis-angle; zeros for clips without it.
        smpl_betas: (B, T, 10).
        has_keypoints3d, has_smpl: (B,), which clips have them.
        frame_valid: (B, T), False for frames that do not count (padding of short tracks).
    """

    keypoints2d: Tensor
    keypoints3d: Tensor
    smpl_pose: Tensor
    smpl_betas: Tensor
    has_keypoints3d: Tensor
    has_smpl: Tensor
    frame_valid: Tensor

    def frames(self, frames: slice) -> 'Targets':
        """The targets of a slice of frames."""
        cut = {
            name: getattr(self, name)[:, frames]
            for name in ('keypoints2d', 'keypoints3d', 'smpl_pose', 'smpl_betas', 'frame_valid')
        }
        return Targets(**cut, has_keypoints3d=self.has_keypoints3d, has_smpl=self.has_smpl)


@MODELS.register_module()
class GLoTLoss(nn.Module):
    """The weighted terms of both branches: the global one on masked frames, the local one on
    its own: the target frame and its neighbours.

    With nothing masked (mask ratio 0) the global branch is supervised on all frames; otherwise it would not be trained.

    Args:
        terms: For each of `keypoints2d`, `keypoints3d`, `smpl_pose`, `smpl_betas`, `velocity2d`, `velocity3d` the
            config of its loss (one of ours, or of a framework with an adapter); a term left out, or None, is off.
    """

    def __init__(self, terms: dict[str, dict | None]) -> None:
        super().__init__()
        unknown = sorted(set(terms) - set(TERMS))
        if unknown:
            raise InputError(f'terms: unknown {", ".join(unknown)}; expected some of {", ".join(TERMS)}')
        self.terms = nn.ModuleDict(
            {name: as_loss_term(MODELS.build(cfg), name) for name, cfg in terms.items() if cfg is not None}
        )

    def forward(self, output: HeadOutput, targets: Targets, body: SMPLBody) -> dict[str, Tensor]:
        """The terms by name, `loss/global/keypoints2d` and so on."""
        masked = output.frame_mask
        if masked is None or self._nothing_masked(masked):
            masked = torch.ones_like(targets.frame_valid, dtype=torch.bool)
        branches = [('global', output.global_params, targets, masked)]
        if output.local_params is not None:
            near = targets.frames(output.local_frames)
            branches.append(('local', output.local_params, near, torch.ones_like(near.frame_valid, dtype=torch.bool)))
        # One pass through the body model for both branches.
        params = SmplParams.cat([branch[1] for branch in branches], dim=1)
        rotmat = params.rotmat
        joints = body.joints(rotmat, params.betas)  # (B, T + 3, 49, 3)
        keypoints2d = project(joints, params.camera.float())
        losses, start = {}, 0
        for name, branch_params, branch_targets, mask in branches:
            frames = slice(start, start + mask.shape[1])
            start = frames.stop
            pred = {
                'joints': joints[:, frames],
                'keypoints2d': keypoints2d[:, frames],
                'rotmat': rotmat[:, frames],
                'betas': branch_params.betas.float(),
            }
            for term, value in self._branch(pred, branch_targets, mask).items():
                losses[f'loss/{name}/{term}'] = value
        return losses

    @staticmethod
    def _nothing_masked(mask: Tensor) -> bool:
        return not bool(mask[0].any())

    def _branch(self, pred: dict[str, Tensor], targets: Targets, mask: Tensor) -> dict[str, Tensor]:
        valid = targets.frame_valid.bool()
        mask = mask & valid
        # A velocity needs the next frame, too; the last one has none, and its difference is zero on both sides.
        moving = torch.cat([mask[:, :-1] & valid[:, 1:], mask[:, -1:]], dim=1)
        mask, moving = mask.float(), moving.float()
        target2d, confidence = targets.keypoints2d[..., :2], targets.keypoints2d[..., 2]
        pred3d, target3d = pred['joints'][..., LSP14, :], targets.keypoints3d[..., LSP14, :]
        has3d, has_smpl = targets.has_keypoints3d, targets.has_smpl
        losses = {}
        for term, loss in self.terms.items():
            if term == 'keypoints2d':
                losses[term] = loss(pred['keypoints2d'], target2d, confidence, mask)
            elif term == 'keypoints3d':
                losses[term] = loss(pred3d, target3d, mask, has3d)
            elif term == 'smpl_pose':
                target = roma.rotvec_to_rotmat(targets.smpl_pose.unflatten(-1, (-1, 3)))
                losses[term] = loss(pred['rotmat'], target, mask, has_smpl)
            elif term == 'smpl_betas':
                losses[term] = loss(pred['betas'], targets.smpl_betas, mask, has_smpl)
            elif term == 'velocity2d':
                losses[term] = loss(pred['keypoints2d'], target2d, confidence, moving)
            else:
                losses[term] = loss(pred3d, target3d, moving, has3d)
        return losses
