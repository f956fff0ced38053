"""Convert the databases of TCMR and VIBE, and HumanData files, to track stores.

    python tools/convert_datasets.py --root downloads                       # every database that is there
    python tools/convert_datasets.py --root downloads 3dpw-train 3dpw-test  # these
    python tools/convert_datasets.py --root downloads mine.npz              # a HumanData file with features
    python tools/convert_datasets.py --list

Finished stores are kept unless their file changed; a run that was killed or interrupted goes on where it was.
"""

import argparse
from pathlib import Path

from glot_plugin import cli
from glot_plugin.converters import RECIPES, convert_databases, databases_in, export_human_data, find_recipes
from glot_plugin.errors import InputError
from glot_plugin.files import writable_folder


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'names', nargs='*', metavar='NAME', help='data sets (--list), or HumanData files (.npz) in --root'
    )
    parser.add_argument('--root', type=Path, metavar='DIR', help='folder of the files')
    parser.add_argument('--out', type=Path, default=Path('data/stores'), metavar='DIR', help='folder of the stores')
    parser.add_argument('--half', action='store_true', help='store features in half precision: half the disk')
    parser.add_argument('--human-data', action='store_true', help='write OUT/NAME.npz for mmhuman3d, too')
    parser.add_argument('--feature-dim', type=int, default=2048, metavar='C', help='feature width (2048)')
    parser.add_argument('--list', action='store_true', help='show the names and their files')
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()
    if args.list:
        width = max(len(recipe.name) for recipe in RECIPES)
        print('\n'.join(f'{recipe.name:{width}}  {recipe.file}' for recipe in RECIPES))
        return
    if args.root is None:
        raise InputError('--root is missing: expected the folder of the databases')
    files = [name for name in args.names if name.endswith('.npz')]
    names = [name for name in args.names if not name.endswith('.npz')]
    recipes = find_recipes(names) if args.names else databases_in(args.root)
    writable_folder(args.out, '--out')
    options = {'half': args.half, 'feature_dim': args.feature_dim}
    results = convert_databases(recipes, args.root, args.out, **options)
    if files:
        from glot_plugin.framework.converters import convert_human_data_files

        results |= convert_human_data_files([args.root / name for name in files], args.out, **options)
    stores = {name: store for name, store in results.items() if not isinstance(store, InputError)}
    for name, store in stores.items():
        print(f'{name}: {store}')
        if args.human_data and not name.endswith('.npz'):
            print(f'{name}: {export_human_data(store, args.out / f"{name}.npz")}')
    errors = [str(result) for result in results.values() if isinstance(result, InputError)]
    if errors:
        raise InputError('\nerror: '.join(errors))


if __name__ == '__main__':
    cli.run(main)
