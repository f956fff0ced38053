import numpy as np
import pytest
import roma
import torch

from glot_plugin.evaluation.pose_errors import (
    acceleration_error,
    correct_share,
    correct_share_auc,
    joint_error,
    procrustes_joint_error,
    similarity_align,
    vertex_error,
)


def naive_procrustes(pred: np.ndarray, target: np.ndarray) -> float:
    """One pose at a time, after Umeyama (1991)."""
    x, y = pred - pred.mean(0), target - target.mean(0)
    u, s, vt = np.linalg.svd(x.T @ y)
    sign = np.diag([1, 1, np.sign(np.linalg.det(vt.T @ u.T))])
    rotation = vt.T @ sign @ u.T
    scale = np.trace(sign @ np.diag(s)) / (x**2).sum()
    return np.linalg.norm(scale * x @ rotation.T - y, axis=1).mean()


def test_joint_error_by_hand():
    pred, target = torch.zeros(1, 4, 3), torch.zeros(1, 4, 3)
    pred[0, 0, 0], pred[0, 1, 1] = 0.3, 0.5
    assert joint_error(pred, target).item() == pytest.approx(0.8 / 4)
    # The root, the midpoint of joints 2 and 3, moves: every joint moves with it.
    pred[0, 2:, 2] = 0.1
    expected = np.mean([np.hypot(0.3, 0.1), np.hypot(0.5, 0.1), 0, 0])
    assert joint_error(pred, target, root=(2, 3)).item() == pytest.approx(expected)


def test_procrustes_error_is_zero_under_a_similarity():
    target = torch.randn(50, 14, 3)
    rotation = roma.random_rotmat(50)
    moved = 1.7 * target @ rotation.mT + torch.randn(50, 1, 3)
    assert procrustes_joint_error(moved, target).max().item() < 1e-6
    torch.testing.assert_close(similarity_align(moved, target), target, atol=1e-5, rtol=0)


def test_procrustes_equals_one_pose_at_a_time():
    rng = np.random.default_rng(0)
    pred, target = rng.normal(size=(2, 200, 14, 3))
    target[:20] = pred[:20] * [-1, 1, 1]  # mirrored: a rotation must not become a reflection
    expected = [naive_procrustes(p, t) for p, t in zip(pred, target, strict=True)]
    actual = procrustes_joint_error(torch.from_numpy(pred), torch.from_numpy(target))
    np.testing.assert_allclose(actual.numpy(), expected, atol=1e-9)
    assert actual[:20].min() > 0.01


def test_correct_share_by_hand():
    distances = torch.tensor([[0.0, 0.1, 0.1499, 0.1501], [0.2, 0.2, 0.2, 0.01]])
    assert correct_share(distances).tolist() == [0.75, 0.25]
    # Strictly below: a distance of the threshold itself is not correct.
    assert correct_share(torch.tensor([[0.25, 0.125]]), 0.25).tolist() == [0.5]


def test_area_under_the_curve_by_hand():
    """Of the thresholds 0, 5, …, 150 mm, 30 are above 1 mm, 10 above 101 mm (105 … 150) and none above 200 mm."""
    auc = correct_share_auc(torch.tensor([[0.001, 0.101], [0.2, 0.2], [0.0, 0.0]]))
    assert auc.tolist() == pytest.approx([(30 + 10) / 62, 0, 30 / 31])


def test_vertex_error_is_not_aligned():
    assert vertex_error(torch.ones(2, 6890, 3), torch.zeros(2, 6890, 3)).tolist() == pytest.approx([3**0.5] * 2)


def test_acceleration_error_by_hand():
    """Positions 0, 0, 1, 0, 0 along x have accelerations 1, -2, 1."""
    pred = torch.zeros(5, 2, 3)
    pred[2, :, 0] = 1.0
    error, counts = acceleration_error(pred, torch.zeros(5, 2, 3))
    assert error.tolist() == [1, 2, 1]
    assert counts.all()


def test_acceleration_ignores_constant_velocity():
    steps = torch.arange(6.0)[:, None, None]
    error, _ = acceleration_error(steps * torch.ones(6, 3, 3), torch.zeros(6, 3, 3))
    assert error.abs().max() < 1e-6


def test_acceleration_of_frames_beside_invalid_ones_does_not_count():
    valid = torch.tensor([True, True, True, True, False, True, True, True])
    _, counts = acceleration_error(torch.zeros(8, 2, 3), torch.zeros(8, 2, 3), valid)
    assert counts.tolist() == [True, True, False, False, False, True]


@pytest.mark.parametrize('length', [1, 2])
def test_acceleration_of_short_tracks(length):
    error, counts = acceleration_error(torch.zeros(length, 2, 3), torch.zeros(length, 2, 3))
    assert len(error) == len(counts) == 0
