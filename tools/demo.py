"""Train GLoT on landmarks of generated people, test it, and predict the person of a real clip: `make demo`.

Nothing is downloaded and no licensed file is needed: the training data are generated, and a generated body replaces
SMPL's files if they are missing. The table is about generated people; docs/landmarks.md says what the model can and
cannot do. A second run shows the results of the first one.
"""

import argparse
from pathlib import Path

from glot_plugin import cli
from glot_plugin.experiments.demo import CONFIG, run_demo


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('work_dirs/demo'),
        metavar='DIR',
        help='folder for the data, checkpoints, table and pictures (default: %(default)s)',
    )
    parser.add_argument(
        '--body-models',
        type=Path,
        default=Path('data/body_models'),
        metavar='DIR',
        help='folder of the SMPL files; without them a generated body is used (default: %(default)s)',
    )
    parser.add_argument('--config', type=Path, default=Path(CONFIG), help='config to train (default: %(default)s)')
    parser.add_argument(
        '--iterations', type=int, metavar='N', help="training iterations (default: the config's max_iters)"
    )
    parser.add_argument(
        '--seed', type=int, default=0, metavar='N', help='seed of data and training (default: %(default)s)'
    )
    args = parser.parse_args()
    run_demo(args.out, args.body_models, args.config, args.iterations, args.seed, lambda line: print(line, flush=True))


if __name__ == '__main__':
    cli.run(main)
