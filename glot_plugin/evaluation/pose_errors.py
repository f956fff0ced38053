"""The metrics of the paper, as pure functions on batches of poses.

Everything is in metres; reports multiply by `M_TO_MM`. Joints are torch tensors (N, J, 3) on any device.
"""

import roma
import torch
from torch import Tensor

from glot_plugin.body_model.joint_sets import center_at

M_TO_MM = 1000.0
PCK_THRESHOLD = 0.15  # metres


def joint_distances(pred: Tensor, target: Tensor, root: tuple[int, ...] | None = None) -> Tensor:
    """Distance of every joint, (N, J) in metres, after both poses are centred at the midpoint of `root`."""
    if root is not None:
        pred, target = center_at(pred, pred, root), center_at(target, target, root)
    return (pred - target).norm(dim=-1)


def joint_error(pred: Tensor, target: Tensor, root: tuple[int, ...] | None = None) -> Tensor:
    """Mean joint distance of each pose, (N,), after both are centred at the midpoint of `root` (MPJPE, metres)."""
    return joint_distances(pred, target, root).mean(dim=-1)


def similarity_align(pred: Tensor, target: Tensor) -> Tensor:
    """Each pose of (N, J, 3) under the rotation, scale and translation that brings it closest to its target."""
    rotation, translation, scale = roma.rigid_points_registration(pred, target, compute_scaling=True)
    return scale[:, None, None] * pred @ rotation.mT + translation[:, None]


def procrustes_joint_distances(pred: Tensor, target: Tensor) -> Tensor:
    """Distance of every joint, (N, J) in metres, after a similarity alignment of each pose.

    Computed in float64: the alignment of nearly equal poses loses digits otherwise.
    """
    pred, target = pred.double(), target.double()
    return joint_distances(similarity_align(pred, target), target)


def procrustes_joint_error(pred: Tensor, target: Tensor) -> Tensor:
    """Mean joint distance of each pose, (N,), after a similarity alignment (PA-MPJPE, metres)."""
    return procrustes_joint_distances(pred, target).mean(dim=-1)


def correct_share(distances: Tensor, threshold: float = PCK_THRESHOLD) -> Tensor:
    """Share of each pose's joints, (N,) in [0, 1], whose distance (N, J) is below the threshold (3DPCK)."""
    return (distances < threshold).float().mean(dim=-1)


def correct_share_auc(distances: Tensor) -> Tensor:
    """`correct_share` averaged over 31 thresholds from 0 to 150 mm, (N,) in [0, 1] (3DAUC).

    No distance is below the threshold 0, so a perfect pose scores 30/31, as in MPI-INF-3DHP's own script.
    """
    thresholds = torch.linspace(0, PCK_THRESHOLD, 31, dtype=distances.dtype, device=distances.device)
    return (distances[..., None] < thresholds).float().mean(dim=(-2, -1))


def vertex_error(pred: Tensor, target: Tensor) -> Tensor:
    """Mean vertex distance of each mesh (N, V, 3), (N,), without alignment (PVE, the paper's MPVPE; metres)."""
    return joint_error(pred, target)


def acceleration_error(pred: Tensor, target: Tensor, valid: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Distance of accelerations, averaged over joints, for frames of one track.

    The acceleration of frame t is its second difference, x[t - 1] - 2 x[t] + x[t + 1].

    Args:
        pred, target: (N, J, 3), metres, root-centred.
        valid: (N,) bool; a frame counts only if it and both its neighbours are valid.

    Returns:
        Errors (N - 2,) of frames 1 … N - 2, in metres per frame², and which of them count (N - 2,) bool. Both are empty
        for tracks of one or two frames.
    """
    if valid is None:
        valid = torch.ones(len(pred), dtype=torch.bool, device=pred.device)
    if len(pred) < 3:
        return pred.new_zeros(0), valid.new_zeros(0)
    difference = pred - target
    second = difference[:-2] - 2 * difference[1:-1] + difference[2:]
    return second.norm(dim=-1).mean(dim=-1), valid[:-2] & valid[1:-1] & valid[2:]
