"""Extract per-frame features from pictures or a video into a track store.

    python tools/extract_features.py video.mp4 data/stores/mine --weights data/body_models/spin_model_checkpoint.pth.tar
    python tools/extract_features.py frames data/stores/mine --boxes boxes.csv --weights …
    python tools/extract_features.py human_data.npz data/stores/mine --image-root images --weights …
    python tools/extract_features.py … --backbone timm:vit_base_patch16_224 --weights vit.safetensors
    python tools/extract_features.py … --backbone blazepose                  # landmarks, with weights from a package
    torchrun --nproc-per-node 4 tools/extract_features.py …                  # tracks are shared between 4 GPUs

The same command continues a run that was killed, from the first unfinished track.
"""

import argparse
from pathlib import Path

import torch

from glot_plugin import cli
from glot_plugin.checkpoints.spin import SPIN_FILE
from glot_plugin.cli.image_sources import open_source
from glot_plugin.errors import InputError
from glot_plugin.features import ExtractOptions, extract_features
from glot_plugin.features.backbones import BackboneSpec, check_backbone


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('input', type=Path, help='HumanData .npz, folder of frames, or video')
    parser.add_argument('out', type=Path, help='folder of the track store to write')
    parser.add_argument(
        '--boxes',
        type=Path,
        metavar='FILE',
        help='boxes of the people: .csv or .json with frame, track, cx, cy, w, h (default for a video: the full frame)',
    )
    parser.add_argument(
        '--image-root', type=Path, metavar='DIR', help='for HumanData: the folder that its image_path starts from'
    )
    parser.add_argument(
        '--backbone',
        default='spin',
        metavar='NAME',
        help="spin (the paper's), timm:NAME, or blazepose (landmarks; takes no --weights) (default: %(default)s)",
    )
    parser.add_argument(
        '--weights',
        type=Path,
        metavar='FILE',
        help=f'checkpoint of the backbone (default for spin: data/body_models/{SPIN_FILE})',
    )
    parser.add_argument(
        '--random-weights', action='store_true', help='random weights instead of a checkpoint, for a dry run'
    )
    parser.add_argument(
        '--seed', type=int, default=0, metavar='N', help='seed of the random weights (default: %(default)s)'
    )
    parser.add_argument(
        '--feature-dim', type=int, metavar='C', help="expected feature width (default: the backbone's, whatever it is)"
    )
    parser.add_argument(
        '--batch-size', type=int, default=64, metavar='B', help='crops in a forward pass (default: %(default)s)'
    )
    parser.add_argument(
        '--workers', type=int, default=4, metavar='N', help='processes that decode pictures (default: %(default)s)'
    )
    parser.add_argument('--device', help='cpu, cuda, … (default: a GPU if there is one)')
    parser.add_argument(
        '--half', action='store_true', help='store features in half precision, in half the space (default: float32)'
    )
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace an existing store (default: keep it if its inputs are the same, else stop)',
    )
    return parser.parse_args()


def chosen_weights(args: argparse.Namespace) -> Path | None:
    """The checkpoint; None if the weights come with a package or are random."""
    if args.backbone == 'blazepose':
        if args.weights is not None or args.random_weights:
            raise InputError('--backbone blazepose: its weights are in the package mediapipe; leave the option out')
        return None
    if args.random_weights:
        if args.weights is not None:
            raise InputError(f'--weights {args.weights} and --random-weights: expected one of them')
        return None
    if args.weights is None and args.backbone == 'spin':
        args.weights = Path('data/body_models') / SPIN_FILE
    if args.weights is None:
        raise InputError(
            f'--backbone {args.backbone}: expected --weights FILE (nothing is downloaded), or --random-weights'
        )
    if not args.weights.is_file():
        raise InputError(f'--weights {args.weights}: no such file; expected the checkpoint of {args.backbone}')
    return args.weights


def chosen_device(name: str | None) -> torch.device | None:
    """The device of this name; None, if no name or just `cuda` is given, for this process's GPU or the CPU."""
    device = None if name is None else cli.check_device(name)
    return None if name == 'cuda' else device  # each process has a GPU of its own


def main() -> None:
    args = parse_arguments()
    check_backbone(args.backbone)
    source = open_source(args.input, args.boxes, args.image_root)
    spec = BackboneSpec(args.backbone, chosen_weights(args), args.seed)
    options = ExtractOptions(
        batch_size=args.batch_size,
        workers=args.workers,
        half=args.half,
        feature_dim=args.feature_dim,
        overwrite=args.overwrite,
        device=chosen_device(args.device),
    )
    print(f'{source.name}: {extract_features(source, spec, args.out, options)}')


if __name__ == '__main__':
    cli.run(main)
