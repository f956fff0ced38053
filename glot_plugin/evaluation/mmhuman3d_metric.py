"""mmhuman3d's protocol: the numbers of its data sets' `evaluate`, without mmhuman3d and in bounded memory."""

from collections.abc import Sequence

import torch
from torch import Tensor

from glot_plugin.adapters import as_body_model
from glot_plugin.body_model import SMPLBody
from glot_plugin.body_model.joint_sets import H36M14, H36M17_OF_SPIN49, MPI17, MPI17_ROOT, center_at
from glot_plugin.errors import InputError
from glot_plugin.evaluation.joint_scores import JOINT_METRICS, joint_scores
from glot_plugin.evaluation.pose_errors import M_TO_MM
from glot_plugin.evaluation.track_metric import PoseAndShape, TrackMetric, smpl_targets
from glot_plugin.registry import METRICS, MODELS
from glot_plugin.structures import SmplParams

H36M_ROOT = (0,)
DEFAULT_METRICS = {
    'pw3d': ('PA-MPJPE', 'MPJPE', 'PVE'),
    'h36m': ('PA-MPJPE', 'MPJPE'),
    'mpi_inf_3dhp': ('PA-MPJPE', 'MPJPE', '3DPCK', '3DAUC'),
}
GENDERS = ('track', 'neutral', 'male', 'female')


