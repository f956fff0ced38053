"""Convert the databases of TCMR and VIBE, HumanData files, and the raw data sets that mmhuman3d knows.

    python tools/convert_datasets.py --root downloads                       # every database that is there
    python tools/convert_datasets.py --root downloads 3dpw-train 3dpw-test  # only these
    python tools/convert_datasets.py --root downloads mine.npz              # a HumanData file with features
    python tools/convert_datasets.py --root downloads raw:pw3d              # a raw data set, in downloads/pw3d
    python tools/convert_datasets.py --list

Databases and HumanData files with features become track stores. Finished stores are kept unless their file has changed,
and the same command continues a run that was killed or interrupted. Raw data sets become HumanData files; where these
have no features, tools/extract_features.py makes the store.
"""

import argparse
from pathlib import Path

from glot_plugin import cli
from glot_plugin.converters import DATABASES, convert_databases, databases_in, export_human_data, find_databases
from glot_plugin.converters.raw_sets import RAW, RAW_SETS, RawSet, features_command, find_raw_sets
from glot_plugin.errors import InputError
from glot_plugin.io.files import writable_folder


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'names',
        nargs='*',
        metavar='NAME',
        help='data sets by their names in --list, or HumanData files (.npz) in --root (default: every database there)',
    )
    parser.add_argument('--root', type=Path, metavar='DIR', help='folder of the input files; required unless --list')
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('data/stores'),
        metavar='DIR',
        help='folder to write the stores into (default: %(default)s)',
    )
    parser.add_argument(
        '--half', action='store_true', help='store features in half precision, in half the space (default: float32)'
    )
    parser.add_argument(
        '--human-data', action='store_true', help='also write databases as HumanData, OUT/NAME.npz, for mmhuman3d'
    )
    parser.add_argument(
        '--feature-dim', type=int, default=2048, metavar='C', help='expected feature width (default: %(default)s)'
    )
    parser.add_argument('--list', action='store_true', help='list the data sets and their files, and exit')
    return parser.parse_args()


def show_list() -> None:
    places = {spec.name: spec.file for spec in DATABASES} | {raw.name: f'{raw.folder}/' for raw in RAW_SETS}
    width = max(map(len, places))
    print('\n'.join(f'{name:{width}}  {place}' for name, place in places.items()))


def convert_with_framework(
    raw_sets: list[RawSet], files: list[Path], args: argparse.Namespace, options: dict
) -> dict[str, Path | InputError]:
    """Convert what takes mmhuman3d to read: raw data sets, and HumanData files with features."""
    if not raw_sets and not files:
        return {}
    try:
        from glot_plugin.framework.converters import convert_human_data_files
        from glot_plugin.framework.raw_sets import convert_raw_sets
    except ImportError as error:
        raise InputError(f'raw data sets and HumanData files need mmhuman3d: {error}') from error
    raw = convert_raw_sets(raw_sets, args.root, args.out, **options)
    return raw | convert_human_data_files(files, args.out, **options)


def main() -> None:
    args = parse_arguments()
    if args.list:
        show_list()
        return
    if args.root is None:
        raise InputError('--root is missing: expected the folder of the databases')
    files = [name for name in args.names if name.endswith('.npz')]
    raw_sets = find_raw_sets(name for name in args.names if name.startswith(RAW))
    names = [name for name in args.names if not name.endswith('.npz') and not name.startswith(RAW)]
    specs = find_databases(names) if args.names else databases_in(args.root)
    databases = {spec.name for spec in specs}
    writable_folder(args.out, '--out')
    options = {'half': args.half, 'feature_dim': args.feature_dim}
    results = convert_with_framework(raw_sets, [args.root / name for name in files], args, options)
    results |= convert_databases(specs, args.root, args.out, **options)
    written = {name: path for name, path in results.items() if not isinstance(path, InputError)}
    for name, path in written.items():
        print(f'{name}: {path}')
        if name.startswith(RAW) and path.is_file() and (command := features_command(name, path, args.root)):
            print(f'  next: {command}')
        if args.human_data and name in databases:
            print(f'{name}: {export_human_data(path, args.out / f"{name}.npz")}')
    errors = [str(result) for result in results.values() if isinstance(result, InputError)]
    if errors:
        raise InputError('\nerror: '.join(errors))


if __name__ == '__main__':
    cli.run(main)
