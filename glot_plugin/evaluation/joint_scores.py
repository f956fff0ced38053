"""The metrics of joints by their reported names, one value per pose."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from glot_plugin.evaluation.pose_errors import (
    M_TO_MM,
    correct_share,
    correct_share_auc,
    joint_distances,
    procrustes_joint_distances,
)

PERCENT = 100.0


@dataclass(frozen=True)
class JointMetric:
    """How one metric is computed from the distances of a pose's joints.

    Attributes:
        aligned: Whether each pose is similarity-aligned first (the names that begin with `PA-`).
        reduce: From distances (N, J) in metres to one value per pose (N,).
        scale: From that value to the unit reported.
    """

    aligned: bool
    reduce: Callable[[Tensor], Tensor]
    scale: float


def _mean(distances: Tensor) -> Tensor:
    return distances.mean(dim=-1)


# Every pose has the same joints, so the mean of these over poses is the mean over all joints of all poses.
JOINT_METRICS = {
    'PA-MPJPE': JointMetric(True, _mean, M_TO_MM),
    'MPJPE': JointMetric(False, _mean, M_TO_MM),
    '3DPCK': JointMetric(False, correct_share, PERCENT),
    'PA-3DPCK': JointMetric(True, correct_share, PERCENT),
    '3DAUC': JointMetric(False, correct_share_auc, PERCENT),
    'PA-3DAUC': JointMetric(True, correct_share_auc, PERCENT),
}


def joint_scores(
    pred: Tensor, target: Tensor, names: Sequence[str], root: tuple[int, ...] | None = None
) -> dict[str, Tensor]:
    """The metrics `names` of each pose.

    Args:
        pred, target: (N, J, 3), metres.
        names: Keys of `JOINT_METRICS`; other names are left out.
        root: The joints at whose midpoint both poses are centred unless they are aligned; None: they are not centred.

    Returns:
        (N,) each: mm for the errors; for 3DPCK (150 mm, strictly below) and 3DAUC (31 thresholds from 0 to 150 mm)
        percent, as mmhuman3d's `keypoint_3d_pck` and `keypoint_3d_auc` define them.
    """
    wanted = {name: JOINT_METRICS[name] for name in names if name in JOINT_METRICS}
    distances = {}
    if any(metric.aligned for metric in wanted.values()):
        distances[True] = procrustes_joint_distances(pred, target)
    if any(not metric.aligned for metric in wanted.values()):
        distances[False] = joint_distances(pred, target, root)
    return {name: metric.scale * metric.reduce(distances[metric.aligned]) for name, metric in wanted.items()}


def metric_unit(name: str) -> str:
    """The unit of a reported metric."""
    if name in JOINT_METRICS and JOINT_METRICS[name].scale == PERCENT:
        return '%'
    return 'mm/frame²' if name == 'ACCEL' else 'mm'
