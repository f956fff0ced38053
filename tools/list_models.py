"""Write the model zoo's page and metafile from the published figures: `make zoo`.

python tools/list_models.py --page docs/model_zoo.md --metafile configs/glot/metafile.yml
"""

import argparse
from pathlib import Path

from glot_plugin import cli
from glot_plugin.io.files import atomic_write
from glot_plugin.reports.model_zoo import metafile, model_zoo_page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--page', type=Path, metavar='FILE', help='Markdown file to write (default: standard output)')
    parser.add_argument(
        '--metafile', type=Path, metavar='FILE', help="OpenMMLab's metafile (YAML) to write (default: none)"
    )
    args = parser.parse_args()
    for path, text in ((args.page, model_zoo_page), (args.metafile, metafile)):
        if path is not None:
            with atomic_write(path) as file:
                file.write(text())
    if args.page is None:
        print(model_zoo_page())


if __name__ == '__main__':
    cli.run(main)
