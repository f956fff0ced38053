"""Draw the paper's figures for a checkpoint and a track, as PDF and PNG.

python tools/figures.py configs/glot/glot_3dpw.py glot_3dpw.pth --store data/stores/3dpw-test --out figures
python tools/figures.py CONFIG CHECKPOINT --store STORE --against OTHER_CONFIG OTHER_CHECKPOINT --out figures

attention     attention of both encoders and the cross-attention (Figure 6)
branches      the global branch and its local correction, side by side on the same frames (Figure 5)
acceleration  acceleration error over time, with --against compared with another result's
"""

import argparse
from pathlib import Path

from glot_plugin import cli
from glot_plugin.experiments.paper_figures import draw_paper_figures
from glot_plugin.io.files import writable_folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=Path, help='config of the model, for example configs/glot/glot_3dpw.py')
    parser.add_argument('checkpoint', type=Path, help='checkpoint of the model')
    parser.add_argument('--store', type=Path, required=True, metavar='DIR', help='track store that has the track')
    parser.add_argument('--track', metavar='NAME', help='track to draw (default: the first of the store)')
    parser.add_argument(
        '--start', type=int, default=0, metavar='N', help='first frame of the track to draw (default: %(default)s)'
    )
    parser.add_argument(
        '--frames', type=int, default=40, metavar='N', help='number of frames to draw (default: %(default)s)'
    )
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='folder to write the pictures into')
    parser.add_argument(
        '--body-models', type=Path, metavar='DIR', help='folder of the SMPL files (default: data/body_models)'
    )
    parser.add_argument(
        '--against',
        type=Path,
        nargs='+',
        default=[],
        metavar='RESULT',
        help='compare the acceleration error with this config and checkpoint, or with a tracks.npz of the same person',
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
