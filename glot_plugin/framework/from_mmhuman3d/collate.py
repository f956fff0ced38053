"""Batches of mmhuman3d's video data set with the fields of ours, so that our models train on its data."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from glot_plugin.body_model.joint_sets import LSP14
from glot_plugin.errors import InputError
from glot_plugin.registry import FUNCTIONS

FIELDS = ('features', 'keypoints2d', 'keypoints3d', 'smpl_global_orient', 'smpl_body_pose', 'smpl_betas', 'has_smpl')


@FUNCTIONS.register_module()
def collate_mmhuman3d_windows(samples: Sequence[dict], image_size: int = 224) -> dict[str, Tensor]:
    """A batch of `WindowDataset` from samples of mmhuman3d's `HumanVideoDataset`, as a `collate_fn`.

    The data set must have `convention='smpl_49'` and a pipeline whose `Collect` keeps `FIELDS`. All frames count as
    valid.

    Args:
        samples: B windows; each holds `FIELDS` of its T frames, tensors or lists of arrays: keypoints2d (T, 49, 3) in
            pixels of the crop and confidence, keypoints3d (T, 49, 3 or 4) in metres and confidence, the pose in
            axis-angle.
        image_size: Side of the crop that the pipeline makes, pixels; 0 … image_size - 1 become [-1, 1], as in
            mmhuman3d's own estimator.

    Raises:
        InputError: A field is missing, or the keypoints are of another convention.
    """
    missing = [name for name in FIELDS if name not in samples[0]]
    if missing:
        raise InputError(
            f"mmhuman3d's data set gives no {', '.join(missing)}; expected Collect(keys=[…, {', '.join(FIELDS)}]) at "
            f'the end of its pipeline; found {", ".join(samples[0])}'
        )
    batch = {name: torch.stack([_frames(sample[name]) for sample in samples]) for name in FIELDS}
    clips, frames = batch['features'].shape[:2]
    for name in ('keypoints2d', 'keypoints3d'):
        if batch[name].shape[2] != 49:
            raise InputError(
                f"{name} of mmhuman3d's data set has {batch[name].shape[2]} joints, expected 49: convention='smpl_49'"
            )
    keypoints2d, keypoints3d = batch['keypoints2d'], batch['keypoints3d']
    pixels = 2 * keypoints2d[..., :2] / (image_size - 1) - 1
    # A 3D joint without confidence is all zeros, which no loss may treat as a position.
    confident = keypoints3d[:, :, list(LSP14), 3:].gt(0).flatten(1).all(dim=1)
    pose = torch.cat([batch['smpl_global_orient'].view(clips, frames, 3), batch['smpl_body_pose'].flatten(2)], dim=-1)
    return {
        'features': batch['features'],
        'keypoints2d': torch.cat([pixels, keypoints2d[..., 2:]], dim=-1),
        'keypoints3d': keypoints3d[..., :3].contiguous(),
        'smpl_pose': pose,
        'smpl_betas': batch['smpl_betas'],
        'frame_valid': torch.ones(clips, frames, dtype=torch.bool),
        'has_keypoints3d': confident,
        'has_smpl': batch['has_smpl'].flatten(1).bool().all(dim=1),
    }


def _frames(value: Tensor | Sequence) -> Tensor:
    """A field of T frames (T, ...) float32."""
    if not isinstance(value, Tensor):
        value = torch.from_numpy(np.stack([np.asarray(frame) for frame in value]))
    return value.float()
