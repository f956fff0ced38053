"""The first stage of tools/video.py: a clip in, its people with features in a folder out, made once."""

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from glot_plugin.converters.convert import source_stamp
from glot_plugin.errors import InputError
from glot_plugin.features.backbones import BackboneSpec
from glot_plugin.features.blazepose import BlazePoseLandmarker
from glot_plugin.features.extract import ExtractOptions, extract_features
from glot_plugin.video.clip import Clip
from glot_plugin.video.detectors import build_detector
from glot_plugin.video.given_boxes import GivenBoxTracker
from glot_plugin.video.image_source import PeopleSource
from glot_plugin.video.observers import BoxObserver, GivenBoxObserver, PoseObserver
from glot_plugin.video.people import FrameTracker, People, find_people
from glot_plugin.video.people_files import FEATURES_FOLDER, PEOPLE_FILE, made_from, read_people, write_people
from glot_plugin.video.tracking import IdentityTracker, Observation, TrackingRules

VERSION = 1  # raised whenever the same clip gives other people
LANDMARKS = 'blazepose'


@dataclass(frozen=True)
class PeopleOptions:
    """How people are found.

    Attributes:
        detector: 'blazepose', 'torchvision:NAME' or 'onnx:FILE'.
        detector_weights: File of torchvision's weights.
        boxes: File of boxes in place of detection and tracking.
        backbone: Of the features; the landmarks of 'blazepose' are found together with the people.
        rules: Of tracking.
        threads: Of the detector and of the landmark model.
        extract: How the features of other backbones are extracted.
        progress: Show a progress bar.
    """

    detector: str = LANDMARKS
    detector_weights: Path | None = None
    boxes: Path | None = None
    backbone: BackboneSpec = field(default_factory=lambda: BackboneSpec(LANDMARKS))
    rules: TrackingRules = field(default_factory=TrackingRules)
    threads: int = min(os.cpu_count() or 1, 4)
    extract: ExtractOptions = field(default_factory=ExtractOptions)
    progress: bool = True


def people_stage(clip: Clip, folder: str | Path, options: PeopleOptions | None = None) -> People:
    """The people of a clip with features; what the same clip and options left in the folder is read, not made again.

    Raises:
        InputError: a file, option or package is not as it should be, nobody is in the clip, or the folder cannot be
            written.
    """
    options, folder = options or PeopleOptions(), Path(folder)
    digest = _digest(clip, options)
    if made_from(folder) != digest:
        people = _people(clip, options)
        shutil.rmtree(folder / FEATURES_FOLDER, ignore_errors=True)
        write_people(people, folder, digest)
    if options.backbone.name != LANDMARKS:
        source = PeopleSource(clip, read_people(folder), folder / PEOPLE_FILE)
        extract_features(source, options.backbone, folder / FEATURES_FOLDER, options.extract)
    return read_people(folder)


def _people(clip: Clip, options: PeopleOptions) -> People:
    tracker = build_tracker(clip, options)
    found = find_people(clip, tracker, options.rules, options.progress)
    if isinstance(tracker, GivenBoxTracker):
        tracker.check_end()
    if options.backbone.name == LANDMARKS:
        return found
    return replace(found, people=tuple(replace(one, features=None) for one in found.people))


def build_tracker(clip: Clip, options: PeopleOptions) -> FrameTracker:
    """What finds the people of each frame: with landmarks where the backbone or the detector is BlazePose."""
    by_landmarks = LANDMARKS in (options.backbone.name, options.detector if options.boxes is None else '')
    landmarker = BlazePoseLandmarker(options.threads) if by_landmarks else None
    rules = options.rules
    if options.boxes is not None:
        return GivenBoxTracker(clip, options.boxes, GivenBoxObserver(landmarker, rules) if landmarker else None)
    detector = build_detector(options.detector, options.detector_weights, options.threads, rules.least_score)
    observer = PoseObserver(detector, landmarker, rules, clip.fps) if landmarker else BoxObserver(detector)
    identify = IdentityTracker(rules, clip.fps)

    def tracker(image: np.ndarray) -> dict[int, Observation]:
        observations = observer(image)
        return dict(zip(identify(observations), observations, strict=True))

    return tracker


def _digest(clip: Clip, options: PeopleOptions) -> str:
    """What tells whether people are those of a call: the clip's files, the detector's or boxes', and the rules."""
    given = [path for path in (options.boxes, options.detector_weights) if path is not None]
    given += [Path(options.detector.removeprefix('onnx:'))] if options.detector.startswith('onnx:') else []
    for path in given:
        if not path.is_file():
            raise InputError(f'{path}: no such file')
    settings = {
        'version': VERSION,
        'files': [source_stamp(path) for path in (*clip.files, *given)],
        'fps': clip.fps,
        'detector': options.detector,
        'landmarks': options.backbone.name == LANDMARKS,
        'rules': asdict(options.rules),
    }
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
