"""Backbones that turn crops into features, by name: SPIN's ResNet-50, any timm model, or BlazePose's landmarks."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import timm
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from glot_plugin.checkpoints.reading import check_finite, load_state, read_tensors
from glot_plugin.checkpoints.spin import read_spin_state
from glot_plugin.errors import InputError
from glot_plugin.features.landmark_extractor import LandmarkExtractor
from glot_plugin.io.messages import reason

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# The part of SPIN's checkpoint that is not its backbone: the regressor.
SPIN_REGRESSOR = ('fc1.', 'fc2.', 'decpose.', 'decshape.', 'deccam.', 'init_pose', 'init_shape', 'init_cam')


class FrameExtractor(Protocol):
    """Turns crops into features, each crop independently.

    Attributes:
        crop_size: Side S of the crops in pixels.
        feature_dim: Width C of the features.
    """

    crop_size: int
    feature_dim: int

    def __call__(self, crops: Tensor) -> Tensor:
        """Features (B, C) float32 of crops (B, S, S, 3) uint8 RGB."""

    def to(self, device: torch.device) -> 'FrameExtractor':
        """The same extractor on a device, if it can run on several."""


class Backbone(nn.Module):
    """A network from crops to features, with the normalisation it was trained with.

    Args:
        network: Maps (B, 3, S, S) to (B, C).
        crop_size: S, in pixels.
        mean: Mean of the red, green and blue channels, for pictures in [0, 1].
        std: Their standard deviation.
    """

    def __init__(
        self,
        network: nn.Module,
        crop_size: int = 224,
        mean: tuple[float, ...] = IMAGENET_MEAN,
        std: tuple[float, ...] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        self.network, self.crop_size = network.eval().requires_grad_(False), crop_size
        self.register_buffer('mean', 255 * torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer('std', 255 * torch.tensor(std).view(3, 1, 1), persistent=False)
        self.feature_dim = self._measure_width()

    def forward(self, crops: Tensor) -> Tensor:
        """Features (B, C) float32 of crops (B, S, S, 3) uint8 RGB."""
        images = crops.to(self.mean.device).permute(0, 3, 1, 2).float()  # (B, 3, S, S)
        return self.network((images - self.mean) / self.std).float()

    @torch.no_grad()
    def _measure_width(self) -> int:
        features = self(torch.zeros(1, self.crop_size, self.crop_size, 3, dtype=torch.uint8))
        if features.ndim != 2:
            raise InputError(
                f'the backbone gives {tuple(features.shape)} for one crop, expected pooled features (1, C)'
            )
        return features.shape[1]


@dataclass(frozen=True)
class BackboneSpec:
    """A backbone and its weights.

    Attributes:
        name: 'spin', 'timm:NAME' or 'blazepose'.
        weights: Checkpoint; None: random weights, except for BlazePose, whose weights come with a package.
        seed: Seed of random weights.
    """

    name: str
    weights: Path | None = None
    seed: int = 0


def check_backbone(name: str) -> str:
    """The kind of a backbone, what its name begins with.

    Raises:
        InputError: There is no such kind.
    """
    kind = name.partition(':')[0]
    if kind not in BACKBONES or (kind == 'timm') != (':' in name):
        raise InputError(f'--backbone {name}: expected {BACKBONE_FORMS}')
    return kind


def build_backbone(spec: BackboneSpec) -> FrameExtractor:
    """Build a backbone and load its weights; nothing is downloaded.

    Raises:
        InputError: The name is unknown, the image model does not take square crops, the weights do not fit exactly
            (apart from regressor and classifier), or a package is not installed.
    """
    kind = check_backbone(spec.name)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(spec.seed)
        return BACKBONES[kind](spec)


def _build_spin(spec: BackboneSpec) -> Backbone:
    network = timm.create_model('resnet50', pretrained=False, num_classes=0)  # SPIN's parameters have the same names
    if spec.weights is not None:
        # Counters of training steps, which features do not depend on and files of old torch versions lack.
        own = network.state_dict()
        counters = {key: value for key, value in own.items() if key.endswith('.num_batches_tracked')}
        load_state(network, counters | read_spin_backbone(spec.weights), str(spec.weights))
    return Backbone(network)


def _build_timm(spec: BackboneSpec) -> Backbone:
    name = spec.name.removeprefix('timm:')
    if not timm.is_model(name):
        similar = timm.list_models(f'*{name}*')[:5]
        hint = f'; similar: {", ".join(similar)}' if similar else ''
        raise InputError(f'--backbone {spec.name}: timm {timm.__version__} has no model {name!r}{hint}')
    network = timm.create_model(name, pretrained=False, num_classes=0)
    if spec.weights is not None:
        classifier = network.pretrained_cfg.get('classifier') or ()
        heads = tuple(f'{name}.' for name in ((classifier,) if isinstance(classifier, str) else classifier))
        state = {key: value for key, value in read_state(spec.weights).items() if not key.startswith(heads)}
        load_state(network, state, str(spec.weights))
    config = timm.data.resolve_model_data_config(network)
    channels, height, width = config['input_size']
    if channels != 3 or height != width:
        raise InputError(f'--backbone {spec.name}: takes pictures of {config["input_size"]}, expected square RGB crops')
    return Backbone(network, height, config['mean'], config['std'])


def _build_blazepose(spec: BackboneSpec) -> LandmarkExtractor:
    if spec.weights is not None:
        raise InputError(f'--weights {spec.weights}: not for blazepose, whose weights are in the package mediapipe')
    return LandmarkExtractor()


BACKBONES: dict[str, Callable[[BackboneSpec], FrameExtractor]] = {
    'spin': _build_spin,
    'timm': _build_timm,
    'blazepose': _build_blazepose,
}
BACKBONE_FORMS = 'spin, timm:NAME or blazepose'


def read_spin_backbone(path: str | Path) -> dict[str, Tensor]:
    """The ResNet-50 of SPIN's checkpoint: the tensors under `model`, without the regressor.

    Raises:
        InputError: The file is missing, damaged, or has no `model`.
    """
    state = {key: value for key, value in read_spin_state(path).items() if not key.startswith(SPIN_REGRESSOR)}
    check_finite(state, path)
    return state


def read_state(path: str | Path) -> dict[str, Tensor]:
    """A state dict from a `.safetensors`, or from a torch file, alone or under `state_dict` or `model`.

    Raises:
        InputError: The file is missing, damaged, not a state dict, or has NaN, infinite or complex weights.
    """
    path = Path(path)
    if path.suffix == '.safetensors':
        if not path.is_file():
            raise InputError(f'{path}: no such checkpoint')
        try:
            state = load_file(path)
        except Exception as error:  # its own errors, and KeyError for a type that torch does not have
            raise InputError(f'{path}: not a valid .safetensors ({reason(error)})') from error
    else:
        state = read_tensors(path)
        for key in ('state_dict', 'model'):
            if isinstance(state, dict) and isinstance(state.get(key), dict):
                state = state[key]
        if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
            raise InputError(f'{path}: not a state dict; expected tensors by name, alone or under state_dict or model')
    check_finite(state, path)
    return state
