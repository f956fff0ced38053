"""Small HumanData files with synthetic people, written by mmhuman3d's own class."""

from pathlib import Path

import numpy as np

from glot_plugin.body_model import SMPLBody
from glot_plugin.datasets.synthetic import SyntheticTrack, generate_tracks

GENDERS = ('m', 'f')


def make_tracks(body: SMPLBody, num_frames: int, seed: int, share_2d: float = 0.0) -> list[SyntheticTrack]:
    return list(generate_tracks(body, num_frames, seed, share_2d=share_2d, workers=1))


def write_human_data(path: Path, tracks: list[SyntheticTrack], one_video: bool = False, compress: bool = True) -> Path:
    """One HumanData of all tracks, men and women by turns; `one_video` puts everybody in one folder of pictures."""
    from mmhuman3d.core.conventions.keypoints_mapping import convert_kps
    from mmhuman3d.data.data_structures.human_data import HumanData

    import glot_plugin.framework  # noqa: F401 - first

    human_data = HumanData.new(key_strict=False)
    human_data['image_path'] = [
        f'{"video" if one_video else f"video_{number}"}/image_{frame:05d}.jpg'
        for number, track in enumerate(tracks)
        for frame in track.frame_id
    ]
    bbox = np.concatenate([track.bbox for track in tracks])
    corners = np.concatenate([bbox[:, :2] - bbox[:, 2:] / 2, bbox[:, 2:], np.ones((len(bbox), 1))], axis=1)
    human_data['bbox_xywh'] = corners
    for name in ('keypoints2d', 'keypoints3d'):
        keypoints = np.concatenate([getattr(track, name) for track in tracks])
        if name == 'keypoints3d':
            keypoints = np.concatenate([keypoints, np.ones((*keypoints.shape[:2], 1))], axis=-1)
        human_data[name], human_data[f'{name}_mask'] = convert_kps(keypoints, src='smpl_49', dst='human_data')
    pose = np.concatenate([track.smpl_pose for track in tracks])
    human_data['smpl'] = {
        'global_orient': pose[:, :3],
        'body_pose': pose[:, 3:].reshape(-1, 23, 3),
        'betas': np.concatenate([track.smpl_betas for track in tracks]),
    }
    genders = [GENDERS[number % 2] for number, track in enumerate(tracks) for _ in track.frame_id]
    human_data['meta'] = {'gender': genders}
    human_data['features'] = np.concatenate([track.features for track in tracks])
    if compress:
        human_data.compress_keypoints_by_mask()
    path.parent.mkdir(parents=True, exist_ok=True)
    human_data.dump(str(path))
    return path
