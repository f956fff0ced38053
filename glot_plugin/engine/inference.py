"""Loading a trained model and predicting tracks with it."""

from pathlib import Path

import numpy as np
import torch
from mmengine import Config
from mmengine.device import get_device

from glot_plugin.body_model import SMPLBody
from glot_plugin.checkpoints.reading import load_state, read_checkpoint
from glot_plugin.config import (
    check_arguments,
    check_framework_files,
    config_errors,
    has_body_model_files,
    load_config,
    set_body_model_dir,
)
from glot_plugin.errors import InputError
from glot_plugin.models import GLoTEstimator
from glot_plugin.registry import MODELS
from glot_plugin.structures import SmplParams


class TrackPrediction:
    """SMPL bodies of one track of N frames.

    Attributes:
        rotmat: (N, 24, 3, 3) float32 numpy, rotations relative to the parent joint; the first is in camera coordinates.
        betas: (N, 10), shape.
        camera: (N, 3), weak perspective (s, tx, ty) in the crop.
    """

    def __init__(self, params: SmplParams, body: SMPLBody | None, chunk: int = 256) -> None:
        self.rotmat = params.rotmat.cpu().numpy()
        self.betas = params.betas.float().cpu().numpy()
        self.camera = params.camera.float().cpu().numpy()
        self._body, self._chunk = body, chunk

    @property
    def joints3d(self) -> np.ndarray:
        """The 49 joints (N, 49, 3) in metres, at the model's origin."""
        return self._in_chunks('joints')

    def vertices(self) -> np.ndarray:
        """The meshes (N, 6890, 3) in metres, at the model's origin; 83 kB a frame."""
        return self._in_chunks('vertices')

    @torch.no_grad()
    def _in_chunks(self, method: str) -> np.ndarray:
        if self._body is None:
            raise InputError(
                'joints and vertices need the body-model files: name their folder as body_model_dir of init_model '
                '(or put them into data/body_models)'
            )
        device = self._body.v_template.device
        tensors = (torch.from_numpy(array).to(device).split(self._chunk) for array in (self.rotmat, self.betas))
        return np.concatenate([getattr(self._body, method)(r, b).cpu().numpy() for r, b in zip(*tensors, strict=True)])


def init_model(
    config: str | Path | Config,
    checkpoint: str | Path | None = None,
    device: str | torch.device | None = None,
    cfg_options: dict | None = None,
    body_model_dir: str | Path | None = None,
) -> GLoTEstimator:
    """Build a model for inference and load its weights.

    Args:
        config: A config, its file, or the name of one of the package's: `glot_plugin::glot/glot_3dpw.py`.
        checkpoint: Written by `tools/train.py` or `tools/convert_checkpoint.py`; None leaves the weights random.
        device: By default a GPU if there is one, otherwise the CPU.
        cfg_options: Keys of the config to change, for example `{'model.head.num_frames': 16}`.
        body_model_dir: Folder of the body-model files. Without them, rotations, shape and camera are still predicted,
            but not `joints3d` and `vertices`.

    Raises:
        InputError: A file is missing or damaged, or the checkpoint does not fit the config (the keys are listed).
    """
    cfg = load_config(config, cfg_options)
    if body_model_dir is not None:
        set_body_model_dir(cfg, body_model_dir)
    body_cfg = cfg.model.get('body_model')
    if body_cfg is not None and body_model_dir is None and not has_body_model_files(body_cfg):
        cfg.model.body_model = None
    cfg.model.pop('loss', None)
    used = Config({key: cfg[key] for key in ('model', 'default_scope') if key in cfg}, filename=cfg.filename)
    check_framework_files(used)
    check_arguments(used)
    with config_errors(str(cfg.filename or 'config')):
        model = MODELS.build(cfg.model)
    if checkpoint is not None:
        load_state(model, read_checkpoint(checkpoint)['state_dict'], str(checkpoint))
    return model.to(device or get_device()).eval()


@torch.inference_mode()
def infer_track(model: GLoTEstimator, features: np.ndarray | torch.Tensor, mode: str | None = None) -> TrackPrediction:
    """Predict every frame of one person's track.

    Args:
        model: From `init_model`.
        features: (N, C), per-frame features of the backbone the model was trained on; any N ≥ 1.
        mode: `exact`, as published; `fast`, with a third of the windows; `bf16`; or `fast+bf16`. See docs/speed.md for
            what each gains and costs. None: that of the model, `exact` unless its config says otherwise.

    Raises:
        InputError: The features are not an array of numbers, have a different shape, or are not finite; or the mode is
            unknown or not possible.
    """
    features = as_tensor(features)
    if features.ndim != 2 or len(features) == 0:
        raise InputError(f'features are {tuple(features.shape)}, expected (frames, channels) with at least one frame')
    finite = torch.isfinite(features).all(dim=1)
    if not finite.all():
        raise InputError(f'features of frame {int((~finite).nonzero()[0])} are not finite')
    device = next(model.parameters()).device
    params = model.predict_track(features.to(device, torch.float32), mode)
    return TrackPrediction(params, model.body_model, model.chunk)


def as_tensor(features: np.ndarray | torch.Tensor) -> torch.Tensor:
    """Features as a tensor.

    Raises:
        InputError: They are not an array of numbers.
    """
    if isinstance(features, torch.Tensor):
        return features
    try:  # torch rejects foreign byte order and negative strides, and warns about read-only arrays
        return torch.from_numpy(np.require(features, np.float32, ['C', 'W']))
    except (TypeError, ValueError) as error:
        raise InputError(
            f'features is {type(features).__name__}, expected a float array or tensor (frames, channels): {error}'
        ) from error
