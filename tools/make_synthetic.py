"""Write the embedded data set and its body model, which configs/glot/glot_synthetic.py reads.

    python tools/make_synthetic.py
    python tools/make_synthetic.py --train-frames 1000000 --float16
    python tools/make_synthetic.py --landmarks
    python tools/make_synthetic.py --hard

With --landmarks, people move in many more ways and the features are landmarks with the errors of a detector;
configs/glot/glot_landmarks.py reads these. With --hard, one frame is ambiguous and a moving window is less so;
configs/glot/hard reads these, and docs/ablations.md says how they are made. Motion and body are generated, to run and
test the system: this is not a benchmark. Existing stores and body-model files are kept.
"""

import argparse
from pathlib import Path

from glot_plugin import cli
from glot_plugin.body_model.smpl_files import MEAN_PARAMS_FILE
from glot_plugin.body_model.synthetic import write_synthetic_body
from glot_plugin.datasets.synthetic import write_synthetic_dataset
from glot_plugin.datasets.synthetic.hard_features import write_hard_dataset
from glot_plugin.errors import InputError
from glot_plugin.features.synthetic_landmarks import write_landmark_dataset

# Folder, training frames and function of each kind of features.
KINDS = {
    'images': (Path('data/synthetic'), 24_000, write_synthetic_dataset),
    'landmarks': (Path('data/landmarks'), 60_000, write_landmark_dataset),
    'hard': (Path('data/hard'), 60_000, write_hard_dataset),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument('--landmarks', action='store_true', help='make landmarks instead of image features')
    kind.add_argument('--hard', action='store_true', help='make features of which one frame is ambiguous')
    parser.add_argument(
        '--out',
        type=Path,
        metavar='DIR',
        help='folder to write the stores into (default: data/synthetic, or data/landmarks, data/hard)',
    )
    parser.add_argument(
        '--body-models',
        type=Path,
        default=Path('data/body_models'),
        metavar='DIR',
        help='folder of the SMPL files; a generated body is written there if it has none (default: %(default)s)',
    )
    parser.add_argument(
        '--train-frames',
        type=int,
        metavar='N',
        help='frames of the training set (default: 24000; 60000 with --landmarks or --hard)',
    )
    parser.add_argument(
        '--val-frames', type=int, default=1_500, metavar='N', help='frames of the validation set (default: %(default)s)'
    )
    parser.add_argument(
        '--test-frames', type=int, default=3_000, metavar='N', help='frames of the test set (default: %(default)s)'
    )
    parser.add_argument('--float16', action='store_true', help='store features in half precision (default: float32)')
    parser.add_argument(
        '--seed', type=int, default=0, metavar='N', help='seed of the generated people (default: %(default)s)'
    )
    args = parser.parse_args()
    folder, train_frames, write = KINDS['landmarks' if args.landmarks else 'hard' if args.hard else 'images']
    out = args.out or folder
    if args.train_frames is None:
        args.train_frames = train_frames
    for option in ('train_frames', 'val_frames', 'test_frames'):
        if getattr(args, option) < 1:
            raise InputError(f'--{option.replace("_", "-")} {getattr(args, option)}: expected at least 1')
    if not (args.body_models / MEAN_PARAMS_FILE).is_file():
        write_synthetic_body(args.body_models)
        print(f'{args.body_models}: a generated body; put the SMPL files there to replace it')
    frames = (args.train_frames, args.val_frames, args.test_frames)
    dtype = 'float16' if args.float16 else 'float32'
    stores = write(out, args.body_models, *frames, seed=args.seed, feature_dtype=dtype)
    print('\n'.join(f'{split}: {path}' for split, path in stores.items()))


if __name__ == '__main__':
    cli.run(main)
