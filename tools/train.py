"""Train a model from a config.

    python tools/train.py configs/glot/glot_synthetic.py
    python tools/train.py configs/glot/glot_synthetic.py --resume
    python tools/train.py configs/glot/mmhuman3d/vibe_hscr.py
    python tools/train.py configs/glot/glot_3dpw.py --amp --cfg-options cuda_graph=True     # on a GPU: docs/speed.md
    torchrun --nproc_per_node 2 tools/train.py configs/glot/glot_synthetic.py --launcher pytorch

A config of mmhuman3d is recognised and run with mmhuman3d's own runner. GPUs are used if there are any. A run can be
interrupted at any moment and continued with --resume.
"""

import argparse

from glot_plugin import cli
from glot_plugin.cli.mmhuman3d_configs import mmhuman3d_launch, refuse_options
from glot_plugin.config import load_config
from glot_plugin.config.detect_framework import MMHUMAN3D, detect_framework
from glot_plugin.engine.launch import prepare, train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_config_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const=True,
        default=False,
        metavar='CHECKPOINT',
        help='continue from this checkpoint, or from the latest one if none is named (default: start from scratch)',
    )
    parser.add_argument(
        '--amp', action='store_true', help='run the forward pass in bfloat16 (default: as the config says)'
    )
    parser.add_argument(
        '--seed', type=int, metavar='N', help="seed of everything random (default: the config's, or drawn and logged)"
    )
    parser.add_argument(
        '--deterministic',
        action='store_true',
        help='use only kernels that give the same bits every time (default: as the config says)',
    )
    args = parser.parse_args()
    if detect_framework(args.config) == MMHUMAN3D:
        train_mmhuman3d(args)
        return
    cfg = prepare(load_config(args.config, args.cfg_options), args.work_dir, args.launcher, args.body_models)
    if args.seed is not None:
        cfg.setdefault('randomness', {})['seed'] = args.seed
    if args.deterministic:
        cfg.setdefault('randomness', {})['deterministic'] = True
    train(cfg, args.resume, args.amp)


def train_mmhuman3d(args: argparse.Namespace) -> None:
    """Train an mmhuman3d config with mmhuman3d's own runner."""
    refuse_options(args.config, {'--amp': (args.amp, "no part of mmhuman3d's estimators runs in half precision")})
    mmhuman3d_launch().train(
        args.config,
        cfg_options=args.cfg_options,
        work_dir=args.work_dir,
        launcher=args.launcher,
        body_models=args.body_models,
        resume=args.resume,
        seed=args.seed,
        deterministic=args.deterministic,
    )


if __name__ == '__main__':
    cli.run(main)
