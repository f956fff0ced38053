"""Write SMPL's model files as plain .npz, without chumpy and without running code from them.

    python tools/convert_body_model.py SMPL_NEUTRAL.pkl data/body_models/SMPL_NEUTRAL.npz
    python tools/convert_body_model.py downloads data/body_models

A folder stands for all SMPL_*.pkl in it. (The pickles are read as they are, too: this is for other programs' sake.)
"""

import argparse
from pathlib import Path

from glot_plugin import cli
from glot_plugin.converters import convert_body_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('input', type=Path, help='SMPL model file (.pkl or .npz), or a folder of SMPL_*.pkl')
    parser.add_argument('output', type=Path, help='.npz to write, or a folder')
    args = parser.parse_args()
    print('\n'.join(map(str, convert_body_model(args.input, args.output))))


if __name__ == '__main__':
    cli.run(main)
