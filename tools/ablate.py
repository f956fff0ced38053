"""Train and test every ablation of the paper on the embedded data set, with a small budget, and tabulate them.

    python tools/ablate.py
    python tools/ablate.py --only glot_3dpw gmm_alone nearby_2

Interrupt at will: the same command goes on, and keeps what is finished. The data set is generated, a stand-in to see
every variant train; which of them is better on people takes the paper's data (docs/ablations.md).
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
        help='everything; the table is DIR/table.md',
    )
    parser.add_argument('--body-models', type=Path, default=Path('data/body_models'), metavar='DIR', help='SMPL files')
    parser.add_argument(
        '--only', nargs='+', metavar='NAME', help='some of the list: names in configs/glot/ablations, or glot_3dpw'
    )
    parser.add_argument('--iterations', type=int, default=Budget.iterations, metavar='N', help='of each (%(default)s)')
    parser.add_argument('--batch-size', type=int, default=Budget.batch_size, metavar='N', help='clips (%(default)s)')
    parser.add_argument('--seed', type=int, default=Budget.seed, metavar='N')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=cli.ConfigOptions,
        default={},
        metavar='KEY=VALUE',
        help='change keys of every config',
    )
    args = parser.parse_args()
    budget = Budget(args.iterations, args.batch_size, args.seed, args.cfg_options)
    run_ablations(args.out, args.body_models, budget, args.only, say=lambda line: print(line, flush=True))


if __name__ == '__main__':
    cli.run(main)
