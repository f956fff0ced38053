"""Exporting the prediction of windows for other runtimes: ONNX, and torch.export's `.pt2`."""

import io
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from glot_plugin.errors import InputError
from glot_plugin.export.onnx_predictor import FORMAT, import_onnxruntime, open_session
from glot_plugin.io.files import atomic_write
from glot_plugin.models import GLoTEstimator

INPUT, OUTPUTS = 'features', ('rotmat', 'betas', 'camera')
METADATA_FILE = 'metadata.json'  # inside a .pt2
SUFFIXES = ('.onnx', '.pt2')
LARGEST_DIFFERENCE = 1e-4
CHECKED_BATCHES = (1, 2, 5, 32)
# The default backbone for each feature width.
_USUAL_BACKBONES = {2048: 'spin', 126: 'blazepose'}

Runner = Callable[[Tensor], list[Tensor]]


class WindowModel(nn.Module):
    """Windows (B, T, in_dim) to rotmat (B, 24, 3, 3), betas (B, 10) and camera (B, 3) of their target frames.

    Args:
        model: Its head must have the method `predict`, as `GLoTHead` does; it is set to evaluation mode.

    Raises:
        InputError: The head has no `predict`.
    """

    def __init__(self, model: GLoTEstimator) -> None:
        super().__init__()
        if not hasattr(model.head, 'predict'):
            raise InputError(f'model.head is a {type(model.head).__name__}, expected a GLoTHead')
        self.head = model.head.eval()

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        params = self.head.predict(features)
        return params.rotmat, params.betas, params.camera


@dataclass(frozen=True)
class WindowMetadata:
    """The metadata of an exported file: strings under these names and `format`.

    Attributes:
        in_dim: Width of the features.
        num_frames: T, frames of a window.
        target_frame: Which of them is predicted.
        backbone: The backbone that the features come from, by its name in `tools/extract_features.py`.
        weights: A description of where the weights come from.
    """

    in_dim: int
    num_frames: int
    target_frame: int
    backbone: str
    weights: str

    @classmethod
    def of(cls, model: GLoTEstimator, weights: str, backbone: str | None = None) -> 'WindowMetadata':
        """The metadata of a model with a `GLoTHead`; `backbone` defaults to the usual one for the feature width."""
        head = model.head
        backbone = backbone or _USUAL_BACKBONES.get(head.in_dim, 'unknown')
        return cls(head.in_dim, head.num_frames, head.target_frame, backbone, weights)

    def texts(self) -> dict[str, str]:
        return {'format': FORMAT, **{key: str(value) for key, value in asdict(self).items()}}


def export_window_model(
    model: GLoTEstimator, path: str | Path, weights: str = '', backbone: str | None = None
) -> dict[int, float]:
    """Write a model's prediction of windows as `.onnx` or `.pt2`, once it agrees with PyTorch.

    The model takes `features` (B, T, in_dim) float32 with any B, and gives `rotmat`, `betas` and `camera`; see
    `WindowModel` and `WindowMetadata`. A `.pt2` is read by `torch.export.load`.

    Args:
        model: On the CPU, with its weights.
        path: The file; its suffix determines the format.
        weights: A description of where the weights come from.
        backbone: The backbone that the features come from; None: `spin` for 2048 channels, `blazepose` for 126.

    Returns:
        The largest difference from PyTorch, by number of windows.

    Raises:
        InputError: The suffix is unknown, the head cannot be exported, a package is missing, or the exported model
            differs from PyTorch by more than 1e-4 (then it is not written).
    """
    path = check_suffix(path)
    writers = {'.onnx': _to_onnx, '.pt2': _to_pt2}
    windows = WindowModel(model)
    metadata = WindowMetadata.of(model, weights, backbone)
    with torch.no_grad():
        data, run = writers[path.suffix](windows, metadata)
        differences = {batch: _difference(windows, run, metadata, batch) for batch in CHECKED_BATCHES}
    worst = np.max(list(differences.values()))
    if not worst <= LARGEST_DIFFERENCE:  # written so that NaN fails too
        raise InputError(f'{path}: differs from PyTorch by {worst:.1e}, expected at most {LARGEST_DIFFERENCE:.0e}')
    with atomic_write(path, 'wb') as file:
        file.write(data)
    return differences


def check_suffix(path: str | Path) -> Path:
    """The path, if its suffix is `.onnx` or `.pt2`.

    Raises:
        InputError: It has another suffix.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise InputError(f'{path}: ends in {path.suffix or "nothing"}, expected {" or ".join(SUFFIXES)}')
    return path


def _program(windows: WindowModel, metadata: WindowMetadata) -> torch.export.ExportedProgram:
    example = torch.zeros(3, metadata.num_frames, metadata.in_dim)
    return torch.export.export(windows, (example,), dynamic_shapes={INPUT: {0: torch.export.Dim('windows')}})


def _to_pt2(windows: WindowModel, metadata: WindowMetadata) -> tuple[bytes, Runner]:
    buffer = io.BytesIO()
    torch.export.save(_program(windows, metadata), buffer, extra_files={METADATA_FILE: json.dumps(metadata.texts())})
    loaded = torch.export.load(io.BytesIO(buffer.getvalue())).module()
    return buffer.getvalue(), lambda features: list(loaded(features))


def _to_onnx(windows: WindowModel, metadata: WindowMetadata) -> tuple[bytes, Runner]:
    import_onnxruntime()  # before the work
    try:
        import onnx  # noqa: F401 - torch needs both, but its own error is less clear
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise InputError(f'ONNX needs {error.name}; install it with: pip install "glot_plugin[export]"') from error
    decompositions = {torch.ops.aten.linalg_solve_triangular.default: solve_unitriangular}
    program = _program(windows, metadata).run_decompositions(decompositions)
    logging.getLogger('onnx_ir').setLevel(logging.ERROR)  # it warns about an empty list whose type it guesses correctly
    exported = torch.onnx.export(program, dynamo=True, input_names=[INPUT], output_names=list(OUTPUTS), verbose=False)
    exported.model.metadata_props.update(metadata.texts())
    data = exported.model_proto.SerializeToString()
    session = open_session(data)
    return data, lambda features: [torch.from_numpy(array) for array in session.run(None, {INPUT: features.numpy()})]


def solve_unitriangular(
    matrix: Tensor, right: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """`torch.linalg.solve_triangular` for lower unit triangular matrices, by products, which ONNX supports.

    If N is strictly lower triangular of size n, I - N has the inverse (I + N) (I + N²) (I + N⁴) … with log2(n) factors,
    rounded up, after which the powers of N vanish. The result is exact up to rounding.
    """
    if upper or not left or not unitriangular:
        raise NotImplementedError('expected a lower unit triangular matrix, on the left')
    size = matrix.shape[-1]
    power = -matrix.tril(-1)
    for _ in range((size - 1).bit_length()):
        right = right + power @ right
        power = power @ power
    return right


def _difference(windows: WindowModel, run: Runner, metadata: WindowMetadata, batch: int) -> float:
    generator = torch.Generator().manual_seed(batch)
    features = torch.randn(batch, metadata.num_frames, metadata.in_dim, generator=generator)
    pairs = zip(windows(features), run(features), strict=True)
    return float(np.max([(expected - found).abs().max().item() for expected, found in pairs]))
