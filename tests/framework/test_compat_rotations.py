"""The placeholders for pytorch3d's rotation functions against scipy, in float64, and mmhuman3d's own use of them."""

import itertools

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from glot_plugin.errors import InputError
from glot_plugin.framework.compat import pytorch3d_rotations as rotations

CONVENTIONS = [
    ''.join(letters)
    for letters in itertools.product('XYZ', repeat=3)
    if letters[0] != letters[1] and letters[1] != letters[2]
]


@pytest.fixture
def scipy_rotations() -> Rotation:
    """Random rotations, and the identity, tiny, half-turn and nearly half-turn ones."""
    vectors = np.random.default_rng(0).normal(0, 2, (60, 3))
    axis = np.array([1.0, 2.0, -2.0]) / 3
    special = [axis * angle for angle in (0.0, 1e-8, 1e-5, np.pi - 1e-6)] + [np.array([np.pi - 1e-9, 0.0, 0.0])]
    return Rotation.from_rotvec(np.concatenate([vectors, special]))


def tensor(array: np.ndarray) -> torch.Tensor:
    """As float64, with two leading dimensions."""
    return torch.from_numpy(array).unflatten(0, (5, -1))


def check(result: torch.Tensor, expected: np.ndarray) -> None:
    assert result.dtype == torch.float64
    np.testing.assert_allclose(result.flatten(0, 1), expected, atol=1e-6)


def test_axis_angle_to_matrix(scipy_rotations):
    check(rotations.axis_angle_to_matrix(tensor(scipy_rotations.as_rotvec())), scipy_rotations.as_matrix())


def test_axis_angle_to_quaternion_beyond_half_a_turn():
    vectors = np.random.default_rng(1).normal(0, 3, (20, 3))
    expected = Rotation.from_rotvec(vectors).as_quat(scalar_first=True)
    assert (np.linalg.norm(vectors, axis=1) > np.pi).any()
    check(rotations.axis_angle_to_quaternion(tensor(vectors)), expected)


def test_quaternion_to_axis_angle_is_the_shortest(scipy_rotations):
    quaternions = scipy_rotations.as_quat(scalar_first=True)
    check(rotations.quaternion_to_axis_angle(tensor(quaternions)), scipy_rotations.as_rotvec())
    check(rotations.quaternion_to_axis_angle(tensor(-3 * quaternions)), scipy_rotations.as_rotvec())


def test_quaternion_to_matrix_of_any_length(scipy_rotations):
    quaternions = 0.1 * scipy_rotations.as_quat(scalar_first=True)
    check(rotations.quaternion_to_matrix(tensor(quaternions)), scipy_rotations.as_matrix())


def test_matrix_to_quaternion_has_a_positive_real_part(scipy_rotations):
    result = rotations.matrix_to_quaternion(tensor(scipy_rotations.as_matrix()))
    check(result, scipy_rotations.as_quat(scalar_first=True, canonical=True))


def test_rotation_6d_is_the_first_two_rows(scipy_rotations):
    matrices = scipy_rotations.as_matrix()
    rows = matrices[:, :2].reshape(-1, 6)
    check(rotations.matrix_to_rotation_6d(tensor(matrices)), rows)
    # Gram-Schmidt undoes a scaled first row and a second row with some of the first in it.
    skewed = np.concatenate([2 * rows[:, :3], 3 * rows[:, 3:] + 0.7 * rows[:, :3]], axis=1)
    check(rotations.rotation_6d_to_matrix(tensor(skewed)), matrices)


@pytest.mark.parametrize('convention', CONVENTIONS)
def test_euler_conventions(convention):
    matrices = Rotation.random(60, random_state=2).as_matrix()
    angles = Rotation.from_matrix(matrices).as_euler(convention)
    check(rotations.matrix_to_euler_angles(tensor(matrices), convention), angles)
    check(rotations.euler_angles_to_matrix(tensor(angles), convention), matrices)


@pytest.mark.parametrize('middle', [np.pi / 2, -np.pi / 2])
def test_gimbal_lock_still_gives_the_rotation(middle):
    matrices = Rotation.from_euler('XYZ', [[0.3, middle, -0.8]] * 5).as_matrix()
    angles = rotations.matrix_to_euler_angles(tensor(matrices), 'XYZ')
    assert angles[..., 2].abs().max() == 0
    check(rotations.euler_angles_to_matrix(angles, 'XYZ'), matrices)


@pytest.mark.parametrize('convention', ['xyz', 'XXY', 'XY', 'XYW'])
def test_unknown_convention_is_refused(convention):
    with pytest.raises(InputError, match=convention):
        rotations.euler_angles_to_matrix(torch.zeros(3), convention)


@pytest.mark.parametrize('name', sorted(rotations.ROTATION_FUNCTIONS))
@pytest.mark.parametrize('leading', [(), (0,), (2, 1, 3)])
def test_any_leading_dimensions_and_gradients(name, leading):
    function = rotations.ROTATION_FUNCTIONS[name]
    source, target = name.split('_to_')
    shapes = {
        'axis_angle': (3,),
        'quaternion': (4,),
        'euler_angles': (3,),
        'rotation_6d': (6,),
        'matrix': (3, 3),
    }
    arguments = ('XYZ',) if 'euler_angles' in name else ()
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(*leading, *shapes[source], generator=generator, dtype=torch.float64)
    if source == 'matrix':
        values = torch.linalg.qr(values).Q
        values = values * torch.linalg.det(values)[..., None, None]
    values.requires_grad_()
    assert function(values, *arguments).shape == (*leading, *shapes[target])
    if values.numel():
        assert torch.autograd.gradcheck(lambda x: function(x, *arguments), values)


def test_gradients_at_the_identity_are_finite():
    axis_angle = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    matrix = rotations.axis_angle_to_matrix(axis_angle)
    back = rotations.quaternion_to_axis_angle(rotations.matrix_to_quaternion(matrix))
    (back.sum() + rotations.axis_angle_to_quaternion(axis_angle).sum()).backward()
    np.testing.assert_allclose(axis_angle.grad, np.full((2, 3), 1.5))  # d(angle)/d(angle) + d(sin(angle / 2))/d(angle)


def test_mmhuman3d_converts_with_them():
    from mmhuman3d.utils import transforms

    vectors = np.random.default_rng(3).normal(0, 0.5, (4, 7, 3)).astype(np.float32)
    reference = Rotation.from_rotvec(vectors.reshape(-1, 3))
    for name, expected in {
        'aa_to_rotmat': reference.as_matrix(),
        'aa_to_quat': reference.as_quat(scalar_first=True),
        'aa_to_rot6d': reference.as_matrix()[:, :2].reshape(-1, 6),
    }.items():
        result = getattr(transforms, name)(vectors)
        np.testing.assert_allclose(result.reshape(expected.shape), expected, atol=1e-6)
    for convention in ('xyz', 'xzy', 'yxz', 'yzx', 'zxy', 'zyx'):
        angles = transforms.aa_to_ee(torch.from_numpy(vectors), convention)
        np.testing.assert_allclose(angles.reshape(-1, 3), reference.as_euler(convention.upper()), atol=2e-6)
        np.testing.assert_allclose(transforms.ee_to_aa(angles, convention), vectors, atol=2e-6)


def test_mmhuman3d_standard_joint_angles_are_undone():
    from mmhuman3d.utils.transforms import aa_to_sja, sja_to_aa

    poses = torch.randn(3, 21, 3, generator=torch.Generator().manual_seed(0)) * 0.3
    torch.testing.assert_close(sja_to_aa(aa_to_sja(poses)), poses, atol=1e-5, rtol=0)