@METRICS.register_module()
class MMHuman3DMetric(TrackMetric):
    """What mmhuman3d 0.11 reports for the same predictions, under its names with the prefix `mmhuman3d/`.

    Its definitions, by data set (`HumanImageDataset.evaluate`, `HumanVideoDataset.evaluate`; for MPI-INF-3DHP
    `HybrIKHumanImageDataset.evaluate`, the only one that has it):

    - `pw3d`: the target is the SMPL body of the track's gender, the prediction the neutral body; both give the 17
      joints of J_regressor_h36m relative to joint 0 (the pelvis), of which the paper's 14 are compared. PVE applies
      predicted and target parameters to the body of the track's gender. As in mmhuman3d, 'm' means male and any other
      gender female.
    - `h36m`: the same, with the stored 3D keypoints (the 17 by name among the 49) as target.
    - `mpi_inf_3dhp`: MPI-INF-3DHP's 17 joints by name among the 49, on both sides, root at the pelvis.

    Each valid frame counts once. Which window a frame is predicted from is up to the model.

    Args:
        body_model: Config of the neutral `SMPLBody`; the gendered ones are loaded from the same folder.
        dataset_name: `pw3d`, `h36m` or `mpi_inf_3dhp`.
        metrics: Some of PA-MPJPE, MPJPE, PVE, 3DPCK, 3DAUC, PA-3DPCK, PA-3DAUC, in any case; by default those that
            are usual for the data set.
        gender: `track`: the gender that the track store has for each track. `neutral`, `male` or `female`: that body
            for all tracks, for stores without genders; the numbers are then not mmhuman3d's.
        chunk: Frames whose vertices are in memory at a time.
        collect_device, prefix, collect_dir: See mmengine's `BaseMetric`.
    """

    protocol = 'mmhuman3d'
    default_prefix = 'mmhuman3d'
    known_metrics = (*JOINT_METRICS, 'PVE')

    def __init__(
        self,
        body_model: dict,
        dataset_name: str = 'pw3d',
        metrics: Sequence[str] | None = None,
        gender: str = 'track',
        chunk: int = 64,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        if dataset_name not in DEFAULT_METRICS:
            raise InputError(f'dataset_name={dataset_name!r}: expected one of {", ".join(DEFAULT_METRICS)}')
        if gender not in GENDERS:
            raise InputError(f'gender={gender!r}: expected one of {", ".join(GENDERS)}')
        metrics = DEFAULT_METRICS[dataset_name] if metrics is None else metrics
        super().__init__(body_model, metrics, chunk, collect_device, prefix, collect_dir)
        if dataset_name == 'mpi_inf_3dhp' and 'PVE' in self.metrics:
            raise InputError('metrics: PVE needs SMPL parameters, which MPI-INF-3DHP does not have; leave it out')
        self.dataset_name, self.gender = dataset_name, gender
        self._body_config = dict(body_model)
        self._gendered = {body_model.get('gender', 'neutral'): self.body}

    @torch.no_grad()
    def score_track(self, params: SmplParams, targets: dict) -> dict[str, Tensor]:
        """Scores of one track's valid frames.

        Args:
            params: Predicted parameters (N, ...).
            targets: `frame_valid` (N,), `track_name`; for `pw3d` and for PVE `smpl_pose` (N, 72), `smpl_betas` (N, 10),
                `has_smpl` and the track's `gender`; for the others `keypoints3d` (N, 49, 3), `keypoints3d_joints` and
                `has_keypoints3d`.

        Returns:
            For each metric its values (n,) of the n valid frames, in mm or percent; empty if there are none.

        Raises:
            InputError: The track lacks the targets or the gender that the protocol needs.
        """
        device = params.betas.device
        self.body.to(device)
        valid = torch.as_tensor(targets['frame_valid'], device=device).bool()
        pred = (params.rotmat[valid], params.betas[valid].float())
        target = smpl_targets(targets, device)
        target = None if target is None else (target[0][valid], target[1][valid])
        if not valid.any():
            return {}
        scores = {}
        if any(name in JOINT_METRICS for name in self.metrics):
            scores = joint_scores(*self._compared_joints(pred, target, targets, valid), self.metrics)
        if 'PVE' in self.metrics:
            target = self._required_smpl(target, targets)
            scores['PVE'] = M_TO_MM * self.vertex_errors(self._body_of(targets, device), pred, target)
        return scores

    def _compared_joints(
        self, pred: PoseAndShape, target: PoseAndShape | None, targets: dict, valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Predicted and target joints (n, J, 3), relative to their root, in metres."""
        if self.dataset_name == 'mpi_inf_3dhp':
            joints = (self.joints(self.body, pred, 'mpi17'), self._stored_joints(targets, MPI17, valid))
            return tuple(center_at(side, side, MPI17_ROOT) for side in joints)
        if self.dataset_name == 'pw3d':
            target = self._required_smpl(target, targets)
            target_joints = self.joints(self._body_of(targets, valid.device), target, 'h36m17')
        else:
            target_joints = self._stored_joints(targets, H36M17_OF_SPIN49, valid)
        joints = (self.joints(self.body, pred, 'h36m17'), target_joints)  # (n, 17, 3) each
        return tuple(center_at(side[:, H36M14], side, H36M_ROOT) for side in joints)

    def _stored_joints(self, targets: dict, picked: Sequence[int], valid: Tensor) -> Tensor:
        stored = targets.get('keypoints3d_joints') if bool(targets.get('has_keypoints3d', False)) else None
        if stored != 'spin49':
            found = 'no 3D keypoints' if stored is None else f'3D keypoints of the set {stored}'
            raise InputError(
                f'track {targets.get("track_name", "")!r}: it has {found}, expected spin49, which names every joint '
                f"that mmhuman3d's {self.dataset_name} evaluation compares"
            )
        keypoints = torch.as_tensor(targets['keypoints3d'], device=valid.device).float()
        return keypoints[valid][:, list(picked)]

    def _required_smpl(self, target: PoseAndShape | None, targets: dict) -> PoseAndShape:
        if target is None:
            raise InputError(
                f"track {targets.get('track_name', '')!r}: it has no SMPL parameters, which mmhuman3d's "
                f'{self.dataset_name} evaluation compares; for data sets with 3D keypoints alone set '
                "dataset_name='h36m' or 'mpi_inf_3dhp' and leave out PVE"
            )
        return target

    def _body_of(self, targets: dict, device: torch.device) -> SMPLBody:
        """The body of the track's gender, loaded when it is first needed."""
        gender = self.gender
        if gender == 'track':
            stored = targets.get('gender')
            if not stored:
                raise InputError(
                    f"track {targets.get('track_name', '')!r}: its store has no gender for it, which mmhuman3d's "
                    'protocol needs; write the store with genders (TrackStoreWriter.add_track(gender=…)), or set '
                    "gender='neutral' in mmhuman3d_evaluator, for numbers that are close to mmhuman3d's"
                )
            gender = 'male' if stored == 'm' else 'female'
        if gender not in self._gendered:
            self._gendered[gender] = as_body_model(MODELS.build({**self._body_config, 'gender': gender}))
        return self._gendered[gender].to(device)
