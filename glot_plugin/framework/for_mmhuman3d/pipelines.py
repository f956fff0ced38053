"""GLoT's nearby-frame selection as a pipeline step of our `HumanVideoDataset`."""

from mmhuman3d.data.datasets.builder import PIPELINES as MMHUMAN3D_PIPELINES
from numpy import ndarray

from glot_plugin.errors import InputError
from glot_plugin.framework.for_mmhuman3d.registries import child_registry
from glot_plugin.windows import nearby_range

PIPELINES = child_registry(MMHUMAN3D_PIPELINES)


@PIPELINES.register_module()
class NearbyFrames:
    """Keeps the 2 w + 1 frames around the mid frame of a window: in features, targets and all other arrays (T, …).

    Put it before `ToTensor`. For tests, set `seq_len` to 2 w + 1 instead, so that every frame is predicted.

    Args:
        num_frames: T, even.
        nearby: w.
    """

    def __init__(self, num_frames: int = 16, nearby: int = 4) -> None:
        self.frames = nearby_range(num_frames, nearby)
        self.num_frames = num_frames

    def __call__(self, results: dict) -> dict:
        """The sample with its arrays cut to the nearby frames.

        Raises:
            InputError: A window of another length.
        """
        arrays = {name: value for name, value in results.items() if isinstance(value, ndarray)}
        for name, value in arrays.items():
            if len(value) != self.num_frames:
                raise InputError(f'NearbyFrames: {name} has {len(value)} frames, expected num_frames={self.num_frames}')
        return {**results, **{name: value[self.frames.start : self.frames.stop] for name, value in arrays.items()}}
