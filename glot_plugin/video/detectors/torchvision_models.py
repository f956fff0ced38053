"""Any of torchvision's detectors, with weights that the user has: `--detector torchvision:NAME --detector-weights FILE`."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from glot_plugin.checkpoints.reading import load_state
from glot_plugin.errors import InputError
from glot_plugin.features.backbones import read_state
from glot_plugin.features.processes import default_device
from glot_plugin.video.detectors.interface import Detections

PERSON = 1  # COCO's category, as torchvision's weights number it


class TorchvisionDetections:
    """A detector of torchvision's kind: a list of pictures to a list of dicts of boxes, labels and scores.

    Args:
        model: The network, its weights filled in.
        least_score: Of a detection.
    """

    def __init__(self, model: nn.Module, least_score: float) -> None:
        self.model, self.least_score = model.eval(), least_score
        self.device = next(model.parameters()).device

    @torch.inference_mode()
    def __call__(self, image: np.ndarray) -> Detections:
        picture = torch.from_numpy(image).to(self.device).permute(2, 0, 1).float() / 255  # (3, H, W)
        found = {name: value.cpu().numpy() for name, value in self.model([picture])[0].items()}
        people = (found['labels'] == PERSON) & (found['scores'] >= self.least_score)
        corners = found['boxes'][people].astype(np.float64)  # (K, 4) left, top, right, bottom
        boxes = np.concatenate([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], axis=1)
        return Detections(boxes, found['scores'][people])


def build(argument: str, weights: Path | None, threads: int, least_score: float) -> TorchvisionDetections:
    """For `--detector torchvision:NAME`; `weights` is a state dict of the model with COCO's 91 categories."""
    try:
        from torchvision.models import detection, get_model, list_models
    except ImportError as error:
        raise InputError(f'--detector torchvision:{argument} needs torchvision: pip install torchvision') from error
    names = list_models(detection)
    if argument not in names:
        raise InputError(f'--detector torchvision:{argument}: no such model, expected one of {", ".join(names)}')
    if weights is None:
        raise InputError(
            f'--detector torchvision:{argument}: expected --detector-weights FILE, its state dict (nothing is downloaded)'
        )
    model = get_model(argument, weights=None, weights_backbone=None)
    load_state(model, read_state(weights), str(weights))
    return TorchvisionDetections(model.to(default_device()), least_score)
