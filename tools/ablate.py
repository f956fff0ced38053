"""Train and test GLoT, other methods and the paper's ablations on the hard embedded data set, and tabulate them.

    python tools/ablate.py
    python tools/ablate.py --workers 2
    python tools/ablate.py --only gru_hmr gmm_alone glot_3dpw --seeds 0

It can be interrupted at any time: the same command keeps finished trainings and continues with the rest. People and
features are generated; what the table shows, and what it does not, is in docs/ablations.md.
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
        help='run only these: configs in configs/glot/ablations and live, without .py, single_frame, gru_hmr or '
        'glot_3dpw (default: all)',
    )
    parser.add_argument(
        '--iterations', type=int, metavar='N', help='iterations of each training (default: those of hard/glot.py, 2400)'
    )
    parser.add_argument('--batch-size', type=int, metavar='N', help='clips in a batch (default: that of hard/glot.py)')
    parser.add_argument(
        '--seeds',
        type=int,
        nargs='+',
        default=Budget.seeds,
        metavar='N',
        help='seeds of the trainings, each of which makes one (default: 0 1 2)',
    )
    parser.add_argument(
        '--workers',
        type=int,
        default=1,
        metavar='N',
        help='trainings side by side, each with one thread (default: %(default)s)',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=cli.ConfigOptions,
        default={},
        metavar='KEY=VALUE',
        help='change keys of every config, for example train_dataloader.num_workers=0 (default: none)',
    )
    args = parser.parse_args()
    budget = Budget(args.iterations, args.batch_size, tuple(args.seeds), args.cfg_options)
    run_ablations(
        args.out, args.body_models, budget, args.only, workers=args.workers, say=lambda line: print(line, flush=True)
    )


if __name__ == '__main__':
    cli.run(main)
