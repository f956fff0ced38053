"""Collect results of tools/test.py into the paper's tables, beside the published figures.

    python tools/test.py configs/glot/glot_3dpw.py glot_3dpw.pth --out glot_3dpw.json
    python tools/report.py glot_3dpw.json --out results.md

Runs of one config with several seeds are shown as mean and deviation. Converted weights, and weights trained with
another config, get rows of their own.
"""

import argparse
from pathlib import Path

from glot_plugin import cli
from glot_plugin.io.files import atomic_write
from glot_plugin.reports.paper_tables import make_report, read_result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'results', nargs='+', type=Path, metavar='RESULT.json', help='JSON files written by tools/test.py --out'
    )
    parser.add_argument('--out', type=Path, metavar='FILE', help='Markdown file to write (default: standard output)')
    args = parser.parse_args()
    report = make_report([read_result(path) for path in args.results])
    if args.out is None:
        print(report, end='')
        return
    with atomic_write(args.out) as file:
        file.write(report)


if __name__ == '__main__':
    cli.run(main)
