"""Turn a video into bodies: who is in it, their SMPL bodies in every frame, and pictures of them.

    python tools/video.py clip.mp4 --out work_dirs/clip              # landmarks as features, nothing licensed
    python tools/video.py clip.mp4 --out work_dirs/clip --config configs/glot/glot_3dpw.py --checkpoint glot_3dpw.pth
    python tools/video.py 0 --out work_dirs/me --seconds 20                     # record a webcam first
    python tools/video.py folder --out work_dirs/all                            # of pictures, or of videos

DIR/tracks.npz has the bodies (docs/video.md has its layout), DIR/overlay.mp4 the bodies over the people, and
DIR/side.mp4 both that and a view from the side. The same command goes on where it was interrupted.
"""

import argparse
from dataclasses import fields
from pathlib import Path

from glot_plugin import cli
from glot_plugin.cli.video import VideoJob, run_videos
from glot_plugin.video.clip import PICTURES_FPS
from glot_plugin.video.smoothing import SMOOTHINGS
from glot_plugin.video.tracking import TrackingRules


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', metavar='SOURCE', help='video, webcam (0), folder of pictures, or folder of videos')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='folder of the results')
    _add_model(parser.add_argument_group('model'))
    _add_people(parser.add_argument_group('people'))
    _add_results(parser.add_argument_group('results'))
    return parser.parse_args()


def _add_model(group) -> None:
    default = VideoJob
    group.add_argument('--config', default=default.config, help='config of the model (%(default)s)')
    group.add_argument(
        '--checkpoint', type=Path, metavar='FILE', help='its weights (default: those of `make demo`), or an .onnx of it'
    )
    group.add_argument('--backend', choices=('torch', 'onnx'), default='torch', help='of the model (%(default)s)')
    group.add_argument(
        '--body-models', type=Path, default=default.body_models, metavar='DIR', help='SMPL files (%(default)s)'
    )
    group.add_argument('--device', help='of the model: cpu, cuda, cuda:1, … (default: a GPU where there is one)')
    group.add_argument('--backbone', metavar='NAME', help='blazepose, spin or timm:NAME (the one that fits the model)')
    group.add_argument('--weights', type=Path, metavar='FILE', help='of the backbone, where it is spin or timm:NAME')


def _add_people(group) -> None:
    rules = TrackingRules()
    group.add_argument('--boxes', type=Path, metavar='FILE', help='.csv or .json of boxes, instead of detection')
    group.add_argument(
        '--detector', default='blazepose', metavar='NAME', help='blazepose (default), torchvision:NAME or onnx:FILE'
    )
    group.add_argument('--detector-weights', type=Path, metavar='FILE', help="state dict for torchvision's detectors")
    for rule in fields(rules):
        about = RULES_HELP.get(rule.name)
        if about:
            option = f'--{rule.name.replace("_", "-")}'
            default = '' if rule.default is None else ' (%(default)s)'
            group.add_argument(option, type=float, default=rule.default, metavar='X', help=f'{about}{default}')


RULES_HELP = {
    'least_seconds': 'tracks seen for less than this, or for less than half of a shorter clip, are dropped',
    'gap_seconds': 'a person who is hidden for longer than this comes back as another',
    'least_score': "of a detection (the detector's own default)",
    'least_presence': 'below it, the landmark model says that there is no person in the frame',
    'least_visibility': 'tracks whose landmarks are less visible than this are dropped as no person',
}


def _add_results(group) -> None:
    group.add_argument('--focal-length', type=float, metavar='PIXELS', help="default: EXIF, or the picture's diagonal")
    group.add_argument('--fps', type=float, default=PICTURES_FPS, help='of a folder of pictures (%(default)s)')
    group.add_argument('--smooth', choices=SMOOTHINGS, help="of rotations and positions: ours, or one of mmhuman3d's")
    group.add_argument('--no-pictures', action='store_true', help='no overlay.mp4, side.mp4 and viewer.html')
    group.add_argument('--frames', action='store_true', help='also each frame of the overlay, in DIR/frames')
    group.add_argument('--export', nargs='+', default=(), metavar='FORMAT', help='also these formats (tools/export.py)')
    group.add_argument('--seconds', type=float, metavar='S', help='how long a webcam is recorded (until Ctrl-C)')


def main() -> None:
    args = parse_arguments()
    rules = TrackingRules(**{name: getattr(args, name) for name in RULES_HELP})
    run_videos(VideoJob.from_arguments(args, rules), lambda line: print(line, flush=True))


if __name__ == '__main__':
    cli.run(main)
