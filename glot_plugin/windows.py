"""Windows of T frames (T is even): the mid frame T // 2, the frames near it, and the windows of a track."""

import torch
from torch import Tensor

from glot_plugin.errors import InputError


def nearby_range(num_frames: int, nearby: int) -> range:
    """The frames mid - w … mid + w of a window of T frames, w = `nearby`, mid = T // 2.

    Raises:
        InputError: T is not an even integer, or w does not fit into T.
    """
    check_num_frames(num_frames)
    mid = num_frames // 2
    if not isinstance(nearby, int) or nearby < 1 or mid + nearby > num_frames - 1:
        raise InputError(
            f'nearby={nearby!r} does not fit num_frames={num_frames}: expected an integer from 1 to '
            f'{num_frames - 1 - mid}, so that frames {mid} - nearby … {mid} + nearby lie inside the window'
        )
    return range(mid - nearby, mid + nearby + 1)


def check_num_frames(num_frames: int) -> None:
    """Raise an `InputError` unless T is even and at least 4 (so that the mid frame has neighbours)."""
    if not isinstance(num_frames, int) or num_frames % 2 or num_frames < 4:
        raise InputError(f'num_frames={num_frames!r}: expected an even number of frames, an integer of at least 4')


def mid_frames(num_frames: int, around: int) -> slice:
    """Slice of the frames mid - around … mid + around of a window of T frames."""
    return slice(num_frames // 2 - around, num_frames // 2 + around + 1)


def clamped_windows(num_frames: int, length: int, device: torch.device | str = 'cpu') -> Tensor:
    """The window of each frame i of a track: indices (N, T) of i - T // 2 … i + T // 2 - 1, clamped to the track."""
    frame = torch.arange(length, device=device)[:, None]
    offset = torch.arange(num_frames, device=device)[None] - num_frames // 2
    return (frame + offset).clamp_(0, length - 1)


def disjoint_windows(num_frames: int, length: int, device: torch.device | str = 'cpu') -> tuple[Tensor, Tensor]:
    """Windows that tile a track of N frames; the last one is moved back so that it ends with the track.

    Returns:
        Indices (W, T) with W = ceil(N / T), clamped if the track is shorter than T; and a (W, T) bool mask that is True
        exactly once for each frame, in the track's order.
    """
    tile = torch.arange(0, length, num_frames, device=device)[:, None]  # (W, 1)
    frame = tile.clamp(max=max(length - num_frames, 0)) + torch.arange(num_frames, device=device)
    return frame.clamp(max=length - 1), (frame >= tile) & (frame < length)
