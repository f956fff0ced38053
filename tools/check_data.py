"""List the files that a config needs, which of them are there, and the commands that make the missing ones.

    python tools/check_data.py configs/glot/glot_3dpw.py
    python tools/check_data.py configs/glot/glot_3dpw.py --for test

The exit status is 0 if everything is there, otherwise 2.
"""

import argparse
import sys

from glot_plugin import cli
from glot_plugin.config import check_arguments, check_called_types, load_config, set_body_model_dir
from glot_plugin.errors import InputError
from glot_plugin.preflight import PARTS, config_requirements, problems, requirements_table, resources


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_config_arguments(parser)
    parser.add_argument(
        '--for',
        nargs='+',
        choices=PARTS,
        default=list(PARTS),
        dest='parts',
        help='list only what these stages need (default: all)',
    )
    args = parser.parse_args()
    cfg = load_config(args.config, args.cfg_options)
    if args.body_models is not None:
        set_body_model_dir(cfg, args.body_models)
    check_arguments(cfg)
    check_called_types(cfg)
    requirements = config_requirements(cfg, args.parts)
    if not requirements:
        raise InputError(
            f'{args.config}: names no track store, body model or weights, so there is nothing to check; '
            'expected a config that trains or tests here (those of mmhuman3d have data sets of its own)'
        )
    print(requirements_table(requirements))
    print(f'\n{resources(cfg, requirements)}\n')
    message = problems(requirements)
    if message:
        print(message)
        sys.exit(2)
    print(f'{args.config}: everything is there.')


if __name__ == '__main__':
    cli.run(main)
