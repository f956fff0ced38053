"""Convert a checkpoint of the original GLoT code to this package's format, or back.

    python tools/convert_checkpoint.py table1_3dpw_weights.pth.tar glot_3dpw.pth
    python tools/convert_checkpoint.py glot_3dpw.pth original.pth.tar

The direction follows from the input's keys. Unknown keys, missing tensors and other shapes are errors.
"""

import argparse
from pathlib import Path

from glot_plugin import cli
from glot_plugin.checkpoints.original import convert_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('input', type=Path, help='checkpoint to convert, in either format')
    parser.add_argument('output', type=Path, help='checkpoint file to write')
    args = parser.parse_args()
    print(convert_file(args.input, args.output))


if __name__ == '__main__':
    cli.run(main)
