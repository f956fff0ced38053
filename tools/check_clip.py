"""Compare the bodies predicted in a clip with the landmarks that they were predicted from, person by person.

    python tools/check_clip.py OUT

OUT is an output folder of tools/video.py, run with landmarks as features: it has the result (tracks.npz) and the
landmarks (a track store). For each person, the tool prints the number of frames with landmarks, the median distance
between 21 joints and their landmarks in the picture (percent of the crop's side) and in 3D (about the middle of the
hips), and the jitter of both (mean norm of second differences, mm per frame squared).
"""

import argparse
from pathlib import Path

from glot_plugin import cli
from glot_plugin.datasets import TrackStore
from glot_plugin.errors import InputError
from glot_plugin.video.agreement import agreement_table, clip_agreement
from glot_plugin.video.people_files import FEATURES_FOLDER
from glot_plugin.video.result import read_result
from glot_plugin.video.run import PEOPLE_FOLDER


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('result', type=Path, metavar='OUT', help='output folder of tools/video.py, or its tracks.npz')
    parser.add_argument(
        '--landmarks', type=Path, metavar='DIR', help='track store of the landmarks (default: OUT/people/features)'
    )
    args = parser.parse_args()
    folder = args.result if args.result.is_dir() else args.result.parent
    result = read_result(args.result)
    store = args.landmarks or folder / PEOPLE_FOLDER / FEATURES_FOLDER
    if not store.is_dir():
        raise InputError(
            f'{store}: no such track store of landmarks; expected the output folder of tools/video.py with landmarks '
            '(--live keeps none), or --landmarks DIR'
        )
    with TrackStore(store) as landmarks:
        agreements = clip_agreement(result, landmarks)
    print(f'{result.source}: people: {len(agreements)}, frames: {result.num_frames}')
    print(agreement_table(agreements))


if __name__ == '__main__':
    cli.run(main)
