"""BlazePose: people in a picture, and the 33 landmarks of one person, from the two LiteRT models that mediapipe ships.

The wheels of mediapipe 0.10.14 to 0.10.21 (Apache-2.0) contain the models as files; nothing of mediapipe is imported.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from glot_plugin.errors import InputError

DETECTOR_FILE = 'modules/pose_detection/pose_detection.tflite'
LANDMARK_FILE = 'modules/pose_landmark/pose_landmark_full.tflite'
INSTALL_MODELS = 'pip install --no-deps mediapipe==0.10.21'
DETECTOR_SIZE, LANDMARK_SIZE = 224, 256  # pixels, sides of the models' pictures
# Strides of the detector's grids and anchors in each of their cells: 28² * 2 + 14² * 2 + 7² * 6 = 2254.
ANCHOR_GRIDS = ((8, 2), (16, 2), (32, 6))
ROI_SCALE = 2.5  # side of the crop over the distance from the middle of the hips to the tip of the circle
NUM_POSE_LANDMARKS = 33  # of 39; 33 and 34 are the middle of the hips and the tip, the others serve the model alone
HEATMAP_WINDOW, HEATMAP_LEAST = 7, 0.5  # cells around a landmark; a peak below this does not refine it


class Roi(NamedTuple):
    """A turned square of the picture: what the landmark model sees.

    Attributes:
        center: (2,) pixels.
        side: Pixels.
        angle: Radians by which it is turned clockwise.
    """

    center: np.ndarray
    side: float
    angle: float


class PoseDetections(NamedTuple):
    """People in a picture, best first.

    Attributes:
        boxes: (K, 4) centre x, centre y, width, height in pixels, of the face.
        scores: (K,) in [0, 1].
        points: (K, 4, 2) pixels: middle of the hips, tip of a circle around the whole body, middle of the shoulders,
            tip of a circle around the upper body.
    """

    boxes: np.ndarray
    scores: np.ndarray
    points: np.ndarray


class PoseLandmarks(NamedTuple):
    """The landmarks of one person in one picture, in BlazePose's order.

    Attributes:
        world: (33, 3) metres, the middle of the hips at the origin; x to the right of the picture, y down, z away.
        image: (33, 2) pixels.
        visibility: (33,) in [0, 1].
        presence: Whether there is a person in the crop, in [0, 1].
        roi: Where to look for the person in the next frame.
    """

    world: np.ndarray
    image: np.ndarray
    visibility: np.ndarray
    presence: float
    roi: Roi


def anchor_centers() -> np.ndarray:
    """Centres (2254, 2) of the detector's anchors, in pixels of its picture."""
    grids = []
    for stride, count in ANCHOR_GRIDS:
        ticks = stride * (np.arange(DETECTOR_SIZE // stride) + 0.5)
        y, x = np.meshgrid(ticks, ticks, indexing='ij')
        grids.append(np.repeat(np.stack([x, y], axis=-1).reshape(-1, 2), count, axis=0))
    return np.concatenate(grids)


def box_overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union (K,) of a box (4,) with boxes (K, 4), all centre x, centre y, width, height."""
    low = np.maximum(box[:2] - box[2:] / 2, boxes[:, :2] - boxes[:, 2:] / 2)
    high = np.minimum(box[:2] + box[2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2)
    common = np.maximum(high - low, 0).prod(axis=1)
    return common / np.maximum(box[2:].prod() + boxes[:, 2:].prod(axis=1) - common, 1e-9)


def merge_detections(values: np.ndarray, scores: np.ndarray, least_overlap: float = 0.3) -> tuple[np.ndarray, ...]:
    """Non-maximum suppression that averages: what overlaps the best box gives one detection, weighted by scores.

    Args:
        values: (K, D) of which the first four are the box.
        scores: (K,).
        least_overlap: Intersection over union from which boxes count as one.

    Returns:
        Values (M, D) and scores (M,), best first.
    """
    order = np.argsort(-scores, kind='stable')
    values, scores = values[order], scores[order]
    merged, best = [], []
    while len(scores):
        same = box_overlaps(values[0, :4], values[:, :4]) >= least_overlap
        same[0] = True
        merged.append(np.average(values[same], axis=0, weights=scores[same]))
        best.append(scores[0])
        values, scores = values[~same], scores[~same]
    return np.array(merged).reshape(-1, values.shape[1]), np.array(best)


def roi_between(hips: np.ndarray, tip: np.ndarray) -> Roi:
    """The square around the middle of the hips (2,) that is upright where the tip (2,) is straight above."""
    x, y = tip - hips
    return Roi(np.asarray(hips), ROI_SCALE * float(np.hypot(x, y)), float(np.arctan2(x, -y)))


def crop_to_image(roi: Roi, size: int) -> np.ndarray:
    """The affine map (2, 3) from pixels of a crop of `size` pixels to pixels of the picture."""
    turn = np.array([[np.cos(roi.angle), -np.sin(roi.angle)], [np.sin(roi.angle), np.cos(roi.angle)]])
    scaled = turn * roi.side / size
    return np.concatenate([scaled, (roi.center - scaled @ np.full(2, size / 2))[:, None]], axis=1)


def refine_with_heatmaps(points: np.ndarray, heatmaps: np.ndarray) -> np.ndarray:
    """Move points to the mean of their heatmaps near them, where those have a clear peak there.

    Args:
        points: (K, 2) in [0, 1] over the crop.
        heatmaps: (S, S, K), logits.

    Returns:
        (K, 2).
    """
    size, half = heatmaps.shape[0], HEATMAP_WINDOW // 2
    cells = np.floor(points * size).astype(int)[:, :, None] + np.arange(-half, half + 1)  # (K, 2, W)
    inside = (cells >= 0) & (cells < size)
    x, y = np.clip(cells, 0, size - 1).transpose(1, 0, 2)
    logits = heatmaps[y[:, :, None], x[:, None, :], np.arange(len(points))[:, None, None]]  # (K, W, W)
    weights = _sigmoid(logits) * (inside[:, 1, :, None] & inside[:, 0, None, :])
    total = np.maximum(weights.sum(axis=(1, 2)), 1e-9)
    mean = np.stack([(weights.sum(axis=1) * x).sum(axis=1), (weights.sum(axis=2) * y).sum(axis=1)], axis=1)
    clear = weights.max(axis=(1, 2)) >= HEATMAP_LEAST
    return np.where(clear[:, None], mean / total[:, None] / size, points)


class BlazePoseDetector:
    """Finds the people in a picture.

    Args:
        threads: Of LiteRT.
        least_score: Of a detection.

    Raises:
        InputError: LiteRT or the model is not installed.
    """

    def __init__(self, threads: int = 2, least_score: float = 0.5) -> None:
        self.least_score = least_score
        self._model = _LiteRTModel(DETECTOR_FILE, threads)
        self._anchors = anchor_centers()

    def __call__(self, image: np.ndarray) -> PoseDetections:
        """The people in a picture (H, W, 3) uint8 RGB."""
        height, width = image.shape[:2]
        scale = DETECTOR_SIZE / max(height, width)
        small = cv2.resize(image, (max(round(scale * width), 1), max(round(scale * height), 1)), interpolation=cv2.INTER_AREA)
        left, top = (DETECTOR_SIZE - small.shape[1]) // 2, (DETECTOR_SIZE - small.shape[0]) // 2
        square = np.zeros((DETECTOR_SIZE, DETECTOR_SIZE, 3), np.uint8)
        square[top : top + small.shape[0], left : left + small.shape[1]] = small
        boxes, scores = self._model(square.astype(np.float32) / 127.5 - 1)
        values, scores = self._decode(boxes[0], scores[0, :, 0])
        points = (values.reshape(-1, 6, 2) - np.array([left, top])) / scale
        sizes = values[:, 2:4] / scale
        return PoseDetections(np.concatenate([points[:, 0], sizes], axis=1), scores, points[:, 2:])

    def _decode(self, raw: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Boxes and points (K, 12) in pixels of the model's picture, and scores (K,)."""
        scores = _sigmoid(logits)
        kept = np.flatnonzero(scores >= self.least_score)
        values = raw[kept].reshape(-1, 6, 2).astype(np.float64)
        values[:, [0, 2, 3, 4, 5]] += self._anchors[kept, None]  # all but the size
        return merge_detections(values.reshape(-1, 12), scores[kept])


class BlazePoseLandmarker:
    """Finds the landmarks of the person in a turned square of a picture.

    Args:
        threads: Of LiteRT.

    Raises:
        InputError: LiteRT or the model is not installed.
    """

    def __init__(self, threads: int = 2) -> None:
        self._model = _LiteRTModel(LANDMARK_FILE, threads)

    def __call__(self, image: np.ndarray, roi: Roi) -> PoseLandmarks:
        """The landmarks in a square of a picture (H, W, 3) uint8 RGB, which may reach over its edges."""
        matrix = crop_to_image(roi, LANDMARK_SIZE)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = (LANDMARK_SIZE, LANDMARK_SIZE)
        crop = cv2.warpAffine(image, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        raw, presence, _, heatmaps, world = self._model(crop.astype(np.float32) / 255)
        raw, world = raw.reshape(-1, 5), world.reshape(-1, 3).astype(np.float64)
        points = LANDMARK_SIZE * refine_with_heatmaps(raw[:, :2].astype(np.float64) / LANDMARK_SIZE, heatmaps[0])
        points = points @ matrix[:, :2].T + matrix[:, 2]  # (39, 2) pixels of the picture
        world[:, :2] = world[:, :2] @ matrix[:, :2].T * (LANDMARK_SIZE / roi.side)
        body = slice(NUM_POSE_LANDMARKS)
        return PoseLandmarks(
            world=world[body],
            image=points[body],
            visibility=_sigmoid(raw[body, 3]),
            presence=float(presence.item()),
            roi=roi_between(points[NUM_POSE_LANDMARKS], points[NUM_POSE_LANDMARKS + 1]),
        )


class _LiteRTModel:
    """One of mediapipe's model files, ready to run."""

    def __init__(self, name: str, threads: int) -> None:
        path = find_model(name)
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise InputError(
                'BlazePose needs ai-edge-litert, which is not installed: pip install "glot_plugin[video]"'
            ) from error
        self._interpreter = Interpreter(str(path), num_threads=threads)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]['index']
        self._outputs = [output['index'] for output in self._interpreter.get_output_details()]

    def __call__(self, picture: np.ndarray) -> list[np.ndarray]:
        """The outputs for a picture (S, S, 3) float32."""
        self._interpreter.set_tensor(self._input, picture[None])
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(output) for output in self._outputs]


def find_model(name: str) -> Path:
    """A model file in the installed package mediapipe, which is not imported.

    Raises:
        InputError: mediapipe is not installed, or is of a version without the file.
    """
    spec = find_spec('mediapipe')
    folders = [] if spec is None else list(spec.submodule_search_locations or ())
    for folder in folders:
        if (Path(folder) / name).is_file():
            return Path(folder) / name
    found = f'the one in {folders[0]} has no {name}' if folders else 'it is not installed'
    raise InputError(f"BlazePose's models are files of the package mediapipe 0.10.14 to 0.10.21, and {found}: {INSTALL_MODELS}")


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(values.astype(np.float64), -100, 100)))
