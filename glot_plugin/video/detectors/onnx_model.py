"""Any detector as an ONNX file: `--detector onnx:FILE`.

The model takes one picture, float32 (1, 3, H, W) or (3, H, W), RGB in [0, 1]. Where H and W are fixed, the picture is
scaled to fit, put at the top left and padded with black; where they are not, it is given as it is. It returns, by name:

| output | shape | what it is |
|---|---|---|
| `boxes` | (K, 4) or (1, K, 4) | left, top, right, bottom in pixels of the model's picture |
| `scores` | (K,) or (1, K) | in [0, 1] |
| `labels` | (K,) or (1, K), may be absent | 1 is a person, as torchvision numbers COCO; absent: all are people |

after non-maximum suppression. What torchvision exports (`torch.onnx.export(model, ..., output_names=['boxes', 'labels',
'scores'])`) has this layout.
"""

from pathlib import Path

import cv2
import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.video.detectors.interface import Detections

PERSON = 1
LAYOUT = 'expected boxes (K, 4), scores (K,) and perhaps labels (K,)'


class OnnxDetections:
    """A detector of the layout above, run by onnxruntime.

    Args:
        path: The file.
        threads: Of onnxruntime.
        least_score: Of a detection.

    Raises:
        InputError: onnxruntime is not installed, or the file is absent, damaged, or of another layout.
    """

    def __init__(self, path: Path, threads: int, least_score: float) -> None:
        self.path, self.least_score = path, least_score
        self._session = _open_session(path, threads)
        inputs, outputs = self._session.get_inputs(), {output.name for output in self._session.get_outputs()}
        if not {'boxes', 'scores'} <= outputs:
            raise InputError(f'{path}: its outputs are {", ".join(sorted(outputs))}, {LAYOUT}')
        shape = inputs[0].shape
        if len(inputs) != 1 or inputs[0].type != 'tensor(float)' or len(shape) not in (3, 4) or shape[-3] != 3:
            found = ', '.join(f'{one.name} {one.type} {one.shape}' for one in inputs)
            raise InputError(f'{path}: takes {found}, expected one picture, float32 (1, 3, H, W) or (3, H, W)')
        self._input, self._batched = inputs[0].name, len(shape) == 4
        self._names = [name for name in ('boxes', 'scores', 'labels') if name in outputs]
        self._size = shape[-1:-3:-1] if all(isinstance(side, int) for side in shape[-2:]) else None  # W, H

    def __call__(self, image: np.ndarray) -> Detections:
        picture, scale = self._fit(image)
        planes = np.ascontiguousarray(picture.transpose(2, 0, 1), np.float32) / 255
        outputs = self._session.run(self._names, {self._input: planes[None] if self._batched else planes})
        found = dict(zip(self._names, outputs, strict=True))
        corners, scores = found['boxes'].reshape(-1, 4).astype(np.float64) / scale, found['scores'].reshape(-1)
        if len(corners) != len(scores):
            raise InputError(f'{self.path}: gives {len(corners)} boxes and {len(scores)} scores, {LAYOUT}')
        labels = found.get('labels', np.full(len(scores), PERSON)).reshape(-1)
        kept = np.flatnonzero((scores >= self.least_score) & (labels == PERSON))
        kept = kept[np.argsort(-scores[kept], kind='stable')]
        low, high = corners[kept, :2], corners[kept, 2:]
        return Detections(np.concatenate([(low + high) / 2, high - low], axis=1), scores[kept])

    def _fit(self, image: np.ndarray) -> tuple[np.ndarray, float]:
        """The picture in the model's size, and by how much it was scaled."""
        if self._size is None:
            return image, 1.0
        height, width = image.shape[:2]
        scale = min(self._size[0] / width, self._size[1] / height)
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        padded = np.zeros((self._size[1], self._size[0], 3), np.uint8)
        small = small[: self._size[1], : self._size[0]]
        padded[: small.shape[0], : small.shape[1]] = small
        return padded, scale


def build(argument: str, weights: Path | None, threads: int, least_score: float) -> OnnxDetections:
    """For `--detector onnx:FILE`."""
    if weights is not None:
        raise InputError(f'--detector-weights {weights}: an ONNX file has its weights in it; leave the option out')
    return OnnxDetections(Path(argument), threads, least_score)


def _open_session(path: Path, threads: int):
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError(f'--detector onnx:{path} needs onnxruntime: pip install "glot_plugin[export]"') from error
    if not path.is_file():
        raise InputError(f'--detector onnx:{path}: no such file')
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=onnxruntime.get_available_providers())
    except Exception as error:  # onnxruntime's own classes, one a kind of failure
        raise InputError(f'{path}: not an ONNX model that onnxruntime can load ({error})') from error
