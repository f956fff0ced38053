"""Write the list of registered parts with their arguments.

python tools/list_parts.py --out docs/parts.md
"""

import argparse
from pathlib import Path

from glot_plugin import cli
from glot_plugin.io.files import atomic_write
from glot_plugin.reports.parts_list import parts_page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, metavar='FILE', help='Markdown file to write (default: standard output)')
    args = parser.parse_args()
    if args.out is None:
        print(parts_page())
        return
    with atomic_write(args.out) as file:
        file.write(parts_page())


if __name__ == '__main__':
    cli.run(main)
