"""Train and test every ablation of the paper on the embedded data set, with a small budget, and tabulate them.

    python tools/ablate.py
    python tools/ablate.py --only glot_3dpw gmm_alone nearby_2

It can be interrupted at any time: the same command keeps finished ablations and continues with the rest. The data set
is generated and shows only that every variant trains; comparing them takes the paper's data (docs/ablations.md).
"""

import argparse
from pathlib import Path

from glot_plugin import cli
from glot_plugin.experiments.ablations import Budget, run_ablations


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('work_dirs/ablations'),
        metavar='DIR',
        help='folder for the data, the runs and the table, DIR/table.md (default: %(default)s)',
    )
    parser.add_argument(
        '--body-models',
        type=Path,
        default=Path('data/body_models'),
        metavar='DIR',
        help='folder of the SMPL files; without them a generated body is used (default: %(default)s)',
    )
    parser.add_argument(
        '--only',
        nargs='+',
        metavar='NAME',
        help='run only these: configs in configs/glot/ablations, without .py, or glot_3dpw (default: all)',
    )
    parser.add_argument(
        '--iterations',
        type=int,
        default=Budget.iterations,
        metavar='N',
        help='training iterations of each ablation (default: %(default)s)',
    )
    parser.add_argument(
        '--batch-size', type=int, default=Budget.batch_size, metavar='N', help='clips in a batch (default: %(default)s)'
    )
    parser.add_argument(
        '--seed', type=int, default=Budget.seed, metavar='N', help='seed of data and training (default: %(default)s)'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=cli.ConfigOptions,
        default={},
        metavar='KEY=VALUE',
        help='change keys of every config, as train_dataloader.num_workers=0 (default: none)',
    )
    args = parser.parse_args()
    budget = Budget(args.iterations, args.batch_size, args.seed, args.cfg_options)
    run_ablations(args.out, args.body_models, budget, args.only, say=lambda line: print(line, flush=True))


if __name__ == '__main__':
    cli.run(main)
