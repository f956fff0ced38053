"""Find the people in a video, predict their SMPL bodies in every frame, and draw them.

    python tools/video.py clip.mp4 --out work_dirs/clip              # from landmarks; no licensed file
    python tools/video.py clip.mp4 --out work_dirs/clip --config configs/glot/glot_3dpw.py --checkpoint glot_3dpw.pth
    python tools/video.py 0 --out work_dirs/me --seconds 20                     # record a webcam first
    python tools/video.py 0 --out work_dirs/me --live --latency 2               # or while it films
    python tools/video.py folder --out work_dirs/all                            # a folder of pictures, or of videos

DIR/tracks.npz has the bodies (docs/video.md describes its arrays), DIR/overlay.mp4 shows them over the people,
DIR/side.mp4 adds a view from the side, and DIR/viewer.html is a page that shows them in 3D. The same command continues
a run that was interrupted.
"""

import argparse
from dataclasses import fields
from pathlib import Path

from glot_plugin import cli
from glot_plugin.cli.video import VideoJob, run_videos
from glot_plugin.models.inference_mode import MODES
from glot_plugin.models.latency import EARLY
from glot_plugin.video.clip import PICTURES_FPS
from glot_plugin.video.smoothing import SMOOTHINGS
from glot_plugin.video.tracking import TrackingRules


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'source', metavar='SOURCE', help='video, webcam (its number, as 0), or folder of pictures or of videos'
    )
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='folder to write the results into')
    _add_model(parser.add_argument_group('model'))
    _add_people(parser.add_argument_group('people'))
    _add_results(parser.add_argument_group('results'))
    _add_live(parser.add_argument_group('live'))
    return parser.parse_args()


def _add_model(group) -> None:
    default = VideoJob
    group.add_argument('--config', default=default.config, help='config of the model (default: %(default)s)')
    group.add_argument(
        '--checkpoint',
        type=Path,
        metavar='FILE',
        help='checkpoint of the model, or the model as an .onnx file (default: the checkpoint of `make demo`)',
    )
    group.add_argument(
        '--backend',
        choices=('torch', 'onnx'),
        default='torch',
        help='library that runs the model (default: %(default)s)',
    )
    group.add_argument(
        '--inference',
        choices=MODES,
        help='how tracks are predicted: as published, with fewer windows, in bfloat16, or both; see docs/speed.md '
        "(default: the config's model.inference, or exact)",
    )
    group.add_argument(
        '--body-models',
        type=Path,
        default=default.body_models,
        metavar='DIR',
        help='folder of the SMPL files; without them a generated body is used (default: %(default)s)',
    )
    group.add_argument(
        '--device', help='device to run the model on: cpu, cuda, cuda:1, … (default: a GPU if there is one)'
    )
    group.add_argument(
        '--backbone',
        metavar='NAME',
        help="what computes the features: blazepose, spin or timm:NAME (default: the one of the model's feature width)",
    )
    group.add_argument('--weights', type=Path, metavar='FILE', help='checkpoint of the backbone, for spin or timm:NAME')


def _add_people(group) -> None:
    rules = TrackingRules()
    group.add_argument(
        '--boxes', type=Path, metavar='FILE', help='.csv or .json with the boxes of the people (default: detect them)'
    )
    group.add_argument(
        '--detector',
        default='blazepose',
        metavar='NAME',
        help='what finds people: blazepose, torchvision:NAME or onnx:FILE (default: %(default)s)',
    )
    group.add_argument(
        '--detector-weights', type=Path, metavar='FILE', help="checkpoint (state dict) of torchvision's detector"
    )
    for rule in fields(rules):
        about = RULES_HELP.get(rule.name)
        if about:
            option = f'--{rule.name.replace("_", "-")}'
            default = '' if rule.default is None else ' (default: %(default)s)'
            group.add_argument(option, type=float, default=rule.default, metavar='X', help=f'{about}{default}')


RULES_HELP = {
    'least_seconds': 'drop people seen for less than this many seconds, or less than half of a shorter clip',
    'gap_seconds': 'give a person who was hidden for longer than this many seconds a new identity',
    'least_score': "ignore detections with a lower score, from 0 to 1 (default: the detector's)",
    'least_presence': 'take a person as not seen in frames where the landmark model gives a lower probability',
    'least_visibility': 'drop tracks whose landmarks are less visible than this, from 0 to 1, as not being people',
}


def _add_results(group) -> None:
    group.add_argument(
        '--focal-length',
        type=float,
        metavar='PIXELS',
        help="focal length of the camera in pixels (default: from EXIF data, else the picture's diagonal)",
    )
    group.add_argument(
        '--fps',
        type=float,
        default=PICTURES_FPS,
        help='frames per second of a folder of pictures (default: %(default)s)',
    )
    group.add_argument(
        '--smooth',
        choices=SMOOTHINGS,
        help="filter to smooth rotations and positions with; all but one-euro are mmhuman3d's (default: none)",
    )
    group.add_argument('--no-pictures', action='store_true', help='do not write overlay.mp4, side.mp4 and viewer.html')
    group.add_argument('--frames', action='store_true', help='also write each frame of the overlay, into DIR/frames')
    group.add_argument(
        '--export', nargs='+', default=(), metavar='FORMAT', help='also write these formats of tools/export.py'
    )
    group.add_argument(
        '--seconds',
        type=float,
        metavar='S',
        help='seconds to record from a webcam, or to go on live (default: until Ctrl-C, or the end of a file)',
    )


def _add_live(group) -> None:
    group.add_argument(
        '--live',
        action='store_true',
        help='predict a webcam, or a file played in real time, as frames come; drop what is too much (docs/live.md)',
    )
    group.add_argument(
        '--latency',
        type=int,
        metavar='FRAMES',
        help="frames that a body waits for after its own, at most the model's (default: the model's, 7 as published)",
    )
    group.add_argument(
        '--early',
        choices=EARLY,
        default='global',
        help="a lower latency by the global branch's frames, smoother, or by repeating the newest frame, more accurate "
        '(default: %(default)s; docs/live.md)',
    )
    group.add_argument('--show', action='store_true', help='show the people as skeletons in a window')


def main() -> None:
    args = parse_arguments()
    rules = TrackingRules(**{name: getattr(args, name) for name in RULES_HELP})
    run_videos(VideoJob.from_arguments(args, rules), lambda line: print(line, flush=True))


if __name__ == '__main__':
    cli.run(main)
