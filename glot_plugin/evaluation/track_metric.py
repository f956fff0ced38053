"""What the metrics of both protocols share: tracks are scored as they come, and only the scores of frames are kept."""

from collections.abc import Sequence

import numpy as np
import roma
import torch
from mmengine.evaluator import BaseMetric
from torch import Tensor

from glot_plugin.adapters import as_body_model
from glot_plugin.body_model import SMPLBody
from glot_plugin.errors import InputError
from glot_plugin.evaluation.pose_errors import vertex_error
from glot_plugin.registry import MODELS
from glot_plugin.structures import SmplParams

# Pose and shape of N bodies: rotation matrices (N, 24, 3, 3) and betas (N, 10).
PoseAndShape = tuple[Tensor, Tensor]


class TrackMetric(BaseMetric):
    """Base of `BodyMetric` and `MMHuman3DMetric`: collects scores over tracks, on any number of processes.

    Args:
        body_model: Config of the `SMPLBody` that gives the predictions' joints and vertices.
        metrics: Names of the metrics, out of `known_metrics`, in any case.
        chunk: Frames whose vertices are in memory at a time.
        collect_device, prefix, collect_dir: See mmengine's `BaseMetric`.

    Attributes:
        tracks: After `evaluate`, on the main process: one dict per track with its name (`track`), its number of scored
            `frames` and the mean of each of its metrics.
    """

    protocol: str
    known_metrics: tuple[str, ...]

    def __init__(
        self,
        body_model: dict,
        metrics: Sequence[str],
        chunk: int = 64,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device, prefix, collect_dir)
        names = (metrics,) if isinstance(metrics, str) else metrics
        self.metrics = tuple(name.upper() for name in names)
        unknown = [name for name in self.metrics if name not in self.known_metrics]
        if unknown or not self.metrics:
            raise InputError(
                f'{type(self).__name__} metrics: unknown {", ".join(unknown) or "(none named)"}; '
                f'expected some of {", ".join(self.known_metrics)}'
            )
        if chunk < 1:
            raise InputError(f'{type(self).__name__} chunk is {chunk}, expected at least 1')
        self.body: SMPLBody = as_body_model(MODELS.build(body_model))
        self.chunk = chunk
        self.tracks: list[dict] = []

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Score one track: `data_batch` is an item of `TrackDataset`, `data_samples` holds its predicted `params`."""
        (sample,) = data_samples
        scores = self.score_track(sample['params'], data_batch)
        values = {name: score.float().cpu().numpy() for name, score in scores.items()}
        frames = int(torch.as_tensor(data_batch['frame_valid']).sum())
        self.results.append({'track': data_batch.get('track_name', ''), 'frames': frames, 'values': values})

    def score_track(self, params: SmplParams, targets: dict) -> dict[str, Tensor]:
        """Scores of one track: for each metric one value per frame that counts, in the reported unit."""
        raise NotImplementedError

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Means over all frames of all tracks. A metric that no track could give is left out.

        Raises:
            InputError: No track has a frame to score.
        """
        self.tracks = [
            {
                'track': result['track'],
                'frames': result['frames'],
                **{name: float(values.mean()) for name, values in result['values'].items() if len(values)},
            }
            for result in results
        ]
        means = {}
        for name in self.metrics:
            values = [result['values'][name] for result in results if name in result['values']]
            if sum(map(len, values)):
                means[name] = float(np.concatenate(values).mean(dtype=np.float64))
        if not means:
            raise InputError('nothing was scored: no track has a valid frame')
        return means

    def joints(self, body: SMPLBody, bodies: PoseAndShape, joint_set: str) -> Tensor:
        """Joints (N, J, 3), computed in chunks."""
        pairs = zip(*(tensor.split(16 * self.chunk) for tensor in bodies), strict=True)
        return torch.cat([body.joints(rotmat, betas, joint_set) for rotmat, betas in pairs])

    def vertex_errors(self, body: SMPLBody, pred: PoseAndShape, target: PoseAndShape) -> Tensor:
        """Mean vertex distances (N,) in metres, with `chunk` pairs of meshes in memory at a time."""
        parts = zip(*(tensor.split(self.chunk) for tensor in (*pred, *target)), strict=True)
        return torch.cat([vertex_error(body.vertices(r, b), body.vertices(tr, tb)) for r, b, tr, tb in parts])


def smpl_targets(targets: dict, device: torch.device) -> PoseAndShape | None:
    """Pose and shape of a track's `smpl_pose` (N, 72) and `smpl_betas` (N, 10); None where it has none."""
    if not bool(targets.get('has_smpl', False)):
        return None
    rotvec = torch.as_tensor(targets['smpl_pose'], device=device).float().unflatten(-1, (-1, 3))  # (N, 24, 3)
    return roma.rotvec_to_rotmat(rotvec), torch.as_tensor(targets['smpl_betas'], device=device).float()
