"""Errors frame by frame, in mm, for curves and pictures: the paper's 14 evaluation joints as numpy arrays."""

from collections.abc import Mapping

import numpy as np
import torch

from glot_plugin.body_model import SMPLBody
from glot_plugin.body_model.joint_sets import LSP14_HIPS, center_at
from glot_plugin.evaluation.body_metric import stored_joints
from glot_plugin.evaluation.joint_scores import joint_scores
from glot_plugin.evaluation.pose_errors import M_TO_MM, acceleration_error
from glot_plugin.evaluation.track_metric import smpl_targets

ERRORS = ('MPJPE', 'PA-MPJPE')


@torch.no_grad()
def h36m14_joints(body: SMPLBody, rotmat: np.ndarray, betas: np.ndarray) -> np.ndarray:
    """The 14 evaluation joints (N, 14, 3) in metres of bodies of rotmat (N, 24, 3, 3) and betas (N, 10)."""
    device = body.v_template.device
    tensors = (torch.from_numpy(np.ascontiguousarray(array)).to(device) for array in (rotmat, betas))
    return body.joints(*tensors, 'h36m14').cpu().numpy()


def true_h36m14_joints(body: SMPLBody, item: Mapping) -> np.ndarray | None:
    """The same joints of the ground truth, an item of `TrackDataset`; None if it has neither 3D joints nor SMPL."""
    stored = stored_joints(item, 'h36m14')
    if stored is not None:
        return stored.numpy()
    target = smpl_targets(item, torch.device('cpu'))
    return None if target is None else h36m14_joints(body, *(tensor.numpy() for tensor in target))


def frame_errors(predicted: np.ndarray, true: np.ndarray) -> dict[str, np.ndarray]:
    """MPJPE and PA-MPJPE of each frame, (N,) in mm, of joints (N, 14, 3) in metres."""
    pair = (torch.from_numpy(np.ascontiguousarray(joints, np.float32)) for joints in (predicted, true))
    return {name: values.numpy() for name, values in joint_scores(*pair, ERRORS, LSP14_HIPS).items()}


def frame_acceleration_errors(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Acceleration error of each frame, (N,) in mm per frame²; NaN at the first and the last."""
    pair = (torch.from_numpy(np.ascontiguousarray(joints, np.float32)) for joints in (predicted, true))
    errors, _ = acceleration_error(*(center_at(joints, joints, LSP14_HIPS) for joints in pair))
    return M_TO_MM * np.pad(errors.numpy(), 1, constant_values=np.nan)[: len(predicted)]
