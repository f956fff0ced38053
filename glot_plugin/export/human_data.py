"""HumanData: a clip's people for mmhuman3d's datasets and visualisation."""

from pathlib import Path

import numpy as np

from glot_plugin.converters.human_data_archive import SPIN49_IN_THAT_ORDER, crop_boxes, open_human_data
from glot_plugin.errors import InputError
from glot_plugin.video.result import PersonTrack, VideoResult


def write_human_data(result: VideoResult, path: str | Path) -> Path:
    """Write the people of a clip as a HumanData `.npz`, one person after another, with one row per frame.

    `smpl` has `global_orient`, `body_pose`, `betas` and `transl`; `keypoints3d` and `keypoints2d` have the 49 joints
    with confidence 1; all in the camera's axes (x right, y down, z away), in metres and pixels of the full picture.
    `bbox_xywh` is the crop. `image_path` is `person_0/000000.jpg` with the frame's number, so that mmhuman3d, which
    separates videos by folder, never joins two people.

    Raises:
        InputError: Nobody is in the clip, or the file cannot be written.
    """
    tracks = [track for track in result.people if len(track)]
    if not tracks:
        raise InputError(f'{result.source}: nobody is in it, so there is no HumanData to write')
    num_frames = sum(map(len, tracks))
    paths = [f'person_{track.person}/{frame:06d}.jpg' for track in tracks for frame in track.frame.tolist()]
    with open_human_data(path, num_frames, result.source) as archive:
        archive.value('image_path', np.array(paths))
        archive.value('track_id', np.repeat([track.person for track in tracks], [len(track) for track in tracks]))
        archive.column('bbox_xywh', np.dtype(np.float32), (5,), (crop_boxes(track.box) for track in tracks))
        archive.keypoints('keypoints2d', SPIN49_IN_THAT_ORDER, 3, (_sure(track.joints2d) for track in tracks))
        archive.keypoints('keypoints3d', SPIN49_IN_THAT_ORDER, 4, (_sure(_placed(track)) for track in tracks))
        pose, betas, transl = (
            np.concatenate([getattr(track, name) for track in tracks]) for name in ('pose', 'betas', 'translation')
        )
        archive.smpl(pose, betas, transl=transl)
        archive.column('has_smpl', np.dtype(np.uint8), (), [np.ones(num_frames)])
        archive.genders([result.gender[0]] * num_frames)
    return Path(path)


def _placed(track: PersonTrack) -> np.ndarray:
    return track.joints3d + track.translation[:, None]


def _sure(joints: np.ndarray) -> np.ndarray:
    """Joints (N, 49, D) with confidence 1 appended to each: (N, 49, D + 1)."""
    return np.concatenate([joints, np.ones((*joints.shape[:2], 1), np.float32)], axis=2)
