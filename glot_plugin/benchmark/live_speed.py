"""Speed of a stream, frame by frame."""

from pathlib import Path

import numpy as np
import torch

from glot_plugin.benchmark.model_speed import build_model
from glot_plugin.benchmark.timing import Comparison, compare
from glot_plugin.live.stream import TrackStream

PUSHES = 20
PEOPLE = (1, 8)


def compare_live(
    config: str | Path, model_dir: str, device: str, people: int = 1, repeats: int = 5, pushes: int = PUSHES
) -> Comparison:
    """A frame of a stream against predicting its windows anew from raw features; in seconds per frame.

    Both predict all people in one batch, and give rotations, shape and camera as arrays.
    """
    model = build_model(config, model_dir, device).eval()
    num_frames = model.head.num_frames
    generator = torch.Generator().manual_seed(0)
    frames = torch.rand(num_frames + pushes, people, model.head.in_dim, generator=generator).to(device)
    stream = TrackStream(model)
    for features in frames[:num_frames]:
        stream.push(features)

    def stream_frames() -> np.ndarray:
        return np.stack([stream.push(features).bodies.rotmat for features in frames[num_frames:]])

    @torch.inference_mode()
    def anew() -> np.ndarray:
        bodies = []
        for newest in range(num_frames, num_frames + pushes):
            window = frames[newest - num_frames + 1 : newest + 1].transpose(0, 1)
            params = model.head.predict(window)
            bodies.append(params.rotmat.cpu().numpy())
        return np.stack(bodies)

    np.testing.assert_allclose(stream_frames(), anew(), atol=1e-4)
    name = 'live, 1 person' if people == 1 else f'live, {people} people'
    result = compare(name, stream_frames, anew, repeats)
    result.ours, result.naive = result.ours / pushes, result.naive / pushes
    result.detail = f'{1 / result.ours:,.0f} frames/s; the baseline projects the whole window for each frame'
    return result
