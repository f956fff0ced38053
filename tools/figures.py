"""Draw the paper's figures of a checkpoint and a track, as PDF and PNG.

python tools/figures.py configs/glot/glot_3dpw.py glot_3dpw.pth --store data/3dpw_test --out figures
python tools/figures.py CONFIG CHECKPOINT --store STORE --against OTHER_CONFIG OTHER_CHECKPOINT --out figures

attention     of both encoders and of the cross-attention (Figure 6)
branches      the global branch beside its local correction on the same frames (Figure 5)
acceleration  acceleration error over time, beside another result's with --against
"""

import argparse
from pathlib import Path

from glot_plugin import cli
from glot_plugin.experiments.paper_figures import draw_paper_figures
from glot_plugin.io.files import writable_folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=Path, help='config of the model')
    parser.add_argument('checkpoint', type=Path, help='its weights')
    parser.add_argument('--store', type=Path, required=True, metavar='DIR', help='track store')
    parser.add_argument('--track', metavar='NAME', help='which of its tracks (default: the first)')
    parser.add_argument('--start', type=int, default=0, metavar='N', help='first frame of the track to draw (0)')
    parser.add_argument('--frames', type=int, default=40, metavar='N', help='how many frames (%(default)s)')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='folder of the pictures')
    parser.add_argument('--body-models', type=Path, metavar='DIR', help='folder of the SMPL files (data/body_models)')
    parser.add_argument(
        '--against',
        type=Path,
        nargs='+',
        default=[],
        metavar='RESULT',
        help="another config and checkpoint, or a tracks.npz with the track's person, for the acceleration error",
    )
    args = parser.parse_args()
    out = writable_folder(args.out, '--out')
    pictures = draw_paper_figures(
        args.config,
        args.checkpoint,
        args.store,
        args.track,
        args.start,
        args.frames,
        out,
        args.body_models,
        args.against,
    )
    for picture in pictures:
        print(f'picture: {picture}')


if __name__ == '__main__':
    cli.run(main)
