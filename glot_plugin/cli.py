"""What the command-line tools share."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from mmengine.config import DictAction

from glot_plugin.engine.distributed import LAUNCHERS, leave_distributed
from glot_plugin.errors import InputError, NonFiniteLossError


def run(main: Callable[[], None]) -> None:
    """Run a tool: bad input ends it with one message and status 2, an interruption with status 130."""
    try:
        main()
        leave_distributed()
    except (InputError, NonFiniteLossError) as error:
        # The distributed launcher kills the other processes when one exits.
        print(f'error: {error}', file=sys.stderr, flush=True)
        sys.exit(2)
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr, flush=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


class ConfigOptions(DictAction):
    """mmengine's action for KEY=VALUE …, with an error for what is no such pair."""

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        for value in values:
            try:
                super().__call__(parser, namespace, [value], option_string)
            except (ValueError, AssertionError) as error:
                message = f'found {value!r}, expected KEY=VALUE, with brackets that close'
                raise argparse.ArgumentError(self, message) from error


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of every tool that takes a config."""
    parser.add_argument('config', type=Path, help='config file, for example configs/glot/glot_synthetic.py')
    parser.add_argument('--body-models', type=Path, metavar='DIR', help='folder of the SMPL files (data/body_models)')
    parser.add_argument(
        '--work-dir', type=Path, metavar='DIR', help='folder of logs and checkpoints (work_dirs/CONFIG)'
    )
    parser.add_argument('--launcher', choices=LAUNCHERS, default='none', help='how several processes are started')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        metavar='KEY=VALUE',
        help='change keys of the config, as model.head.num_frames=32',
    )


def metrics_table(rows: dict[str, dict[str, float]], title: str = '') -> str:
    """A Markdown table: a row a method, a column a metric (mm)."""
    names = list(dict.fromkeys(name for metrics in rows.values() for name in metrics))
    width = max(len(title), *(len(row) for row in rows))
    columns = [max(len(name), 8) for name in names]
    lines = [
        f'| {title:{width}} | ' + ' | '.join(f'{n:>{w}}' for n, w in zip(names, columns, strict=True)) + ' |',
        f'|{"-" * (width + 2)}|' + '|'.join('-' * (w + 1) + ':' for w in columns) + '|',
    ]
    for row, metrics in rows.items():
        cells = [f'{metrics[n]:.1f}' if n in metrics else '–' for n in names]
        lines.append(
            f'| {row:{width}} | ' + ' | '.join(f'{c:>{w}}' for c, w in zip(cells, columns, strict=True)) + ' |'
        )
    return '\n'.join(lines)
