"""Export a model's prediction of windows to ONNX or torch.export, checked against PyTorch.

    python tools/export_model.py configs/glot/glot_3dpw.py glot_3dpw.pth --out glot_3dpw.onnx
    python tools/export_model.py configs/glot/glot_3dpw.py glot_3dpw.pth --out glot_3dpw.onnx glot_3dpw.pt2

The exported model takes features (B, T, C) of any number of windows B and returns rotmat (B, 24, 3, 3), betas (B, 10)
and camera (B, 3) of their mid frames. It is run and compared with PyTorch before it is saved. See docs/exports.md.
"""

import argparse
from pathlib import Path

from glot_plugin import cli
from glot_plugin.apis import init_model
from glot_plugin.export.window_model import check_suffix, export_window_model
from glot_plugin.io.files import writable_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=Path, help='config file, for example configs/glot/glot_3dpw.py')
    parser.add_argument('checkpoint', type=Path, help='weights, from tools/train.py or tools/convert_checkpoint.py')
    parser.add_argument(
        '--out', type=Path, nargs='+', required=True, metavar='FILE', help='files to write: .onnx, .pt2 or both'
    )
    parser.add_argument(
        '--backbone',
        metavar='NAME',
        help='backbone of the features, for the metadata (default: spin or blazepose, by the feature width)',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=cli.ConfigOptions,
        metavar='KEY=VALUE',
        help='change keys of the config, for example model.head.num_frames=32 (default: none)',
    )
    args = parser.parse_args()
    for path in args.out:
        writable_file(check_suffix(path), '--out')
    model = init_model(args.config, args.checkpoint, 'cpu', args.cfg_options)
    for path in args.out:
        differences = export_window_model(model, path, args.checkpoint.name, args.backbone)
        windows = ', '.join(f'{difference:.1e} ({batch})' for batch, difference in differences.items())
        print(f'{path}: {path.stat().st_size / 1e6:.1f} MB; largest difference from PyTorch (windows): {windows}')


if __name__ == '__main__':
    cli.run(main)
