"""GLoT's loss: six terms on each of two branches."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from glot_plugin.adapters import as_loss_term
from glot_plugin.body_model import SMPLBody, project
from glot_plugin.body_model.joint_sets import LSP14, take_joints
from glot_plugin.errors import InputError
from glot_plugin.losses.squared_errors import TermWeights, is_squared_error, squared_errors
from glot_plugin.registry import MODELS
from glot_plugin.structures import HeadOutput, SmplParams, rotvec_to_rotmat

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

    def with_frames(self, frames: slice | None) -> 'Targets':
        """The targets of all frames, followed by those of a slice of them."""
        if frames is None:
            return self
        names = ('keypoints2d', 'keypoints3d', 'smpl_pose', 'smpl_betas', 'frame_valid')
        longer = {name: torch.cat([getattr(self, name), getattr(self, name)[:, frames]], dim=1) for name in names}
        return replace(self, **longer)


@MODELS.register_module()
class GLoTLoss(nn.Module):
    """The weighted terms of both branches: the global one on masked frames, the local one on those it has predicted.

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
        # The frames of both branches stand one after the other: one pass through body model and terms.
        weights = _weights(output, targets)
        num_frames = targets.frame_valid.shape[1]
        params, branches = output.global_params, {'global': slice(0, num_frames)}
        if output.local_params is not None:
            params = SmplParams.cat([params, output.local_params], dim=1)
            branches['local'] = slice(num_frames, params.betas.shape[1])
        pairs = self._pairs(params, targets.with_frames(output.local_frames), body)
        together = {name: term for name, term in self.terms.items() if is_squared_error(term)}
        errors = squared_errors(together, pairs, weights)
        sizes = [frames.stop - frames.start for frames in branches.values()]
        losses = {}
        for (branch, frames), part in zip(branches.items(), errors.split(sizes, dim=1), strict=True):
            means = iter(part.mean(1).unbind())
            for name, term in self.terms.items():
                value = next(means) if name in together else _alone(name, term, pairs[name], weights, frames)
                losses[f'loss/{branch}/{name}'] = value
        return losses

    def _pairs(self, params: SmplParams, targets: Targets, body: SMPLBody) -> dict[str, tuple[Tensor, Tensor]]:
        """Each term's prediction and target (B, F, ...)."""
        rotmat, betas = params.rotmat, params.betas.float()
        joints = body.joints(rotmat, betas)  # (B, F, 49, 3)
        points2d = (project(joints, params.camera.float()), targets.keypoints2d[..., :2])
        points3d = (take_joints(joints, LSP14), take_joints(targets.keypoints3d, LSP14))
        pairs = {'keypoints2d': points2d, 'keypoints3d': points3d, 'velocity2d': points2d, 'velocity3d': points3d}
        if 'smpl_pose' in self.terms:
            pairs['smpl_pose'] = (rotmat, rotvec_to_rotmat(targets.smpl_pose.unflatten(-1, (-1, 3))))
        pairs['smpl_betas'] = (betas, targets.smpl_betas)
        return {name: pairs[name] for name in self.terms}


def _weights(output: HeadOutput, targets: Targets) -> TermWeights:
    """Which frames and clips count: masked frames of the global branch, and all of the local one, padding never.

    All of it stays on the device: a host that reads whether a frame is masked waits for all work before.
    """
    valid, masked = targets.frame_valid.bool(), output.frame_mask
    frames = valid if masked is None else valid & (masked | ~masked.any(dim=1, keepdim=True))
    # A velocity needs the next frame, too; the last frame of a branch has none.
    last = valid.new_zeros(len(valid), 1)
    parts, following = [frames], [valid[:, 1:], last]
    confidence = targets.keypoints2d[..., 2]
    if output.local_frames is not None:
        near = valid[:, output.local_frames]
        parts, following = [*parts, near], [*following, near[:, 1:], last]
        confidence = torch.cat([confidence, confidence[:, output.local_frames]], dim=1)
    frames = torch.cat(parts, dim=1)
    moving = frames & torch.cat(following, dim=1)
    every_clip = valid.new_ones(len(valid))
    return TermWeights(confidence, frames, moving, every_clip, targets.has_keypoints3d.bool(), targets.has_smpl.bool())


def _alone(name: str, term: nn.Module, pair: tuple[Tensor, Tensor], weights: TermWeights, branch: slice) -> Tensor:
    """The value of a term that is not a squared error, for the frames of one branch."""
    frames, clips = weights.of(name)
    frames = frames[:, branch].float()
    second = (weights.confidence[:, branch], frames) if name.endswith('2d') else (frames, clips)
    return term(*(side[:, branch] for side in pair), *second)
