"""The last step of a pipeline: what the model takes, and nothing else."""

from collections.abc import Sequence

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.registry import TRANSFORMS

WINDOW_KEYS = (
    'features',
    'keypoints2d',
    'keypoints3d',
    'smpl_pose',
    'smpl_betas',
    'frame_valid',
    'has_keypoints3d',
    'has_smpl',
)


def pack(batch: dict, keys: Sequence[str], optional_keys: Sequence[str] = ()) -> dict:
    """Select keys; floating-point arrays become float32, all arrays contiguous.

    Raises:
        InputError: the batch lacks one of `keys`.
    """
    missing = [key for key in keys if key not in batch]
    if missing:
        raise InputError(f'Pack: no {", ".join(missing)} in the batch, found {", ".join(batch)}')
    wanted = [*keys, *(key for key in optional_keys if key in batch)]
    return {key: _packed(batch[key]) for key in wanted}


@TRANSFORMS.register_module()
class Pack:
    """Keep what the model takes, arrays as contiguous float32, and drop the rest.

    Args:
        keys: keys that the batch must have; those of a training window by default.
        optional_keys: keys that are kept if they are present.
    """

    frame_wise = True

    def __init__(self, keys: Sequence[str] = WINDOW_KEYS, optional_keys: Sequence[str] = ('frame_mask',)) -> None:
        self.keys = tuple(keys)
        self.optional_keys = tuple(optional_keys)

    def __call__(self, batch: dict, rng: np.random.Generator | None = None) -> dict:
        return pack(batch, self.keys, self.optional_keys)


def _packed(value: object) -> object:
    if not isinstance(value, np.ndarray):
        return value
    return np.ascontiguousarray(value, np.float32 if value.dtype.kind == 'f' else None)
