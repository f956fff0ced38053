"""Testing a predictor on the tracks of a store."""

from collections.abc import Callable
from pathlib import Path

import torch

from glot_plugin.body_model.smpl_files import load_mean_params
from glot_plugin.datasets import TrackDataset
from glot_plugin.evaluation import BodyMetric
from glot_plugin.models import MeanPoseHead
from glot_plugin.structures import SmplParams


@torch.no_grad()
def score(
    dataset: TrackDataset,
    body_models: Path,
    predict: Callable[[torch.Tensor], SmplParams],
    device: torch.device | str = 'cpu',
) -> dict[str, float]:
    """The paper's metrics (mm) of a function that predicts tracks (N, C) on a device."""
    metric = BodyMetric({'type': 'SMPLBody', 'model_dir': str(body_models)})
    for index in range(len(dataset)):
        item = dataset[index]
        metric.process(item, [{'params': predict(torch.from_numpy(item['features']).to(device))}])
    return metric.evaluate(len(dataset))


def score_mean_pose(dataset: TrackDataset, body_models: Path) -> dict[str, float]:
    """The scores without any training: the mean body in every frame."""
    head = MeanPoseHead(load_mean_params(body_models))
    return score(dataset, body_models, head.predict_track)
