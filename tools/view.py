"""Write a page that shows the people of a tools/video.py result or a track store in 3D: one file that works offline.

python tools/view.py work_dirs/clip --out viewer.html --video clip.mp4
python tools/view.py data/stores/3dpw-test --config configs/glot/glot_3dpw.py --checkpoint glot_3dpw.pth

For a track store, the page shows the true body of one track; with a checkpoint, also the predicted body beside it and
the error of each frame.
"""

import argparse
import webbrowser
from pathlib import Path

from glot_plugin import cli
from glot_plugin.datasets.store_schema import INDEX_FILE
from glot_plugin.experiments.pages import result_page, store_page
from glot_plugin.io.files import writable_file
from glot_plugin.video.result import TRACKS_FILE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('result', type=Path, help='tracks.npz written by tools/video.py, its folder, or a track store')
    parser.add_argument(
        '--out', type=Path, default=Path('viewer.html'), metavar='HTML', help='page to write (default: %(default)s)'
    )
    parser.add_argument(
        '--video',
        type=Path,
        metavar='VIDEO',
        help='clip to show beside the bodies, a video or a folder of pictures (default: none)',
    )
    parser.add_argument(
        '--body-models', type=Path, metavar='DIR', help='folder of the SMPL files (default: data/body_models)'
    )
    parser.add_argument('--open', action='store_true', help='open the page in the browser when it is written')
    truth = parser.add_argument_group('a result of tools/video.py')
    truth.add_argument('--truth', type=Path, metavar='NPZ', help='tracks.npz with the true bodies of the same people')
    store = parser.add_argument_group('a track store')
    store.add_argument('--track', metavar='NAME', help='track to show (default: the first of the store)')
    store.add_argument('--config', type=Path, help='config of a model whose prediction to show as well')
    store.add_argument('--checkpoint', type=Path, help='checkpoint of that model')
    args = parser.parse_args()
    if args.result.is_dir() and not any((args.result / name).is_file() for name in (INDEX_FILE, TRACKS_FILE)):
        parser.error(
            f'{args.result}: neither a result of tools/video.py ({TRACKS_FILE}) nor a track store ({INDEX_FILE})'
        )
    path = writable_file(args.out, '--out')
    if (args.result / INDEX_FILE).is_file():
        refuse(parser, args, 'a track store', 'truth')
        if (args.config is None) != (args.checkpoint is None):
            parser.error('--config and --checkpoint go together')
        store_page(args.result, path, args.video, args.body_models, args.track, args.config, args.checkpoint, print)
    else:
        refuse(parser, args, 'a result', 'track', 'config', 'checkpoint')
        result_page(args.result, path, args.video, args.body_models, args.truth, print)
    print(f'{path}: {path.stat().st_size / 1e6:.1f} MB; open it with a browser')
    if args.open:
        webbrowser.open(path.resolve().as_uri())


def refuse(parser: argparse.ArgumentParser, args: argparse.Namespace, kind: str, *options: str) -> None:
    """End with a message if an option was given that does not apply to what is shown."""
    given = [f'--{option}' for option in options if getattr(args, option) is not None]
    if given:
        parser.error(f'{", ".join(given)}: not for {kind}, and {args.result} is one')


if __name__ == '__main__':
    cli.run(main)
