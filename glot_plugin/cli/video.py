"""Implementation of `tools/video.py`: load the model, open the clips, and run every stage of each clip."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from glot_plugin.body_model import SMPLBody
from glot_plugin.body_model.smpl_files import MEAN_PARAMS_FILE
from glot_plugin.body_model.synthetic import write_synthetic_body
from glot_plugin.cli.arguments import check_device
from glot_plugin.cli.live import RECORDING, check_live_options, run_live
from glot_plugin.engine.inference import init_model
from glot_plugin.engine.work_dir import best_checkpoint
from glot_plugin.errors import InputError
from glot_plugin.export import FORMATS, export_result
from glot_plugin.export.onnx_predictor import OnnxPredictor
from glot_plugin.features.backbones import BackboneSpec
from glot_plugin.features.processes import join_processes
from glot_plugin.io.files import writable_folder
from glot_plugin.models import GLoTEstimator
from glot_plugin.video.bodies import TrackPredictor
from glot_plugin.video.clip import PICTURE_SUFFIXES, PICTURES_FPS, Clip, WebcamClip, open_clip, webcam_number
from glot_plugin.video.people_stage import LANDMARKS, PeopleOptions, people_stage
from glot_plugin.video.pictures_stage import OVERLAY, DrawOptions, draw_clip
from glot_plugin.video.result import VideoResult
from glot_plugin.video.run import PEOPLE_FOLDER, StageTimes, VideoOptions, backbone_of, check_features, run_clip
from glot_plugin.video.tracking import TrackingRules
from glot_plugin.video.writer import VideoWriter
from glot_plugin.viewer import write_viewer

VIDEO_SUFFIXES = ('.mp4', '.mov', '.avi', '.mkv', '.webm', '.m4v')
VIEWER = 'viewer.html'
Say = Callable[[str], None]


@dataclass(frozen=True)
class VideoJob:
    """The command line of `tools/video.py`.

    Attributes:
        source: Video, webcam, folder of pictures, or folder of videos.
        out: Folder of the results.
        options: Options of the stages of each clip.
        config: Config of the model.
        checkpoint: Weights of the model, or an ONNX file; None: the weights that `make demo` trained last.
        backend: `torch` or `onnx`.
        body_models: Folder of the SMPL files; without them, a generated body is written into `out`.
        device: Device of the model; None: a GPU if there is one.
        backbone: Backbone of the features; None: chosen by the model's feature width.
        weights: Weights of the backbone.
        fps: Frame rate of a folder of pictures.
        exports: Export formats.
        seconds: How long a webcam is recorded, or a live run goes on; None: until Ctrl-C, or the end.
        live: Predict while the source is filmed or played.
        latency, early: Of live bodies, see `TrackStream`.
        show: Show live bodies in a window.
    """

    source: str
    out: Path
    options: VideoOptions = field(default_factory=VideoOptions)
    config: str | Path = 'glot_plugin::glot/glot_landmarks.py'
    checkpoint: Path | None = None
    backend: str = 'torch'
    body_models: Path = Path('data/body_models')
    device: str | None = None
    backbone: str | None = None
    weights: Path | None = None
    fps: float = PICTURES_FPS
    exports: tuple[str, ...] = ()
    seconds: float | None = None
    live: bool = False
    latency: int | None = None
    early: str = 'global'
    show: bool = False

    @classmethod
    def from_arguments(cls, args: argparse.Namespace, rules: TrackingRules) -> 'VideoJob':
        """The job of parsed arguments."""
        people = PeopleOptions(args.detector, args.detector_weights, args.boxes, rules=rules)
        draw = None if args.no_pictures else DrawOptions(frames=args.frames)
        options = VideoOptions(people, args.focal_length, args.smooth, draw, args.inference)
        given = {'source', 'out', 'options', 'exports'}
        rest = {one.name: getattr(args, one.name) for one in fields(cls) if one.name not in given}
        return cls(args.source, args.out, options, exports=tuple(args.export), **rest)


def run_videos(job: VideoJob, say: Say = print) -> None:
    """Run every stage of each clip of a job.

    Under torchrun the processes share the videos of a folder, or the people of a single video (all processes extract
    features, unless these are landmarks).

    Raises:
        InputError: A file, option or package is missing or wrong, or a clip shows nobody. In a folder of videos, the
            other videos are processed first.
    """
    unknown = [name for name in job.exports if name not in FORMATS]
    if unknown:
        raise InputError(f'--export {unknown[0]}: expected some of {", ".join(FORMATS)}')
    _check_live(job)
    if job.device is not None:
        check_device(job.device)
    videos = videos_in(job.source)
    if not videos and webcam_number(job.source) is None:
        open_clip(job.source, job.fps)  # a wrong source is found before anything is written
    writable_folder(job.out, '--out')
    predictor, in_dim, body, weights = load_predictor(job, say)
    job = _with_backbone(job, in_dim)
    if job.live:
        _run_live(job, predictor, body, weights, say)
        return
    rank, world_size = join_processes()
    together = world_size > 1 and job.options.people.backbone.name != LANDMARKS
    errors = []
    for number, video in enumerate(videos or [None]):
        if not together and number % world_size != rank:
            continue
        out = job.out if video is None else job.out / Path(video).stem
        try:
            clip = open_clip(_recorded(job, say) if video is None else video, job.fps)
            if together and rank > 0:
                people_stage(clip, out / PEOPLE_FOLDER, job.options.people)
            else:
                _run_one(job, clip, out, predictor, in_dim, body, weights, say)
        except InputError as error:
            if len(videos) < 2 or together:
                raise
            say(f'{video}: {error}')
            errors.append(str(error))
    if errors:
        raise InputError('\nerror: '.join(errors))


def videos_in(source: str) -> list[str]:
    """The videos of a folder without pictures; an empty list for any other source."""
    folder = Path(source)
    if not folder.is_dir() or any(path.suffix.lower() in PICTURE_SUFFIXES for path in folder.iterdir()):
        return []
    return [str(path) for path in sorted(folder.iterdir()) if path.suffix.lower() in VIDEO_SUFFIXES]


def load_predictor(job: VideoJob, say: Say) -> tuple[TrackPredictor, int, SMPLBody, str]:
    """The predictor, its feature width, the body, and a description of where the weights come from.

    Raises:
        InputError: A file is missing or damaged, or does not fit.
    """
    if job.backend == 'onnx':
        if job.options.inference is not None:
            raise InputError('--inference is not for --backend onnx: a file computes as it was exported')
        if job.checkpoint is None:
            raise InputError('--backend onnx: expected --checkpoint FILE.onnx (tools/export_model.py writes one)')
        onnx = OnnxPredictor(job.checkpoint)
        return onnx, onnx.in_dim, SMPLBody(_body_models(job, say)), onnx.weights
    checkpoint = job.checkpoint or _demo_checkpoint()
    model = init_model(job.config, checkpoint, job.device, body_model_dir=_body_models(job, say))
    return model, model.head.in_dim, model.body_model, f'{Path(job.config).name}, {checkpoint.name}'


def _body_models(job: VideoJob, say: Say) -> Path:
    """The folder of the SMPL files; without them, of a generated body."""
    folder = job.body_models
    if not (folder / MEAN_PARAMS_FILE).is_file():
        folder = job.out / 'body_models'
        say(f'body model: a generated one, {folder} (the SMPL files go into {job.body_models})')
        if not (folder / MEAN_PARAMS_FILE).is_file():
            write_synthetic_body(folder)
    return folder


def _demo_checkpoint() -> Path:
    folder = Path('work_dirs/demo')
    try:
        return best_checkpoint(folder)
    except InputError:
        raise InputError(
            f'--checkpoint is missing, and {folder} has none: expected weights of --config; `make demo` trains those '
            'of the default config in minutes'
        ) from None


def _with_backbone(job: VideoJob, in_dim: int) -> VideoJob:
    """The job with its backbone filled in, and checked against the model."""
    name = job.backbone or backbone_of(in_dim)
    check_features(name, in_dim)
    weights = job.weights
    if name != LANDMARKS and weights is None:
        raise InputError(f'--weights is missing: expected the checkpoint of {name}, whose features the model takes')
    people = replace(job.options.people, backbone=BackboneSpec(name, weights))
    return replace(job, options=replace(job.options, people=people))


def _recorded(job: VideoJob, say: Say) -> str | Path:
    """The source, or the recording of a webcam."""
    if webcam_number(job.source) is None:
        return job.source
    recording = job.out / RECORDING
    if not recording.is_file():
        clip = open_clip(job.source)
        say(f'{clip.name}: recording {f"{job.seconds:g} s" if job.seconds else "until Ctrl-C"}')
        record(clip, recording, job.seconds)
    say(f'recording: {recording}; remove it to record again')
    return recording


def record(clip: WebcamClip, path: Path, seconds: float | None) -> None:
    """Write a webcam's frames to a video, for a time or until Ctrl-C."""
    with VideoWriter(path, clip.fps) as video:
        try:
            for frame in clip.frames():
                video.write(frame.time, frame.image)
                if seconds is not None and frame.time >= seconds:
                    break
        except KeyboardInterrupt:
            return  # keep the recording


