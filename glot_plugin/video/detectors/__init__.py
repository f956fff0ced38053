"""Detectors of people by name: BlazePose's, torchvision's with weights of the user, and any ONNX file."""

from pathlib import Path

from glot_plugin.errors import InputError
from glot_plugin.video.detectors import blazepose, onnx_model, torchvision_models
from glot_plugin.video.detectors.interface import Detections, Detector

# By the part of `--detector` before the colon: a function of what follows it, `--detector-weights`, threads and score.
DETECTORS = {'blazepose': blazepose.build, 'torchvision': torchvision_models.build, 'onnx': onnx_model.build}
DETECTOR_FORMS = 'blazepose, torchvision:NAME or onnx:FILE'


def build_detector(
    name: str = 'blazepose', weights: str | Path | None = None, threads: int = 2, least_score: float = 0.5
) -> Detector:
    """The detector that `--detector NAME --detector-weights FILE` asks for.

    Raises:
        InputError: an unknown name, a package that is not installed, or weights that are absent or do not fit.
    """
    kind, _, argument = name.partition(':')
    if kind not in DETECTORS:
        raise InputError(f'--detector {name}: expected {DETECTOR_FORMS}')
    if weights is not None and not Path(weights).is_file():
        raise InputError(f'--detector-weights {weights}: no such file')
    return DETECTORS[kind](argument, None if weights is None else Path(weights), threads, least_score)


__all__ = ['DETECTORS', 'DETECTOR_FORMS', 'Detections', 'Detector', 'build_detector']
