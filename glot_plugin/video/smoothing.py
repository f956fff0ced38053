"""Smoothing of rotations and translations over time. Off by default: it hides what the model does, and adds delay."""

from collections.abc import Callable

import numpy as np
import roma
import torch
from torch import Tensor

from glot_plugin.errors import InputError

ONE_EURO = 'one-euro'
# Names of mmhuman3d's filters, which `glot_plugin.framework` runs.
MMHUMAN3D_FILTERS = ('oneeuro', 'gaus1d', 'savgol')
SMOOTHINGS = (ONE_EURO, *MMHUMAN3D_FILTERS)

# Gives a smoothed (N, K, C) for an (N, K, C) and the time (N,) of each row in seconds.
Filter = Callable[[np.ndarray, np.ndarray], np.ndarray]


def smooth_rotations(rotmat: np.ndarray, times: np.ndarray, name: str = ONE_EURO) -> np.ndarray:
    """Smooth rotations (N, J, 3, 3) of rows at `times` (N,) seconds.

    Raises:
        InputError: An unknown smoothing, or mmhuman3d is not installed and one of its filters was named.
    """
    if len(rotmat) < 2:
        return rotmat
    if name == ONE_EURO:
        return one_euro_rotations(torch.from_numpy(rotmat), times).numpy()
    filtered = _mmhuman3d_filter(name)(rotmat.reshape(*rotmat.shape[:2], 9))
    return roma.special_procrustes(torch.from_numpy(filtered).float().view(rotmat.shape)).numpy()


def smooth_points(points: np.ndarray, times: np.ndarray, name: str = ONE_EURO) -> np.ndarray:
    """Smooth points (N, C), metres, of rows at `times` (N,) seconds. Raises: see `smooth_rotations`."""
    if len(points) < 2:
        return points
    if name == ONE_EURO:
        return one_euro_points(torch.from_numpy(points), times).numpy()
    return _mmhuman3d_filter(name)(points[:, None])[:, 0].astype(points.dtype)


def one_euro_points(points: Tensor, times: np.ndarray, min_cutoff: float = 1.0, beta: float = 1.0) -> Tensor:
    """The one-euro filter (Casiez et al., 2012): the faster a signal moves, the less it is smoothed.

    Args:
        points: (N, C).
        times: (N,) seconds, rising.
        min_cutoff: Hz; lower is smoother at rest.
        beta: How much faster motion raises the cutoff, Hz a unit of speed.
    """

    def move(before: Tensor, step: Tensor) -> Tensor:
        return before + step

    return _one_euro(points, times, torch.sub, move, min_cutoff, beta)


def one_euro_rotations(rotmat: Tensor, times: np.ndarray, min_cutoff: float = 1.0, beta: float = 0.5) -> Tensor:
    """`one_euro_points` on SO(3): rotations (N, J, 3, 3); steps are rotation vectors, speeds radians a second."""

    def step(now: Tensor, before: Tensor) -> Tensor:
        return roma.rotmat_to_rotvec(before.mT @ now)

    def move(before: Tensor, step: Tensor) -> Tensor:
        return before @ roma.rotvec_to_rotmat(step)

    return _one_euro(rotmat, times, step, move, min_cutoff, beta)


def _one_euro(
    signal: Tensor,
    times: np.ndarray,
    difference: Callable[[Tensor, Tensor], Tensor],
    move: Callable[[Tensor, Tensor], Tensor],
    min_cutoff: float,
    beta: float,
    speed_cutoff: float = 1.0,
) -> Tensor:
    smoothed = [signal[0]]
    speed = torch.zeros_like(difference(signal[0], signal[0]))
    for index in range(1, len(signal)):
        seconds = float(times[index] - times[index - 1])
        step = difference(signal[index], smoothed[-1])
        speed = speed + _share(speed_cutoff, seconds) * (step / seconds - speed)
        cutoff = min_cutoff + beta * speed.norm(dim=-1, keepdim=True)
        smoothed.append(move(smoothed[-1], _share(cutoff, seconds) * step))
    return torch.stack(smoothed)


def _share(cutoff: Tensor | float, seconds: float) -> Tensor | float:
    """The weight of the newest value in exponential smoothing with this cutoff frequency."""
    rate = 2 * torch.pi * cutoff * seconds
    return rate / (rate + 1)


def _mmhuman3d_filter(name: str) -> Callable[[np.ndarray], np.ndarray]:
    if name not in MMHUMAN3D_FILTERS:
        raise InputError(f'smoothing {name!r}: expected one of {", ".join(SMOOTHINGS)}')
    try:
        from glot_plugin.framework.post_processing import build_filter
    except ImportError as error:
        raise InputError(f"smoothing {name!r} is one of mmhuman3d's filters: {error}") from error
    return build_filter(name)