def _run_one(
    job: VideoJob, clip: Clip, out: Path, predictor: TrackPredictor, in_dim: int, body: SMPLBody, weights: str, say: Say
) -> None:
    times = StageTimes()
    result = run_clip(clip, out, predictor, in_dim, body, job.options, weights, times=times, say=say)
    _export_and_view(job, result, body, out, clip.files[0] if len(clip.files) == 1 else out / OVERLAY, times, say)
    say('\n'.join(times.lines(result.num_frames)))


def _export_and_view(
    job: VideoJob, result: VideoResult, body: SMPLBody, out: Path, video: Path, times: StageTimes, say: Say
) -> None:
    if job.exports:
        with times.stage('exports'):
            export_result(result, body, job.exports, out, notify=lambda path: say(f'export: {path}'))
    if job.options.draw is not None:
        with times.stage('viewer'):
            write_viewer(result, body, out / VIEWER, video=video)
        say(f'viewer: {out / VIEWER} (opens in any browser)')


def _check_live(job: VideoJob) -> None:
    """Raise an `InputError` for options that do not go together."""
    if job.live:
        check_live_options(job.options, job.backend, job.source)
        return
    for name, given in (('latency', job.latency is not None), ('early', job.early != 'global'), ('show', job.show)):
        if given:
            raise InputError(f'--{name} is for --live')


def _run_live(job: VideoJob, model: GLoTEstimator, body: SMPLBody, weights: str, say: Say) -> None:
    """Predict while the frames come; pictures, exports and viewer follow at the end."""
    clip = open_clip(job.source, job.fps)
    live = {name: getattr(job, name) for name in ('latency', 'early', 'seconds', 'show')}
    result, recording = run_live(clip, job.out, model, body, job.options, weights, say=say, **live)
    video, times = recording or Path(job.source), StageTimes()
    if job.options.draw is not None:
        with times.stage('drawing'):
            paths = draw_clip(open_clip(video), result, body, job.out, job.options.draw, job.options.people.progress)
        say(f'pictures: {", ".join(map(str, paths))}')
    _export_and_view(job, result, body, job.out, video, times, say)
    say('\n'.join(times.lines(result.num_frames)))
