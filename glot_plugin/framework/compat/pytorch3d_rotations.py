"""The rotation functions that mmhuman3d takes from `pytorch3d.transforms`, implemented with roma.

Names, signatures and conventions are pytorch3d's: quaternions real part first (wxyz), 6D as the first two *rows* of the
matrix, Euler conventions in capitals and intrinsic (`'XYZ'`: about x, then the new y, then the new z). All take any
leading dimensions and are differentiable. mmhuman3d reads the parameter names of these functions (`convention`), so
they are plain functions.
"""

import roma
from torch import Tensor

from glot_plugin.errors import InputError


def axis_angle_to_matrix(axis_angle: Tensor) -> Tensor:
    """Rotation vectors (..., 3) in radians to rotation matrices (..., 3, 3)."""
    return roma.rotvec_to_rotmat(axis_angle)


def axis_angle_to_quaternion(axis_angle: Tensor) -> Tensor:
    """Rotation vectors (..., 3) in radians to unit quaternions (..., 4), wxyz; the real part is cos(angle / 2)."""
    return _xyzw_to_wxyz(roma.rotvec_to_unitquat(axis_angle))


def quaternion_to_axis_angle(quaternions: Tensor) -> Tensor:
    """Quaternions (..., 4), wxyz, of any length but 0, to rotation vectors (..., 3) of at most pi radians."""
    return roma.unitquat_to_rotvec(_wxyz_to_unit_xyzw(quaternions))


def quaternion_to_matrix(quaternions: Tensor) -> Tensor:
    """Quaternions (..., 4), wxyz, of any length but 0, to rotation matrices (..., 3, 3)."""
    return roma.unitquat_to_rotmat(_wxyz_to_unit_xyzw(quaternions))


def matrix_to_quaternion(matrix: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) to unit quaternions (..., 4), wxyz, with a real part of at least 0."""
    wxyz = _xyzw_to_wxyz(roma.rotmat_to_unitquat(matrix))
    return wxyz.where(wxyz[..., :1] >= 0, -wxyz)


def matrix_to_rotation_6d(matrix: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) to their first two rows, one after the other (..., 6)."""
    return matrix[..., :2, :].flatten(-2).clone()


def rotation_6d_to_matrix(d6: Tensor) -> Tensor:
    """Two rows one after the other (..., 6), made orthonormal by Gram-Schmidt, to rotation matrices (..., 3, 3)."""
    return roma.special_gramschmidt(d6.unflatten(-1, (2, 3)).transpose(-1, -2)).transpose(-1, -2)


def euler_angles_to_matrix(euler_angles: Tensor, convention: str) -> Tensor:
    """Intrinsic Euler angles (..., 3) in radians to rotation matrices (..., 3, 3).

    Args:
        euler_angles: One angle for each letter of the convention.
        convention: Three of X, Y and Z, neighbours different, such as `'XYZ'` or `'ZYZ'`.

    Raises:
        InputError: Any other convention.
    """
    _check_convention(convention)
    return roma.euler_to_rotmat(convention, euler_angles)


def matrix_to_euler_angles(matrix: Tensor, convention: str) -> Tensor:
    """Rotation matrices (..., 3, 3) to intrinsic Euler angles (..., 3) in radians.

    In gimbal lock, where only the sum or difference of the outer angles is determined, the third angle is 0.

    Raises:
        InputError: The convention is not one that `euler_angles_to_matrix` accepts.
    """
    _check_convention(convention)
    return roma.rotmat_to_euler(convention, matrix)


ROTATION_FUNCTIONS = {
    function.__name__: function
    for function in (
        axis_angle_to_matrix,
        axis_angle_to_quaternion,
        euler_angles_to_matrix,
        matrix_to_euler_angles,
        matrix_to_quaternion,
        matrix_to_rotation_6d,
        quaternion_to_axis_angle,
        quaternion_to_matrix,
        rotation_6d_to_matrix,
    )
}


def _xyzw_to_wxyz(quaternions: Tensor) -> Tensor:
    return quaternions.roll(1, dims=-1)


def _wxyz_to_unit_xyzw(quaternions: Tensor) -> Tensor:
    return roma.quat_normalize(quaternions.roll(-1, dims=-1))


def _check_convention(convention: str) -> None:
    neighbours_differ = all(a != b for a, b in zip(convention, convention[1:], strict=False))
    if len(convention) != 3 or not set(convention) <= set('XYZ') or not neighbours_differ:
        raise InputError(
            f'Euler convention {convention!r}: expected three of X, Y and Z in capitals, neighbours different'
        )
