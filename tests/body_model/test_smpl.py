import numpy as np
import pytest
import roma
import smplx
import torch
from smplx.utils import Struct

from glot_plugin.body_model import SMPLBody, camera_to_translation, load_mean_params, load_smpl, project
from glot_plugin.body_model.joint_sets import H36M14, MPI17, MPI17_ROOT, SPIN49_NAMES, SPIN49_OF_54
from glot_plugin.body_model.smpl_files import load_joint_regressor
from glot_plugin.errors import InputError


@pytest.fixture(scope='module')
def bodies():
    """Rotations (2, 3, 24, 3, 3) and betas (2, 3, 10)."""
    generator = torch.Generator().manual_seed(0)
    pose = 0.5 * torch.randn(2, 3, 24, 3, generator=generator)
    return roma.rotvec_to_rotmat(pose), torch.randn(2, 3, 10, generator=generator)


@pytest.fixture(scope='module')
def reference(body_dir):
    """smplx's own SMPL from the same file."""
    arrays = load_smpl(body_dir / 'SMPL_NEUTRAL.pkl')
    parents = np.stack([np.where(arrays.parents < 0, 2**32 - 1, arrays.parents), np.arange(24)])
    struct = Struct(
        v_template=arrays.v_template, shapedirs=arrays.shapedirs, posedirs=arrays.posedirs, weights=arrays.weights,
        J_regressor=arrays.joint_regressor, kintree_table=parents, f=arrays.faces,
    )  # fmt: skip
    return smplx.SMPL(model_path='', data_struct=struct, batch_size=6, create_transl=False)


def test_equals_smplx(body, reference, bodies, body_dir):
    rotmat, betas = (x.flatten(0, 1) for x in bodies)
    out = reference(global_orient=rotmat[:, :1], body_pose=rotmat[:, 1:], betas=betas, pose2rot=False)
    torch.testing.assert_close(body.vertices(rotmat, betas), out.vertices, atol=1e-5, rtol=0)
    torch.testing.assert_close(body.joints(rotmat, betas, 'smpl24'), out.joints[:, :24], atol=1e-5, rtol=0)
    extra = torch.from_numpy(np.load(body_dir / 'J_regressor_extra.npy')).float() @ out.vertices
    expected = torch.cat([out.joints, extra], dim=1)[:, SPIN49_OF_54]
    torch.testing.assert_close(body.joints(rotmat, betas), expected, atol=1e-5, rtol=0)


def test_joint_sets_equal_regression_from_the_mesh(body, bodies, body_dir):
    vertices = body.vertices(*bodies)
    h36m = torch.from_numpy(np.load(body_dir / 'J_regressor_h36m.npy')).float() @ vertices
    torch.testing.assert_close(body.joints(*bodies, 'h36m17'), h36m, atol=1e-5, rtol=0)
    torch.testing.assert_close(body.joints(*bodies, 'h36m14'), h36m[..., H36M14, :], atol=1e-5, rtol=0)
    torch.testing.assert_close(body.joints(*bodies, 'mpi17'), body.joints(*bodies)[..., MPI17, :])


def test_gradients_equal_those_through_the_mesh(body, bodies, body_dir):
    regressor = torch.from_numpy(np.load(body_dir / 'J_regressor_h36m.npy')).float()
    gradients = []
    for function in (lambda r, b: body.joints(r, b, 'h36m17'), lambda r, b: regressor @ body.vertices(r, b)):
        rotmat, betas = (x.clone().requires_grad_() for x in bodies)
        function(rotmat, betas).square().sum().backward()
        gradients.append((rotmat.grad, betas.grad))
    for ours, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)


def test_nothing_of_the_files_enters_checkpoints(body):
    assert body.state_dict() == {}


def test_no_body_at_all(body):
    """A stream's first pushes complete none."""
    nobody = torch.zeros(0, 24, 3, 3), torch.zeros(0, 10)
    for joint_set, number in {'smpl24': 24, 'spin49': 49, 'h36m17': 17, 'h36m14': 14, 'mpi17': 17}.items():
        assert body.joints(*nobody, joint_set).shape == (0, number, 3)
    assert body.vertices(*nobody).shape == (0, 6890, 3)


def test_unknown_joint_set(body, bodies):
    with pytest.raises(InputError, match="joint set 'coco'"):
        body.joints(*bodies, 'coco')


def test_named_joints():
    assert SPIN49_NAMES[25] == 'right_ankle'
    assert SPIN49_NAMES[38] == 'headtop'
    assert len(set(SPIN49_NAMES)) == 49
    assert SPIN49_NAMES[MPI17[MPI17_ROOT[0]]] == 'pelvis_extra'


