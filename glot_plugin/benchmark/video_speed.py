"""Speed of the chain from a clip to bodies and pictures, stage by stage."""

from pathlib import Path
from tempfile import TemporaryDirectory

from glot_plugin.engine.inference import init_model
from glot_plugin.features.backbones import BackboneSpec
from glot_plugin.video.clip import open_clip
from glot_plugin.video.clips import SINGLE_PERSON
from glot_plugin.video.people_stage import LANDMARKS, PeopleOptions
from glot_plugin.video.run import StageTimes, VideoOptions, run_clip

CONFIG = 'glot_plugin::glot/glot_landmarks.py'


def measure_clip(body_dir: str, device: str, clip: Path = SINGLE_PERSON) -> list[str]:
    """Lines for people with landmarks, bodies, and drawing: seconds, and frames per second of the clip.

    The model has random weights, which take as long as trained ones. The second of two runs counts: the first one loads
    models and libraries.
    """
    model = init_model(CONFIG, device=device, body_model_dir=body_dir)
    options = VideoOptions(PeopleOptions(backbone=BackboneSpec(LANDMARKS), progress=False))
    for _ in range(2):
        times = StageTimes()
        with TemporaryDirectory() as folder:
            source = open_clip(clip)
            result = run_clip(source, Path(folder), model, model.head.in_dim, model.body_model, options, times=times)
    width, height = result.size
    return [f'{clip.name}, {result.num_frames} frames of {width} x {height}:', *times.lines(result.num_frames)]
