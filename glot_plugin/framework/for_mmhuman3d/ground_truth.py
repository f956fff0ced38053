"""The HumanData entries that mmhuman3d's `evaluate` reads, from track stores; its body models in bounded memory."""

from typing import Any

import numpy as np
import torch
from mmhuman3d.core.conventions.keypoints_mapping import KEYPOINTS_FACTORY, get_mapping
from torch import Tensor, nn

from glot_plugin.errors import InputError
from glot_plugin.framework.for_mmhuman3d.clips import ScoredFrames


class HumanDataKeypoints:
    """3D keypoints (N, 49, 3), indexed as `[:, joints, :3]` with HumanData's own 190 joints."""

    def __init__(self, keypoints: np.ndarray) -> None:
        self._keypoints = keypoints
        joints, columns, _ = get_mapping('smpl_49', 'human_data')
        self._column = dict(zip(joints, columns, strict=True))

    def __getitem__(self, index: tuple[slice, list[int], slice]) -> np.ndarray:
        rows, joints, values = index
        missing = [KEYPOINTS_FACTORY['human_data'][joint] for joint in joints if joint not in self._column]
        if missing:
            raise InputError(f'the data set has no {", ".join(missing)}; it has the 49 joints of smpl_49')
        return self._keypoints[rows, [self._column[joint] for joint in joints], values]


def ground_truth(frames: ScoredFrames, dataset_name: str) -> dict[str, Any]:
    """The entries that `evaluate` reads, for frames 0 … N - 1.

    Returns:
        `smpl` (betas (N, 10), body_pose (N, 69), global_orient (N, 3)) and `meta` (gender, N letters), if there are
        SMPL parameters; `keypoints3d` for `h36m`.

    Raises:
        InputError: The stores lack what the data set's evaluation compares.
    """
    stores = frames.stores
    names = ', '.join(str(store.path) for store in stores)
    entries: dict[str, Any] = {}
    if dataset_name == 'h36m':
        if any(store.keypoints3d_joints != 'spin49' for store in stores):
            raise InputError(f"{names}: the evaluation of h36m needs 3D keypoints of the 49 joints ('spin49')")
        entries['keypoints3d'] = HumanDataKeypoints(frames.read_all('keypoints3d'))
    if all('smpl_pose' in store.frame_columns for store in stores):
        pose = frames.read_all('smpl_pose')
        entries['smpl'] = {
            'betas': frames.read_all('smpl_betas'),
            'body_pose': pose[:, 3:],
            'global_orient': pose[:, :3],
        }
        entries['meta'] = {'gender': frames.per_track([store.track_gender for store in stores])}
    elif dataset_name != 'h36m':
        raise InputError(f'{names}: the evaluation of {dataset_name} needs SMPL parameters')
    return entries


def check_genders(frames: ScoredFrames) -> None:
    """Raise an `InputError` where a track's gender is not known: mmhuman3d would treat everyone as female."""
    for store in frames.stores:
        unknown = np.flatnonzero(store.track_gender == '')
        if unknown.size:
            raise InputError(
                f'{store.path}: track {store.track_names[unknown[0]]} has no gender, which GenderedSMPL needs; write '
                "the store with genders, or evaluate with body_model=dict(type='SMPL', gender='neutral', …)"
            )


class BodyInChunks:
    """A body model of mmhuman3d that is run on a few bodies at a time, when its output is read.

    Args:
        body_model: The model.
        chunk: Bodies at a time.
    """

    def __init__(self, body_model: nn.Module, chunk: int = 256) -> None:
        self.body_model, self.chunk = body_model, chunk

    def __call__(self, **inputs: Any) -> '_LazyOutput':
        """Takes the model's inputs; tensors (N, …) are split, anything else is passed on as it is."""
        return _LazyOutput(self, inputs)


class _LazyOutput:
    def __init__(self, bodies: BodyInChunks, inputs: dict[str, Any]) -> None:
        self._bodies, self._inputs = bodies, inputs

    @torch.no_grad()
    def __getitem__(self, name: str) -> Tensor:
        tensors = {key: value for key, value in self._inputs.items() if isinstance(value, Tensor)}
        rest = {key: value for key, value in self._inputs.items() if key not in tensors}
        parts = zip(*(value.split(self._bodies.chunk) for value in tensors.values()), strict=True)
        return torch.cat(
            [self._bodies.body_model(**dict(zip(tensors, part, strict=True)), **rest)[name] for part in parts]
        )
