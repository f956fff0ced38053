"""A whole clip: people, bodies, pictures, each stage from what the one before left in the output folder."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from glot_plugin.body_model import SMPLBody
from glot_plugin.errors import InputError
from glot_plugin.features.backbones import BackboneSpec
from glot_plugin.features.landmarks import FEATURE_DIM
from glot_plugin.io.files import writable_folder
from glot_plugin.models import GLoTEstimator
from glot_plugin.models.inference_mode import InferenceMode
from glot_plugin.video.bodies import TrackPredictor, predict_bodies
from glot_plugin.video.camera import exif_focal_length, guess_focal_length
from glot_plugin.video.clip import Clip, PictureClip, open_clip
from glot_plugin.video.people_stage import LANDMARKS, PeopleOptions, people_stage
from glot_plugin.video.pictures_stage import DrawOptions, draw_clip
from glot_plugin.video.result import TRACKS_FILE, VideoResult, write_result
from glot_plugin.video.smoothing import SMOOTHINGS

PEOPLE_FOLDER = 'people'
# Feature widths and the backbone that gives them.
BACKBONES = {FEATURE_DIM: LANDMARKS, 2048: 'spin'}


@dataclass(frozen=True)
class VideoOptions:
    """How a clip is worked on.

    Attributes:
        people: How people are found, and the backbone of their features.
        focal_length: Of the full picture, pixels; None: a photo's EXIF data, or the diagonal of the picture.
        smoothing: One of `SMOOTHINGS`; None: none.
        draw: What is drawn; None: nothing.
        inference: The inference mode (docs/speed.md); None: the model's own.
    """

    people: PeopleOptions = field(default_factory=PeopleOptions)
    focal_length: float | None = None
    smoothing: str | None = None
    draw: DrawOptions | None = field(default_factory=DrawOptions)
    inference: str | None = None

    def __post_init__(self) -> None:
        if self.smoothing is not None and self.smoothing not in SMOOTHINGS:
            raise InputError(f'smoothing {self.smoothing!r}: expected one of {", ".join(SMOOTHINGS)}')
        if self.focal_length is not None and not self.focal_length > 0:
            raise InputError(f'focal length {self.focal_length}: expected a positive number of pixels')
        if self.inference is not None:
            InferenceMode.of(self.inference)


class StageTimes:
    """Seconds that each stage of a clip took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start

    def lines(self, num_frames: int) -> list[str]:
        """A line a stage: its seconds, and frames of the clip a second."""
        return [
            f'{name:10} {seconds:7.2f} s  {num_frames / seconds:7.1f} frames/s'
            for name, seconds in self.seconds.items()
        ]


def infer_video(
    model: GLoTEstimator,
    source: str | Path,
    out: str | Path | None = None,
    options: VideoOptions | None = None,
    body_gender: str = 'neutral',
    mode: str | None = None,
) -> VideoResult:
    """Find the people of a clip, and predict their bodies.

    Args:
        model: From `init_model`, with a body model.
        source: A video file, or a folder of pictures.
        out: Folder for `tracks.npz`, `overlay.mp4`, `side.mp4` and what a later call goes on with. None: nothing is
            written, and nothing drawn.
        options: Where they name no backbone of their own, the one that the model was trained on.
        body_gender: Of the model's body, noted in the result.
        mode: The inference mode, as of `infer_track`; None: that of the options, or the model's own.

    Raises:
        InputError: A file, option or package is not as it should be, or nobody is in the clip.
    """
    if model.body_model is None:
        raise InputError(
            'a video needs the body-model files: name their folder as body_model_dir of init_model (or put them into '
            'data/body_models)'
        )
    options = options or VideoOptions(PeopleOptions(backbone=BackboneSpec(backbone_of(model.head.in_dim))))
    if mode is not None:
        options = replace(options, inference=mode)
    clip = open_clip(source)
    if out is not None:
        return run_clip(clip, Path(out), model, model.head.in_dim, model.body_model, options, gender=body_gender)
    with TemporaryDirectory() as folder:
        options = replace(options, draw=None)
        return run_clip(clip, Path(folder), model, model.head.in_dim, model.body_model, options, gender=body_gender)


def run_clip(
    clip: Clip,
    out: Path,
    predictor: TrackPredictor,
    in_dim: int,
    body: SMPLBody,
    options: VideoOptions,
    model: str = '',
    gender: str = 'neutral',
    times: StageTimes | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> VideoResult:
    """All stages of a clip; a stage that the same call has finished before is not run again.

    Args:
        clip: From `open_clip`.
        out: Folder of the result and of what the stages leave for later calls.
        predictor: Predicts tracks of features.
        in_dim: Feature width that it takes.
        body: SMPL body of `gender`.
        options: See there.
        model: Where the weights come from, in words.
        gender: Of the body.
        times: Takes the seconds of each stage.
        say: Takes a line about each stage.

    Raises:
        InputError: A file, option or package is not as it should be, or nobody is in the clip.
    """
    check_features(options.people.backbone.name, in_dim)
    writable_folder(out, '--out')
    times = times or StageTimes()
    with times.stage('people'):
        people = people_stage(clip, out / PEOPLE_FOLDER, options.people)
    found = ', '.join(f'person {one.person} in {len(one)} of {len(people.times)} frames' for one in people.people)
    say(f'people: {found}')
    with times.stage('bodies'):
        focal_length = options.focal_length or focal_length_of(clip)
        mode = options.inference
        model = model if mode in (None, 'exact') else ', '.join(filter(None, [model, mode]))
        result = predict_bodies(people, predictor, body, focal_length, options.smoothing, model, gender, mode)
        write_result(result, out / TRACKS_FILE)
    say(f'bodies: {out / TRACKS_FILE}')
    if options.draw is not None:
        with times.stage('drawing'):
            paths = draw_clip(clip, result, body, out, options.draw, options.people.progress)
        say(f'pictures: {", ".join(map(str, paths))}')
    return result


def backbone_of(in_dim: int) -> str:
    """The backbone that gives features of this width: the landmarks of BlazePose, or SPIN's ResNet-50.

    Raises:
        InputError: Neither does.
    """
    if in_dim not in BACKBONES:
        known = ', '.join(f'{width} ({name})' for width, name in BACKBONES.items())
        raise InputError(
            f'the model takes {in_dim} features a frame, expected {known}, or a backbone named by --backbone'
        )
    return BACKBONES[in_dim]


def check_features(backbone: str, in_dim: int) -> None:
    """Raise an `InputError` where a known backbone gives other features than the model takes."""
    widths = {name: width for width, name in BACKBONES.items()}
    if backbone in widths and widths[backbone] != in_dim:
        hint = f'; expected --backbone {BACKBONES[in_dim]}' if in_dim in BACKBONES else ''
        raise InputError(
            f'--backbone {backbone} gives {widths[backbone]} features a frame, and the checkpoint takes {in_dim}{hint}'
        )


def focal_length_of(clip: Clip) -> float:
    """The focal length of a clip's pictures in pixels: from EXIF data where they are photos, or the usual guess."""
    exif = exif_focal_length(clip.files[0]) if isinstance(clip, PictureClip) else None
    return exif or guess_focal_length(clip.size)
