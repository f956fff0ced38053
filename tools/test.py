"""Test a checkpoint and print its metrics.

    python tools/test.py configs/glot/glot_synthetic.py work_dirs/glot_synthetic/best_PA-MPJPE_iter_400.pth
    python tools/test.py CONFIG CHECKPOINT --inference exact fast bf16 fast+bf16       # what each costs in accuracy

A config of mmhuman3d is recognised and tested with mmhuman3d's own code. Every test set has a row for each mode.
"""

import argparse
from pathlib import Path

from mmengine.dist import is_main_process

from glot_plugin import cli
from glot_plugin.checkpoints.provenance import read_origin
from glot_plugin.cli.mmhuman3d_configs import mmhuman3d_launch, refuse_options
from glot_plugin.config import load_config
from glot_plugin.config.detect_framework import MMHUMAN3D, detect_framework
from glot_plugin.engine.evaluation_loop import Scores
from glot_plugin.engine.launch import evaluate, prepare, write_result
from glot_plugin.engine.score_report import scores_report
from glot_plugin.errors import InputError
from glot_plugin.evaluation.protocols import PROTOCOLS, protocol_notes
from glot_plugin.io.files import writable_file
from glot_plugin.models.inference_mode import MODES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_config_arguments(parser)
    parser.add_argument('checkpoint', type=Path, help='checkpoint, from tools/train.py or tools/convert_checkpoint.py')
    parser.add_argument('--out', type=Path, metavar='JSON', help='file to write the metrics to (default: none)')
    parser.add_argument(
        '--per-track', type=Path, metavar='CSV', help='file to write the metrics of each track to (default: none)'
    )
    parser.add_argument(
        '--protocol',
        choices=PROTOCOLS,
        help="definitions of the metrics, see docs/evaluation.md (default: paper; mmhuman3d for mmhuman3d's configs)",
    )
    parser.add_argument(
        '--inference',
        nargs='+',
        choices=MODES,
        metavar='MODE',
        help=f'how tracks are predicted, see docs/speed.md: {", ".join(MODES)}; the table gets rows for each mode '
        "(default: the config's model.inference, or exact)",
    )
    args = parser.parse_args()
    if args.per_track is not None and len(args.inference or []) > 1:
        raise InputError(f'--per-track: the file is for one mode, and --inference has {", ".join(args.inference)}')
    for option, path in {'--out': args.out, '--per-track': args.per_track}.items():
        if path is not None:  # a test takes long, so find out before it whether the file can be written
            writable_file(path, option)
    if detect_framework(args.config) == MMHUMAN3D:
        scores, notes = evaluate_mmhuman3d(args), []
    else:
        scores, notes = evaluate_modes(args)
    if is_main_process():
        print(scores_report(scores, args.checkpoint.name, notes))
    if args.out is not None:
        write_result(
            args.out,
            scores,
            config=str(args.config),
            checkpoint=str(args.checkpoint),
            origin=read_origin(args.checkpoint),
            cfg_options=args.cfg_options or {},
            unit='mm; 3DPCK and 3DAUC in %',
        )


def evaluate_modes(args: argparse.Namespace) -> tuple[Scores, list[str]]:
    """The scores in each of the inference modes, and what is to be said about them."""
    scores, notes = {}, []
    for mode in args.inference or [None]:
        cfg = prepare(load_config(args.config, args.cfg_options), args.work_dir, args.launcher, args.body_models)
        scores |= evaluate(cfg, args.checkpoint, args.per_track, args.protocol or 'paper', mode)
        notes += protocol_notes(cfg.test_evaluator)
    return scores, notes


def evaluate_mmhuman3d(args: argparse.Namespace) -> Scores:
    """Test an mmhuman3d config with mmhuman3d's own runner and `evaluate`."""
    protocol = None if args.protocol == 'mmhuman3d' else args.protocol
    reasons = {
        '--per-track': (args.per_track, 'its data sets know no tracks in `evaluate`'),
        '--inference': (args.inference, 'its heads predict windows one by one'),
        f'--protocol {protocol}': (protocol, 'its data sets evaluate themselves, in the protocol mmhuman3d'),
    }
    refuse_options(args.config, reasons)
    metrics = mmhuman3d_launch().evaluate(
        args.config,
        args.checkpoint,
        cfg_options=args.cfg_options,
        work_dir=args.work_dir,
        launcher=args.launcher,
        body_models=args.body_models,
    )
    return {'test': {'mmhuman3d': metrics}}


if __name__ == '__main__':
    cli.run(main)
