"""Windows of T frames (T is even): the target frame that they predict, the frames near it, and the windows of a track.

The target frame is the mid frame T // 2 as published; a later one has less latency (docs/live.md).
"""

import torch
from torch import Tensor

from glot_plugin.errors import InputError


def resolve_target_frame(num_frames: int, target_frame: int | None = None) -> int:
    """The frame of a window of T frames that is predicted: `target_frame`, or without one the mid frame T // 2.

    Raises:
        InputError: T is not an even integer, or the target is none of T // 2 … T - 1.
    """
    check_num_frames(num_frames)
    mid, last = num_frames // 2, num_frames - 1
    if target_frame is None:
        return mid
    if isinstance(target_frame, bool) or not isinstance(target_frame, int) or not mid <= target_frame <= last:
        raise InputError(
            f'target_frame={target_frame!r}: expected an integer from {mid} (the mid frame, as published) to {last} '
            f'(the last frame, no latency) for num_frames={num_frames}'
        )
    return target_frame


def nearby_range(num_frames: int, nearby: int, target_frame: int | None = None) -> range:
    """The 2 w + 1 frames near the target frame in a window of T frames, w = `nearby`.

    They are target - w … target + w or, where these would go beyond the window, its last 2 w + 1 frames.

    Raises:
        InputError: T is not an even integer, or the target or w does not fit into T.
    """
    target = resolve_target_frame(num_frames, target_frame)
    mid = num_frames // 2
    if not isinstance(nearby, int) or nearby < 1 or mid + nearby > num_frames - 1:
        raise InputError(
            f'nearby={nearby!r} does not fit num_frames={num_frames}: expected an integer from 1 to '
            f'{num_frames - 1 - mid}, so that frames {mid} - nearby … {mid} + nearby lie inside the window'
        )
    start = min(target, num_frames - 1 - nearby) - nearby
    return range(start, start + 2 * nearby + 1)


def check_num_frames(num_frames: int) -> None:
    """Raise an `InputError` unless T is even and at least 4 (so that the mid frame has neighbours)."""
    if not isinstance(num_frames, int) or num_frames % 2 or num_frames < 4:
        raise InputError(f'num_frames={num_frames!r}: expected an even number of frames, an integer of at least 4')


def frames_around(num_frames: int, around: int, target_frame: int | None = None) -> slice:
    """Slice of the frames target - around … target + around that lie in a window of T frames."""
    target = resolve_target_frame(num_frames, target_frame)
    return slice(target - around, min(target + around + 1, num_frames))


def clamped_windows(
    num_frames: int, length: int, device: torch.device | str = 'cpu', target_frame: int | None = None
) -> Tensor:
    """The window of each frame of a track, clamped to the track: indices (N, T).

    Frame i is the target of its window: i - T // 2 … i + T // 2 - 1 as published.
    """
    frames = torch.arange(length, device=device)
    return windows_around(frames, num_frames, length, resolve_target_frame(num_frames, target_frame))


def windows_around(frames: Tensor, num_frames: int, length: int, place: int) -> Tensor:
    """Windows (W, T) that have given frames (W,) of a track in their place-th place, clamped to the track."""
    offset = torch.arange(num_frames, device=frames.device) - place
    return (frames[:, None] + offset).clamp_(0, length - 1)


def disjoint_windows(num_frames: int, length: int, device: torch.device | str = 'cpu') -> tuple[Tensor, Tensor]:
    """Windows that tile a track of N frames; the last one is moved back so that it ends with the track.

    Returns:
        Indices (W, T) with W = ceil(N / T), clamped if the track is shorter than T; and a (W, T) bool mask that is True
        exactly once for each frame, in the track's order.
    """
    tile = torch.arange(0, length, num_frames, device=device)[:, None]  # (W, 1)
    frame = tile.clamp(max=max(length - num_frames, 0)) + torch.arange(num_frames, device=device)
    return frame.clamp(max=length - 1), (frame >= tile) & (frame < length)
