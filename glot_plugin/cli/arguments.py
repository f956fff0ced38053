"""Arguments that several tools take."""

import argparse
from pathlib import Path

import torch
from mmengine.config import DictAction

from glot_plugin.engine.distributed import LAUNCHERS
from glot_plugin.errors import InputError


class ConfigOptions(DictAction):
    """mmengine's action for KEY=VALUE …, with a clear error for anything else."""

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        for value in values:
            try:
                super().__call__(parser, namespace, [value], option_string)
            except (ValueError, AssertionError) as error:
                message = f'found {value!r}, expected KEY=VALUE, with brackets that close'
                raise argparse.ArgumentError(self, message) from error


def check_device(name: str) -> torch.device:
    """The device of this name, after trying it.

    Raises:
        InputError: There is none; the message names `--device`.
    """
    try:
        return torch.zeros(1, device=name).device
    except (RuntimeError, AssertionError) as error:  # a build without CUDA asserts
        raise InputError(f'--device {name}: cannot be used ({str(error).splitlines()[0]})') from error


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of every tool that takes a config."""
    parser.add_argument(
        'config',
        type=Path,
        help='config file, or the name of one in the package, for example glot_plugin::glot/glot_synthetic.py',
    )
    parser.add_argument(
        '--body-models', type=Path, metavar='DIR', help='folder of the SMPL files (default: data/body_models)'
    )
    parser.add_argument(
        '--work-dir', type=Path, metavar='DIR', help='folder of logs and checkpoints (default: work_dirs/CONFIG)'
    )
    parser.add_argument(
        '--launcher', choices=LAUNCHERS, default='none', help='launcher of a multi-process run (default: none)'
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        metavar='KEY=VALUE',
        help='change keys of the config, for example model.head.num_frames=32',
    )
