"""Measure speed and memory, and compare each speed with a naive baseline in the same run.

    python tools/benchmark.py
    python tools/benchmark.py --only train-step track-inference
    python tools/benchmark.py --only training --resident-frames 4000000 --iterations 50000   # the paper's, on a GPU

The section `inference` has every inference mode beside its floor, its matrix products alone, and beside the published
way, with the goals. `live` is a frame of a stream of 1 and of 8 people, beside predicting its windows anew, and live
video at 25 frames/s.

The two are measured in turns, and ratios are medians over these pairs: machines differ and drift, ratios less so.
"""

import argparse
from pathlib import Path

from mmengine.device import get_device

from glot_plugin import cli
from glot_plugin.benchmark.report import SECTIONS, Settings, run_sections
from glot_plugin.benchmark.training_run import MODES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--only',
        nargs='+',
        choices=SECTIONS,
        default=list(SECTIONS),
        metavar='SECTION',
        help=f'measure only these of {", ".join(SECTIONS)} (default: all)',
    )
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('work_dirs/benchmark'),
        metavar='DIR',
        help='folder for the generated data (default: %(default)s)',
    )
    parser.add_argument(
        '--config',
        type=Path,
        default=Path('glot_plugin::glot/_base_/glot.py'),
        help='config of the model to measure (default: %(default)s)',
    )
    parser.add_argument(
        '--device', default=get_device(), help='device to run the model on: cpu, cuda, … (default: %(default)s)'
    )
    parser.add_argument(
        '--batch-size', type=int, default=64, metavar='N', help='clips in a training batch (default: %(default)s)'
    )
    parser.add_argument(
        '--store-frames',
        type=int,
        default=1_000_000,
        metavar='N',
        help='frames in the store that batches are fetched from (default: %(default)s)',
    )
    parser.add_argument(
        '--resident-frames',
        type=int,
        default=100_000,
        metavar='N',
        help="frames in the store of resident-fetch and training, 5 kB each; the paper's sets have about 4,000,000 "
        '(default: %(default)s)',
    )
    parser.add_argument(
        '--iterations',
        type=int,
        default=1000 if get_device() == 'cuda' else 20,
        metavar='N',
        help='iterations of the section training (default here: %(default)s)',
    )
    parser.add_argument(
        '--modes',
        nargs='+',
        choices=list(MODES),
        default=list(MODES),
        metavar='MODE',
        help=f'how the section training trains: {", ".join(MODES)} (default: all, or what runs without a GPU)',
    )
    parser.add_argument(
        '--poses', type=int, default=35_000, metavar='N', help='poses to score with the metrics (default: %(default)s)'
    )
    parser.add_argument(
        '--repeats', type=int, default=5, metavar='N', help='times to repeat each measurement (default: %(default)s)'
    )
    parser.add_argument(
        '--clip', type=Path, metavar='VIDEO', help='clip for the section video (default: the one in the package)'
    )
    args = parser.parse_args()
    options = vars(args)
    sections = options.pop('only')
    cli.check_device(args.device)
    run_sections(sections, Settings(**options), lambda line: print(line, flush=True))


if __name__ == '__main__':
    cli.run(main)
