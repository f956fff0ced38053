"""Smoothing: less jitter, the same at rest, rotations stay rotations, uneven times, and each filter by name."""

import numpy as np
import pytest
import roma
import torch

from glot_plugin.errors import InputError
from glot_plugin.video.smoothing import MMHUMAN3D_FILTERS, ONE_EURO, SMOOTHINGS, smooth_points, smooth_rotations

TIMES = np.arange(60) / 30


def jitter(values: np.ndarray) -> float:
    return float(np.abs(np.diff(values, 2, axis=0)).mean())


@pytest.fixture(scope='module')
def noisy() -> tuple[np.ndarray, np.ndarray]:
    """Slowly turning rotations (60, 24, 3, 3) and moving points (60, 3), with noise."""
    generator = torch.Generator().manual_seed(0)
    turning = torch.linspace(0, 1, 60)[:, None, None] * torch.randn(24, 3, generator=generator)
    rotmat = roma.rotvec_to_rotmat(turning + 0.05 * torch.randn(60, 24, 3, generator=generator))
    points = torch.linspace(0, 1, 60)[:, None] + 0.02 * torch.randn(60, 3, generator=generator)
    return rotmat.numpy(), points.numpy()


@pytest.mark.parametrize('name', SMOOTHINGS)
def test_jitter_is_halved_and_rotations_stay_rotations(noisy, name):
    rotmat, points = noisy
    smooth = smooth_rotations(rotmat, TIMES, name)
    assert smooth.shape == rotmat.shape
    assert jitter(smooth) < jitter(rotmat) / 2
    assert np.allclose(smooth.swapaxes(-1, -2) @ smooth, np.eye(3), atol=1e-5)
    assert np.allclose(np.linalg.det(smooth), 1, atol=1e-5)
    moved = smooth_points(points, TIMES, name)
    assert moved.dtype == points.dtype
    assert jitter(moved) < jitter(points) / 2


def test_what_rests_stays(noisy):
    resting = np.repeat(noisy[0][:1], 60, axis=0)
    assert np.allclose(smooth_rotations(resting, TIMES), resting, atol=1e-5)


def test_fast_motion_is_followed():
    """A turn of 90 degrees within a tenth of a second is there at most a fifth of a second later."""
    angle = np.clip((TIMES - 1) / 0.1, 0, 1) * np.pi / 2
    rotmat = roma.rotvec_to_rotmat(torch.from_numpy(np.stack([angle, 0 * angle, 0 * angle], 1)).float())[:, None]
    smooth = smooth_rotations(rotmat.numpy(), TIMES)
    left = roma.rotmat_geodesic_distance(torch.from_numpy(smooth), rotmat)[:, 0]
    assert left[TIMES > 1.35].max() < 0.1


def test_one_row_and_unknown_names(noisy):
    assert np.array_equal(smooth_rotations(noisy[0][:1], TIMES[:1], ONE_EURO), noisy[0][:1])
    with pytest.raises(InputError, match="smoothing 'kalman': expected one of one-euro, oneeuro"):
        smooth_points(noisy[1], TIMES, 'kalman')


def test_gaps_are_seen(noisy):
    """After a second without the person, the old place hardly counts."""
    times = np.where(np.arange(60) < 30, TIMES, TIMES + 1)
    points = np.where(np.arange(60)[:, None] < 30, 0.0, 5.0).repeat(3, axis=1)
    assert smooth_points(points, times)[30, 0] > 4


def test_mmhuman3ds_names_are_its_own():
    from glot_plugin.framework.post_processing import build_filter

    assert {type(build_filter(name)).__name__ for name in MMHUMAN3D_FILTERS} == {
        'OneEuroFilter',
        'Gaus1dFilter',
        'SGFilter',
    }
