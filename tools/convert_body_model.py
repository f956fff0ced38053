"""Write SMPL's model files as plain .npz, without chumpy and without running code from them.

    python tools/convert_body_model.py SMPL_NEUTRAL.pkl data/body_models/SMPL_NEUTRAL.npz
    python tools/convert_body_model.py downloads data/body_models

Given a folder, it converts all SMPL_*.pkl in it. The other tools read the pickles directly; this is for other programs.
"""

import argparse
from pathlib import Path

from glot_plugin import cli
from glot_plugin.converters import convert_body_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('input', type=Path, help='SMPL model file (.pkl or .npz), or a folder of SMPL_*.pkl')
    parser.add_argument('output', type=Path, help='.npz file to write, or a folder')
    args = parser.parse_args()
    print('\n'.join(map(str, convert_body_model(args.input, args.output))))


if __name__ == '__main__':
    cli.run(main)
