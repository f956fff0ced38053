"""GLoT as an architecture of mmhuman3d: its losses in `train_step`, its test protocol in `forward_test`."""

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from mmcv.parallel import is_module_wrapper
from mmhuman3d.models.architectures.base_architecture import BaseArchitecture
from torch import Tensor

from glot_plugin.body_model import SMPLBody
from glot_plugin.body_model.joint_sets import LSP14, SPIN49_NAMES
from glot_plugin.body_model.smpl import JOINT_SETS
from glot_plugin.body_model.smpl_files import load_mean_params
from glot_plugin.errors import InputError, NonFiniteLossError
from glot_plugin.framework.for_mmhuman3d.heads import predict_clip_windows
from glot_plugin.framework.for_mmhuman3d.registries import as_dict
from glot_plugin.framework.for_mmhuman3d.state_dict_hooks import keep_out_of_checkpoints, respect_persistence
from glot_plugin.framework.for_mmhuman3d.velocity_estimator import ARCHITECTURES
from glot_plugin.losses import Targets
from glot_plugin.models import GLoTHead
from glot_plugin.models.mean_params import set_mean_params
from glot_plugin.registry import MODELS
from glot_plugin.structures import SmplParams
from glot_plugin.windows import clamped_windows

HALF_CROP = 112.0  # pixels; mmhuman3d's keypoints are in crops of 224
TARGET_KEYS = ('smpl_body_pose', 'smpl_global_orient', 'smpl_betas', 'has_smpl', 'keypoints2d', 'keypoints3d')


