"""The paper's protocol."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from glot_plugin.body_model.joint_sets import LSP14, LSP14_HIPS, MPI17, MPI17_ROOT, center_at
from glot_plugin.errors import InputError
from glot_plugin.evaluation.joint_scores import joint_scores
from glot_plugin.evaluation.pose_errors import M_TO_MM, acceleration_error
from glot_plugin.evaluation.track_metric import PoseAndShape, TrackMetric, smpl_targets
from glot_plugin.registry import METRICS
from glot_plugin.structures import SmplParams

PAPER_METRICS = ('PA-MPJPE', 'MPJPE', 'PVE', 'ACCEL')
ROOTS = {'h36m14': LSP14_HIPS, 'mpi17': MPI17_ROOT}
# Indices of the compared joints among a store's 3D keypoints, by (joint set stored, joint set compared).
TARGET_JOINTS = {
    ('h36m14', 'h36m14'): tuple(range(14)),
    ('spin49', 'h36m14'): LSP14,
    ('spin49', 'mpi17'): MPI17,
}


@METRICS.register_module()
class BodyMetric(TrackMetric):
    """PA-MPJPE, MPJPE, PVE (the paper's MPVPE) and ACCEL in mm, in the paper's protocol: means over all frames.

    Errors are computed track by track and only they are kept; vertices are in memory for one chunk of frames at a time.

    Args:
        body_model: Config of the `SMPLBody` that gives joints and vertices.
        joint_set: `h36m14` (14 joints regressed from the mesh, root at the hips' midpoint: 3DPW, Human3.6M) or `mpi17`
            (MPI-INF-3DHP's 17 joints, root at the pelvis).
        metrics: Which to compute: the paper's four, and 3DPCK, 3DAUC, PA-3DPCK, PA-3DAUC in percent. PVE requires SMPL
            targets; tracks without them are left out of it.
        chunk: Frames whose vertices are in memory at a time.
        collect_device, prefix, collect_dir: See mmengine's `BaseMetric`.
    """

    protocol = 'paper'
    known_metrics = (*PAPER_METRICS, '3DPCK', '3DAUC', 'PA-3DPCK', 'PA-3DAUC')

    def __init__(
        self,
        body_model: dict,
        joint_set: str = 'h36m14',
        metrics: Sequence[str] = PAPER_METRICS,
        chunk: int = 64,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        if joint_set not in ROOTS:
            raise InputError(f'joint_set={joint_set!r}: expected one of {", ".join(ROOTS)}')
        super().__init__(body_model, metrics, chunk, collect_device, prefix, collect_dir)
        self.joint_set = joint_set

    @torch.no_grad()
    def score_track(self, params: SmplParams, targets: dict) -> dict[str, Tensor]:
        """Scores of one track's valid frames.

        Args:
            params: Predicted parameters (N, ...).
            targets: `frame_valid` (N,), and `keypoints3d` (N, J, 3) with its `keypoints3d_joints`, or `smpl_pose`
                (N, 72) and `smpl_betas` (N, 10), with `has_keypoints3d` and `has_smpl`.

        Returns:
            For each metric its values in mm (ACCEL: mm per frame²; 3DPCK and 3DAUC: percent), for the frames that
            count; empty if no frame is valid.

        Raises:
            InputError: The track has neither 3D keypoints that give the joint set nor SMPL parameters.
        """
        device = params.betas.device
        self.body.to(device)
        valid = torch.as_tensor(targets['frame_valid'], device=device).bool()
        pred_body, target_body = (params.rotmat, params.betas.float()), smpl_targets(targets, device)
        pred = self.joints(self.body, pred_body, self.joint_set)
        target = self._target_joints(targets, target_body, device)
        if not valid.any():
            return {}
        root = ROOTS[self.joint_set]
        scores = joint_scores(pred[valid], target[valid], self.metrics, root)
        if 'PVE' in self.metrics and target_body is not None:
            bodies = [tuple(tensor[valid] for tensor in body) for body in (pred_body, target_body)]
            scores['PVE'] = M_TO_MM * self.vertex_errors(self.body, *bodies)
        if 'ACCEL' in self.metrics:
            error, counts = acceleration_error(center_at(pred, pred, root), center_at(target, target, root), valid)
            scores['ACCEL'] = M_TO_MM * error[counts]
        return scores

    def _target_joints(self, targets: dict, body: PoseAndShape | None, device: torch.device) -> Tensor:
        stored = stored_joints(targets, self.joint_set)
        if stored is not None:
            return stored.to(device)
        if body is not None:
            return self.joints(self.body, body, self.joint_set)
        raise InputError(
            f'track {targets.get("track_name", "")!r}: nothing to score against: it has neither 3D keypoints that give '
            f'{self.joint_set} nor SMPL parameters'
        )


def stored_joints(targets: Mapping, joint_set: str) -> Tensor | None:
    """The joints (N, J, 3) of a set, in metres, from a track's 3D keypoints; None if these do not contain them."""
    picked = TARGET_JOINTS.get((targets.get('keypoints3d_joints', 'spin49'), joint_set))
    if picked is None or not bool(targets.get('has_keypoints3d', False)):
        return None
    return torch.as_tensor(targets['keypoints3d']).float()[:, list(picked)]