def test_camera():
    """A point at the origin under s = 1, tx = 0.1: 5000 * 0.1 / (2 * 5000 / 224) / 112 = 0.1."""
    camera = torch.tensor([1.0, 0.1, -0.2])
    torch.testing.assert_close(camera_to_translation(camera), torch.tensor([0.1, -0.2, 10000 / 224]))
    torch.testing.assert_close(project(torch.zeros(1, 3), camera), torch.tensor([[0.1, -0.2]]), atol=1e-6, rtol=0)
    # Half a metre off the axis, twice the scale: 1 in the crop (the subject is far away, perspective is slight).
    near = project(torch.tensor([[0.5, 0.0, 0.0]]), torch.tensor([2.0, 0.0, 0.0]))
    torch.testing.assert_close(near, torch.tensor([[1.0, 0.0]]), atol=1e-6, rtol=0)


def test_npz_is_read_too(body_dir, tmp_path, body, bodies):
    import pickle
    import shutil

    with open(body_dir / 'SMPL_NEUTRAL.pkl', 'rb') as file:
        arrays = pickle.load(file)  # our own file
    dense = {k: v.toarray() if hasattr(v, 'toarray') else v for k, v in arrays.items()}
    np.savez(tmp_path / 'SMPL_NEUTRAL.npz', **dense)
    for name in ('J_regressor_extra.npy', 'J_regressor_h36m.npy'):
        shutil.copy(body_dir / name, tmp_path)
    torch.testing.assert_close(SMPLBody(tmp_path).vertices(*bodies), body.vertices(*bodies))


def test_mmhuman3d_layout(body_dir, tmp_path, body, bodies):
    """The model in a folder `smpl`, the regressors beside it."""
    import shutil

    (tmp_path / 'smpl').mkdir()
    shutil.copy(body_dir / 'SMPL_NEUTRAL.pkl', tmp_path / 'smpl')
    for name in ('J_regressor_extra.npy', 'J_regressor_h36m.npy'):
        shutil.copy(body_dir / name, tmp_path)
    torch.testing.assert_close(SMPLBody(tmp_path).joints(*bodies), body.joints(*bodies))


def test_missing_files_and_arrays(body_dir, tmp_path):
    with pytest.raises(InputError, match=r'no SMPL_NEUTRAL.pkl .*--body-models DIR'):
        SMPLBody(tmp_path)
    with pytest.raises(InputError, match="gender 'unknown'"):
        SMPLBody(body_dir, gender='unknown')
    np.savez(tmp_path / 'SMPL_NEUTRAL.npz', v_template=np.zeros((6890, 3)), weights=np.zeros((6890, 24)))
    with pytest.raises(InputError, match=r'SMPL_NEUTRAL.npz: not an SMPL model: no shapedirs, posedirs, J_regressor'):
        SMPLBody(tmp_path)
    whole = (body_dir / 'SMPL_NEUTRAL.pkl').read_bytes()
    (tmp_path / 'SMPL_NEUTRAL.pkl').write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r'SMPL_NEUTRAL.pkl: not a valid pickle'):
        SMPLBody(tmp_path)


@pytest.mark.parametrize(
    ('key', 'place', 'value', 'message'),
    [
        ('v_template', (5, 1), np.nan, 'v_template has NaN or infinite values'),
        ('weights', (0, 0), np.inf, 'weights has NaN or infinite values'),
        ('f', (3, 0), 6890, 'f names vertices 0 to 6890, expected 0 to 6889'),
        ('kintree_table', (0, 4), 9, 'kintree_table: the parent of joint 4 is 9, expected a joint before it'),
        ('kintree_table', (0, 7), -1, 'kintree_table: the parent of joint 7 is -1'),
    ],
)
def test_values_that_no_body_has(body_dir, tmp_path, key, place, value, message):
    arrays = load_smpl(body_dir / 'SMPL_NEUTRAL.pkl')
    raw = {
        'v_template': arrays.v_template, 'shapedirs': arrays.shapedirs, 'posedirs': arrays.posedirs,
        'weights': arrays.weights, 'J_regressor': arrays.joint_regressor, 'f': arrays.faces,
        'kintree_table': np.stack([arrays.parents, np.arange(24)]),
    }  # fmt: skip
    np.savez(tmp_path / 'whole.npz', **raw)
    load_smpl(tmp_path / 'whole.npz')
    raw[key][place] = value
    np.savez(tmp_path / 'broken.npz', **raw)
    with pytest.raises(InputError, match=f'broken.npz: {message}'):
        load_smpl(tmp_path / 'broken.npz')


def test_joint_regressor_with_nan(tmp_path):
    np.save(tmp_path / 'J_regressor_h36m.npy', np.full((17, 6890), np.nan))
    with pytest.raises(InputError, match=r'J_regressor_h36m.npy has NaN'):
        load_joint_regressor(tmp_path / 'J_regressor_h36m.npy', 17)


def test_mean_params(body_dir, tmp_path):
    mean = load_mean_params(body_dir)
    assert (mean.pose6d.shape, mean.betas.shape, mean.camera.shape) == ((144,), (10,), (3,))
    np.savez(tmp_path / 'smpl_mean_params.npz', pose=np.zeros(72), shape=np.zeros(10), cam=np.zeros(3))
    with pytest.raises(InputError, match=r'pose is float64 \(72,\), expected numbers, 144'):
        load_mean_params(tmp_path)
    with pytest.raises(InputError, match='no such file'):
        load_mean_params(tmp_path / 'absent.npz')
