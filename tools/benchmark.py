"""Speed and memory, each against a naive baseline in the same run.

    python tools/benchmark.py
    python tools/benchmark.py --only train-step track-inference

Ratios are medians of pairs measured in turns: machines differ and drift, ratios less so.
"""

import argparse
from pathlib import Path

from mmengine.device import get_device

from glot_plugin import cli
from glot_plugin.benchmark.report import SECTIONS, Settings, run_sections


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', nargs='+', choices=SECTIONS, default=list(SECTIONS), help='measure only these')
    parser.add_argument(
        '--out', type=Path, default=Path('work_dirs/benchmark'), metavar='DIR', help='folder of its data'
    )
    parser.add_argument(
        '--config', type=Path, default=Path('glot_plugin::glot/_base_/glot.py'), help='model to measure (%(default)s)'
    )
    parser.add_argument('--device', default=get_device(), help='device of the model')
    parser.add_argument('--batch-size', type=int, default=64, metavar='N')
    parser.add_argument('--store-frames', type=int, default=1_000_000, metavar='N', help='frames of the store')
    parser.add_argument('--poses', type=int, default=35_000, metavar='N', help='poses that are scored')
    parser.add_argument('--repeats', type=int, default=5, metavar='N')
    parser.add_argument('--clip', type=Path, metavar='VIDEO', help='of the section video (default: the packaged one)')
    args = parser.parse_args()
    settings = Settings(
        args.out, args.config, args.device, args.batch_size, args.store_frames, args.poses, args.repeats, args.clip
    )
    run_sections(args.only, settings, lambda line: print(line, flush=True))


if __name__ == '__main__':
    cli.run(main)
