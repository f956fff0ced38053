"""Predicting tracks with onnxruntime and a model exported by `tools/export_model.py`."""

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from glot_plugin.errors import InputError
from glot_plugin.structures import SmplParams, rotmat_to_rot6d
from glot_plugin.windows import clamped_windows

if TYPE_CHECKING:
    import onnxruntime

FORMAT = 'glot_plugin.window/1'


class OnnxPredictor:
    """Predicts tracks as a `GLoTEstimator` does, without its weights in PyTorch.

    Args:
        path: A `.onnx` from `tools/export_model.py`.

    Attributes:
        in_dim: Width of the features.
        num_frames: T, frames of a window.
        target_frame: Which of them is predicted.
        backbone: The backbone that the features come from.
        weights: A description of where the weights come from.

    Raises:
        InputError: The file is missing, damaged or from another program; or onnxruntime is not installed.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f'{path}: no such file; expected a .onnx from tools/export_model.py')
        import_onnxruntime()
        try:
            self._session = open_session(self.path.read_bytes())
        except Exception as error:  # onnxruntime raises a different exception for each cause
            raise InputError(f'{path}: not a valid ONNX model ({str(error).splitlines()[0]})') from error
        metadata = self._session.get_modelmeta().custom_metadata_map
        if metadata.get('format') != FORMAT:
            raise InputError(f'{path}: not a model from tools/export_model.py, whose metadata has format {FORMAT}')
        self.in_dim, self.num_frames = int(metadata['in_dim']), int(metadata['num_frames'])
        # Files from before there was a choice predict the mid frame.
        self.target_frame = int(metadata.get('target_frame', self.num_frames // 2))
        self.backbone, self.weights = metadata['backbone'], metadata['weights']

    def predict_track(self, features: Tensor, chunk: int = 256) -> SmplParams:
        """Parameters (N, ...) of every frame of a track (N, in_dim), any N ≥ 1, each from its own window.

        Args:
            features: (N, in_dim).
            chunk: Windows in memory at a time.

        Raises:
            InputError: The features have a different shape.
        """
        if features.ndim != 2 or features.shape[1] != self.in_dim or len(features) == 0:
            raise InputError(
                f'features are {tuple(features.shape)}, expected (frames, {self.in_dim}), frames ≥ 1: '
                f'{self.path} takes those of the backbone {self.backbone}'
            )
        frames = np.ascontiguousarray(features.detach().cpu().numpy(), np.float32)
        windows = clamped_windows(self.num_frames, len(frames), target_frame=self.target_frame)
        pieces = [self._session.run(None, {'features': frames[index.numpy()]}) for index in windows.split(chunk)]
        rotmat, betas, camera = (
            torch.from_numpy(np.concatenate(piece)).to(features.device) for piece in zip(*pieces, strict=True)
        )
        return SmplParams(rotmat_to_rot6d(rotmat), betas, camera)


def open_session(data: bytes) -> 'onnxruntime.InferenceSession':
    """An onnxruntime session for a model, on the GPU if onnxruntime supports it, with as many threads as torch uses."""
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors
    wanted = ('CUDAExecutionProvider', 'CPUExecutionProvider')
    providers = [provider for provider in wanted if provider in onnxruntime.get_available_providers()]
    return onnxruntime.InferenceSession(data, options, providers)


def import_onnxruntime() -> ModuleType:
    """onnxruntime.

    Raises:
        InputError: It is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError('ONNX models need onnxruntime; install it with: pip install "glot_plugin[export]"') from error
    return onnxruntime