@ARCHITECTURES.register_module()
class GLoTVideoEstimator(BaseArchitecture):
    """GLoT, trained with its own losses (both branches, masked frames, velocities) by mmhuman3d's runner.

    Its weights have the same names as `GLoTEstimator`'s, so that the two can load each other's checkpoints. Checkpoints
    hold no body model. The optimizer may be mmhuman3d's dict (`optimizer=dict(head=dict(type='Adam', …))` with
    `use_adversarial_train=True`), which is stepped here, or a single one, which the runner's hook steps; gradient
    clipping works with a single one only.

    Args:
        head: Config of our own `GLoTHead`, as in `configs/glot`.
        loss: Config of a `GLoTLoss`. Not needed for tests.
        body_model: Config of an `SMPLBody`.
        smpl_mean_params: File (or folder) of the mean parameters that training starts from; by default in the body
            model's folder.
        test_joints: Joint set of `keypoints_3d` in tests: `h36m17` is what the data sets' `evaluate` expects.
        test_vertices: Return `vertices` in tests, 83 kB per frame; mmhuman3d's metrics do not read them.
        chunk: Windows in memory at a time in tests.
        init_cfg: See mmcv's `BaseModule`.
    """

    def __init__(
        self,
        head: dict,
        loss: dict | None = None,
        body_model: dict | None = None,
        smpl_mean_params: str | Path | None = None,
        test_joints: str = 'h36m17',
        test_vertices: bool = False,
        chunk: int = 256,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if test_joints not in JOINT_SETS:
            raise InputError(f'test_joints={test_joints!r}: expected one of {", ".join(JOINT_SETS)}')
        body_config = {'type': 'SMPLBody', **as_dict(body_model)}
        self.head = MODELS.build({'type': 'GLoTHead', **as_dict(head)})
        if not isinstance(self.head, GLoTHead):
            raise InputError(f'head: {type(self.head).__name__}, expected a GLoTHead')
        self.body_model = MODELS.build(body_config)
        if loss is not None:
            self.loss = MODELS.build(as_dict(loss))
        keep_out_of_checkpoints(self.body_model)
        respect_persistence(self.head)
        self._mean_params = smpl_mean_params or body_config.get('model_dir', 'data/body_models')
        self.test_joints, self.test_vertices, self.chunk = test_joints, test_vertices, chunk

    def init_weights(self) -> None:
        """Read the mean parameters that a training from scratch starts from; then mmcv's `init_cfg`."""
        set_mean_params(self.head, load_mean_params(self._mean_params))
        super().init_weights()

    def train_step(self, data_batch: dict, optimizer: Mapping | torch.optim.Optimizer | None, **_: object) -> dict:
        """One iteration; steps a dict of optimizers itself.

        Args:
            data_batch: mmhuman3d's: `features` (B, T, C), `smpl_body_pose` (B, T, 23, 3), `smpl_global_orient`
                (B, T, 3), `smpl_betas` (B, T, 10), `has_smpl` (B, T, 1), `keypoints2d` (B, T, 49, 3) in crops of 224
                pixels, `keypoints3d` (B, T, 49, 4); from our data set also `frame_valid` (B, T, 1).
            optimizer: The runner's optimizer, or its dict of them.

        Returns:
            `loss`, `log_vars` (floats), `num_samples`.

        Raises:
            NonFiniteLossError: A term is infinite or NaN; no optimizer was stepped.
        """
        loss, log_vars = self._parse_losses(self.compute_losses(data_batch))
        broken = [f'{name} = {value}' for name, value in log_vars.items() if not math.isfinite(value)]
        if broken:
            raise NonFiniteLossError(f'{", ".join(broken)}. The run was stopped; its last checkpoint is good')
        if isinstance(optimizer, Mapping):
            for each in optimizer.values():
                each.zero_grad()
            loss.backward()
            for each in optimizer.values():
                each.step()
        return {'loss': loss, 'log_vars': log_vars, 'num_samples': len(data_batch['features'])}

    @torch.no_grad()
    def val_step(self, data_batch: dict, optimizer: object = None, **_: object) -> dict:
        """The losses of a batch, for the workflow `('val', 1)`."""
        loss, log_vars = self._parse_losses(self.compute_losses(data_batch))
        return {'loss': loss, 'log_vars': log_vars, 'num_samples': len(data_batch['features'])}

    def compute_losses(self, data_batch: dict) -> dict[str, Tensor]:
        """The terms of both branches by name, `loss/global/keypoints2d` and so on."""
        if not hasattr(self, 'loss'):
            raise InputError('training needs the key loss of GLoTVideoEstimator')
        targets = prepare_targets(data_batch)
        return self.loss(self.head(data_batch['features']), targets, self.body_model)

    def forward_train(self, **_: object) -> None:
        """Not used: mmhuman3d's runner calls `train_step`."""
        raise NotImplementedError('mmhuman3d trains with train_step')

    @torch.no_grad()
    def forward_test(self, features: Tensor, sample_idx: Tensor, **_: object) -> dict:
        """Every frame, predicted as the target frame of its own window (the paper's protocol).

        Args:
            features: (B, L, C) clips, whose windows are clamped to the clip; or (B, L + T - 1, C) clips with T // 2
                frames of context before and T // 2 - 1 after (our data set's `context=T`).
            sample_idx: (B, L) or (B, L, 1), numbers of the frames to predict.

        Returns:
            numpy arrays of B * L frames: `keypoints_3d` (…, J, 3) metres, `smpl_pose` (…, 24, 3, 3), `smpl_beta`
            (…, 10), `camera` (…, 3), `image_idx` (…), and `vertices` (…, 6890, 3) with `test_vertices`.
        """
        num_clips, num_frames = len(features), features.shape[1]
        sample_idx = sample_idx.reshape(num_clips, -1)
        head = self.head.module if is_module_wrapper(self.head) else self.head
        windows = _test_windows(num_frames, sample_idx.shape[1], head).to(features.device)
        params = predict_clip_windows(head, features.float(), windows, self.chunk).map(lambda x: x.flatten(0, 1))
        return {**self._bodies(params), 'image_idx': sample_idx.flatten().cpu().numpy()}

    def _bodies(self, params: SmplParams) -> dict:
        rotmat, betas = params.rotmat, params.betas
        body: SMPLBody = self.body_model
        outputs = {
            'keypoints_3d': body.joints(rotmat, betas, self.test_joints),
            'smpl_pose': rotmat,
            'smpl_beta': betas,
            'camera': params.camera,
        }
        if self.test_vertices:
            outputs['vertices'] = body.vertices(rotmat, betas)
        return {name: values.cpu().numpy() for name, values in outputs.items()}


def _test_windows(num_frames: int, num_predicted: int, head: GLoTHead) -> Tensor:
    """(L, T): the windows of the L predicted frames among those that were given."""
    window = head.num_frames
    if num_frames == num_predicted:
        return clamped_windows(window, num_frames, target_frame=head.target_frame)
    if num_frames == num_predicted + window - 1:
        if head.target_frame != window // 2:
            raise InputError(
                f'context={window} in the data set surrounds mid frames, and target_frame={head.target_frame} of the '
                'head needs more frames before it: test without context'
            )
        return torch.arange(num_predicted)[:, None] + torch.arange(window)
    raise InputError(
        f'{num_frames} frames of features for {num_predicted} frames to predict; expected as many, or '
        f'{num_predicted + window - 1}: with context={window} in the data set, as num_frames={window} of the head'
    )


def prepare_targets(data_batch: dict) -> Targets:
    """Convert mmhuman3d's batch to targets of `GLoTLoss`.

    A clip has SMPL parameters, or 3D keypoints, if all its valid frames have them (3D keypoints: the 14 LSP joints).

    Raises:
        InputError: A key is missing, or the keypoints are not the 49 of `smpl_49`.
    """
    missing = [key for key in TARGET_KEYS if key not in data_batch]
    if missing:
        raise InputError(f'the batch has no {", ".join(missing)}; add them to Collect of the train pipeline')
    for key in ('keypoints2d', 'keypoints3d'):
        joints = data_batch[key].shape[-2]
        if joints != len(SPIN49_NAMES):
            raise InputError(
                f"{key}: found {joints} joints, expected {len(SPIN49_NAMES)}: set convention='smpl_49' in the data set"
            )
    batch = {key: data_batch[key].float() for key in TARGET_KEYS}
    num_clips, num_frames = batch['smpl_betas'].shape[:2]
    has_smpl = batch['has_smpl'].reshape(num_clips, num_frames) > 0
    frame_valid = data_batch.get('frame_valid')
    frame_valid = torch.ones_like(has_smpl) if frame_valid is None else frame_valid.reshape_as(has_smpl).bool()
    has_joints = (batch['keypoints3d'][..., LSP14, 3] > 0).all(dim=-1)  # (B, T)
    pose = torch.cat([batch['smpl_global_orient'].unsqueeze(2), batch['smpl_body_pose']], dim=2)
    keypoints2d = batch['keypoints2d']
    return Targets(
        keypoints2d=torch.cat([keypoints2d[..., :2] / HALF_CROP - 1, keypoints2d[..., 2:]], dim=-1),
        keypoints3d=batch['keypoints3d'][..., :3],
        smpl_pose=pose.flatten(2),
        smpl_betas=batch['smpl_betas'],
        has_keypoints3d=_all_valid(has_joints, frame_valid),
        has_smpl=_all_valid(has_smpl, frame_valid),
        frame_valid=frame_valid,
    )


def _all_valid(has: Tensor, frame_valid: Tensor) -> Tensor:
    """(B,): whether a clip has valid frames and all of them have it."""
    return (has | ~frame_valid).all(dim=1) & frame_valid.any(dim=1)
