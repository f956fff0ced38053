"""Varied motion: within its limits, smooth, and as wide as what people do."""

import numpy as np
import pytest

from glot_plugin.datasets.synthetic.key_poses import draw_key_pose, draw_varied_motion, wide_limits

LEFT_HIP, LEFT_KNEE, RIGHT_KNEE, LEFT_SHOULDER = 1, 4, 5, 16


@pytest.fixture(scope='module')
def motions():
    return [draw_varied_motion(60, 25.0, np.random.default_rng(seed)) for seed in range(60)]


def test_angles_stay_within_the_wide_limits(motions):
    limits = wide_limits()
    for moved in motions:
        assert (moved.angles >= limits[..., 0] - 1e-9).all()
        assert (moved.angles <= limits[..., 1] + 1e-9).all()


def test_poses_are_wide():
    poses = np.stack([draw_key_pose(np.random.default_rng(seed)) for seed in range(500)])
    knees = poses[:, [LEFT_KNEE, RIGHT_KNEE], 0].min(1)
    assert 0.05 < (knees > 70).mean() < 0.4  # crouch, sit or kneel
    trunk = poses[:, [0, 3, 6, 9], 0].sum(1)
    assert 0.1 < (trunk > 45).mean() < 0.5  # bent
    assert (poses[:, LEFT_SHOULDER, 2] > 0).mean() > 0.15  # arm raised
    assert (poses[:, LEFT_SHOULDER, 1] < -45).mean() > 0.15  # or in front
    sides = poses[:, LEFT_HIP, 0].mean(), poses[:, LEFT_HIP + 1, 0].mean()
    assert abs(sides[0] - sides[1]) < 8  # neither side is special


def test_people_face_everywhere_and_cameras_look_from_any_height(motions):
    facing = np.stack([moved.rotmat[0, 0] @ np.array([0.0, 0.0, 1.0]) for moved in motions])
    assert facing[:, 2].min() < -0.7  # towards the camera
    assert facing[:, 2].max() > 0.7
    assert np.abs(facing[:, 0]).max() > 0.7
    up = np.stack([moved.rotmat[0, 0] @ np.array([0.0, 1.0, 0.0]) for moved in motions])
    assert np.median(up[:, 1]) < -0.7  # y down


def test_motion_is_smooth(motions):
    for moved in motions:
        assert np.abs(np.diff(moved.angles, axis=0)).max() < 60
        assert np.median(np.abs(np.diff(moved.angles, 2, axis=0))) < 1


def test_motion_depends_on_the_generator_alone():
    one, again = (draw_varied_motion(20, 12.0, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one.rotmat, again.rotmat)
    assert len(draw_varied_motion(1, 12.0, np.random.default_rng(5)).rotmat) == 1
