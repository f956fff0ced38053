"""Write the people of a clip for other programs: Blender, game engines, viewers, motion code, mmhuman3d.

    python tools/export.py work_dirs/clip --format glb --out work_dirs/clip/export
    python tools/export.py work_dirs/clip/tracks.npz --format bvh amass --people 1 --out exports
    python tools/export.py work_dirs/clip --format ply --frames 0 25 50 --out exports

glb         people.glb          all people as skinned, animated bodies (glTF 2.0)
bvh         person_1.bvh        a person's skeleton and motion
amass       person_1_amass.npz  a person's poses in AMASS's layout, for Blender's SMPL add-on
human-data  human_data.npz      all people for mmhuman3d
obj, ply    frame_000010.ply    the meshes of all people in one frame

docs/exports.md describes axes, units and how to open the files.
"""

import argparse
from pathlib import Path

from glot_plugin import cli
from glot_plugin.body_model import SMPLBody
from glot_plugin.export import FORMATS, ExportOptions, export_result
from glot_plugin.video import read_result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('result', type=Path, help='tracks.npz written by tools/video.py, or its folder')
    parser.add_argument('--format', nargs='+', choices=FORMATS, required=True, help='formats to write, one or more')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='folder to write the files into')
    parser.add_argument('--people', type=int, nargs='+', metavar='P', help='identities to export (default: all)')
    parser.add_argument(
        '--frames',
        type=int,
        nargs='+',
        metavar='N',
        help='frames to write as obj or ply (default: one from the middle of those with the most people)',
    )
    parser.add_argument(
        '--body-models',
        type=Path,
        metavar='DIR',
        default='data/body_models',
        help='folder of the SMPL files; not used for human-data (default: %(default)s)',
    )
    args = parser.parse_args()
    result = read_result(args.result)
    body = None if set(args.format) == {'human-data'} else SMPLBody(args.body_models, result.gender)
    export_result(result, body, args.format, args.out, ExportOptions(args.people, args.frames), print)


if __name__ == '__main__':
    cli.run(main)
