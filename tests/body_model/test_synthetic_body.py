"""The synthetic body: one closed surface, usable skinning, exact regressors, and files that the loader takes."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import roma
import torch
import trimesh
from smplx.vertex_ids import vertex_ids

from glot_plugin.body_model import SMPLBody, load_mean_params
from glot_plugin.body_model.joint_sets import H36M14, LSP14, LSP14_NAMES, SMPL_PARENTS, SPIN49_NAMES
from glot_plugin.body_model.synthetic import anatomy, files, write_synthetic_body
from glot_plugin.body_model.synthetic.mesh import split_longest_edges, surface_net, triangulate
from glot_plugin.body_model.synthetic.regressors import joint_regressor
from glot_plugin.errors import InputError

NUM_JOINTS = 24


def closed_genus_0(vertices: np.ndarray, faces: np.ndarray) -> bool:
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    return mesh.is_watertight and mesh.is_winding_consistent and mesh.euler_number == 2 and mesh.body_count == 1


def sphere_net(cells: int) -> tuple[np.ndarray, np.ndarray]:
    line = np.linspace(-1.2, 1.2, cells)
    points = np.stack(np.meshgrid(line, line, line, indexing='ij'), -1)
    return surface_net(points, np.linalg.norm(points, axis=-1) - 1)


@pytest.fixture(scope='module')
def model(body_dir) -> dict[str, np.ndarray]:
    with open(body_dir / 'SMPL_NEUTRAL.pkl', 'rb') as file:
        return pickle.load(file)


@pytest.fixture(scope='module')
def regressors(body_dir) -> dict[str, np.ndarray]:
    return {name: np.load(body_dir / f'J_regressor_{name}.npy') for name in ('extra', 'h36m')}


def test_surface_net_of_a_sphere_is_closed_and_round():
    vertices, quads = sphere_net(24)
    faces = triangulate(vertices, quads)
    assert closed_genus_0(vertices, faces)
    volume = trimesh.Trimesh(vertices, faces, process=False).volume
    assert volume == pytest.approx(4 / 3 * np.pi, rel=0.02)  # positive: normals point outwards


def test_splitting_edges_reaches_the_number_and_keeps_the_surface_closed():
    vertices, quads = sphere_net(8)
    faces = triangulate(vertices, quads)
    wanted = len(vertices) + 37
    split_vertices, split_faces = split_longest_edges(vertices, faces, wanted)
    assert len(split_vertices) == wanted
    assert len(split_faces) == 2 * wanted - 4
    assert closed_genus_0(split_vertices, split_faces)
    before, after = (
        trimesh.Trimesh(*mesh, process=False) for mesh in ((vertices, faces), (split_vertices, split_faces))
    )
    assert after.volume == pytest.approx(before.volume)


def test_arrays_have_smpl_names_shapes_and_conventions(model):
    shapes = {name: value.shape for name, value in model.items() if isinstance(value, np.ndarray)}
    assert shapes == {
        'v_template': (6890, 3),
        'f': (13776, 3),
        'shapedirs': (6890, 3, 10),
        'posedirs': (6890, 3, 207),
        'J_regressor': (24, 6890),
        'weights': (6890, 24),
        'kintree_table': (2, 24),
        'J': (24, 3),
    }
    assert (model['bs_style'], model['bs_type']) == ('lbs', 'lrotmin')
    assert model['f'].dtype == np.uint32
    assert model['kintree_table'][0, 0] == 2**32 - 1
    np.testing.assert_array_equal(model['kintree_table'][0, 1:], SMPL_PARENTS[1:])


@pytest.mark.parametrize('gender', ['NEUTRAL', 'MALE', 'FEMALE'])
def test_mesh_is_one_closed_surface_of_a_grown_up(body_dir, gender):
    with open(body_dir / f'SMPL_{gender}.pkl', 'rb') as file:
        model = pickle.load(file)
    assert closed_genus_0(model['v_template'], model['f'].astype(np.int64))
    mesh = trimesh.Trimesh(model['v_template'], model['f'].astype(np.int64), process=False)
    assert 0.045 < mesh.volume < 0.09  # cubic metres, so about as many tonnes
    assert mesh.area_faces.min() > 1e-7
    height = np.ptp(model['v_template'][:, 1])
    assert height == pytest.approx({'NEUTRAL': 1.72, 'MALE': 1.78, 'FEMALE': 1.66}[gender], abs=0.03)


def test_left_and_right_mirror_each_other(model):
    vertices = model['v_template']
    assert np.ptp(vertices[:, 0]) == pytest.approx(1.75, abs=0.05)  # arm span
    assert vertices[:, 0].max() == pytest.approx(-vertices[:, 0].min(), abs=0.01)
    left_toe, right_toe = vertices[vertex_ids['smplh']['LBigToe']], vertices[vertex_ids['smplh']['RBigToe']]
    np.testing.assert_allclose(left_toe, right_toe * (-1, 1, 1), atol=0.02)
    assert left_toe[0] > 0  # the left side at +x
    assert left_toe[2] > vertices[vertex_ids['smplh']['LHeel'], 2] + 0.15  # feet point to +z


def test_picked_vertices_lie_where_their_names_say(model):
    for name, point in anatomy.landmarks().items():
        vertex = model['v_template'][vertex_ids['smplh'][name]]
        assert np.linalg.norm(vertex - point) < 0.02, name


def test_skinning_weights_are_shares_of_neighbouring_bones(model):
    weights = model['weights']
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-12)
    assert weights.min() >= 0
    assert (weights > 0).sum(1).max() <= 4
    assert (weights.sum(0) > 0).all()  # every bone moves something
    distance = np.linalg.norm(model['v_template'][:, None] - model['J'], axis=-1)
    assert distance[weights > 0.02].max() < 0.5  # the longest bone and the flesh at its end
    jump = np.abs(weights[model['f'][:, 0]] - weights[model['f'][:, 1]]).sum(1)
    assert jump.max() < 0.8  # no edge along which the skin tears


def test_regressors_are_sparse_means_that_hit_their_joints(model, regressors):
    targets = {
        'joints': (model['J_regressor'], anatomy.rest_joints()),
        'extra': (regressors['extra'], anatomy.extra_joints()),
        'h36m': (regressors['h36m'], anatomy.h36m_joints()),
    }
    for name, (regressor, joints) in targets.items():
        np.testing.assert_allclose(regressor @ model['v_template'], joints, atol=1e-9, err_msg=name)
        np.testing.assert_allclose(regressor.sum(1), 1, atol=1e-9)
        assert regressor.min() >= 0
        assert (regressor > 0).sum(1).max() <= 200


def test_regressor_of_a_joint_outside_the_body_fails(model):
    with pytest.raises(ValueError, match='outside the body'):
        joint_regressor(model['v_template'], np.array([[0.0, 3.0, 0.0]]))


def test_both_regressors_name_the_same_joints(body):
    """LSP joints from the 49 and the 14 of the H36M rows: the same names in the same places, within centimetres."""
    rest = torch.eye(3).expand(1, NUM_JOINTS, 3, 3)
    spin49, h36m14 = (body.joints(rest, torch.zeros(1, 10), name)[0].numpy() for name in ('spin49', 'h36m14'))
    assert len(H36M14) == len(LSP14)
    distance = np.linalg.norm(spin49[list(LSP14)] - h36m14, axis=-1)
    assert distance.max() < 0.035, LSP14_NAMES[int(distance.argmax())]


def test_joints_of_the_49_are_on_their_sides_and_in_their_order_of_height(body):
    rest = torch.eye(3).expand(1, NUM_JOINTS, 3, 3)
    joints = body.joints(rest, torch.zeros(1, 10), 'spin49')[0].numpy()
    for name, joint in zip(SPIN49_NAMES, joints, strict=True):
        if name.startswith('left_'):
            assert joint[0] > 0.015, name
        elif name.startswith('right_'):
            assert joint[0] < -0.015, name
    height = dict(zip(SPIN49_NAMES, joints[:, 1], strict=True))
    upwards = ['left_ankle', 'left_knee', 'left_hip_extra', 'spine_extra', 'thorax_extra', 'jaw_extra', 'headtop']
    assert [height[name] for name in upwards] == sorted(height[name] for name in upwards)


def test_shape_directions_do_what_their_names_say(body):
    rest = torch.eye(3).expand(11, NUM_JOINTS, 3, 3)
    vertices = body.vertices(rest, torch.cat([torch.zeros(1, 10), torch.eye(10)])).numpy()
    height, span = np.ptp(vertices[..., 1], axis=1), np.ptp(vertices[..., 0], axis=1)
    size, girth, leg_length, arm_length = 1, 2, 3, 4
    assert height[size] - height[0] == pytest.approx(0.025 * 1.72, abs=0.003)
    assert height[girth] == pytest.approx(height[0], abs=0.005)
    assert height[leg_length] > height[0] + 0.005
    assert span[arm_length] > span[0] + 0.015
    movement = np.linalg.norm(vertices[1:] - vertices[0], axis=-1)  # (10, V)
    assert movement.max() < 0.05
    assert (movement.max(1) > 0.002).all()
    assert movement[0].mean() > movement[1:].mean(1).max()  # the first moves most, as in SMPL


def test_shapes_and_poses_do_not_tear_the_surface(body, model):
    """Extreme shapes in bent poses: no edge stretches beyond a few times its length at rest."""
    rng = np.random.default_rng(0)
    betas = torch.tensor(rng.choice((-2.5, 2.5), (8, 10))).float()
    rotvec = torch.tensor(rng.uniform(-0.7, 0.7, (8, NUM_JOINTS, 3))).float()
    rotvec[:, 4:6] = torch.tensor([1.6, 0.0, 0.0])  # knees
    rotvec[:, 1:3] = torch.tensor([-1.3, 0.0, 0.0])  # hips
    vertices = body.vertices(roma.rotvec_to_rotmat(rotvec), betas).numpy()
    start, end = model['f'][:, 0], model['f'][:, 1]
    length = np.linalg.norm(vertices[:, start] - vertices[:, end], axis=-1)
    rest = np.linalg.norm(model['v_template'][start] - model['v_template'][end], axis=-1)
    assert np.quantile(length / rest, 0.999) < 3
    assert length.max() < 0.12


def test_pose_correctives_vanish_at_rest_and_stay_within_a_centimetre(body):
    rotvec = torch.zeros(1, NUM_JOINTS, 3)
    rotvec[0, 18, 1] = -2.0  # left elbow
    bent = roma.rotvec_to_rotmat(rotvec)
    features = (bent[:, 1:] - torch.eye(3)).flatten(1)
    offsets = (features @ body.posedirs).view(-1, 3).norm(dim=-1)
    assert 0.003 < offsets.max() <= 0.0105
    elbow = body.joint_regressor[18] @ body.v_template
    assert (body.v_template[offsets > 0.001] - elbow).norm(dim=-1).max() < 0.15


def test_mean_parameters_are_a_relaxed_person_seen_by_the_camera(body_dir, body):
    with np.load(body_dir / 'smpl_mean_params.npz') as file:
        assert {name: (value.shape, value.dtype) for name, value in file.items()} == {
            'pose': ((144,), np.float32),
            'shape': ((10,), np.float32),
            'cam': ((3,), np.float32),
        }
    mean = load_mean_params(body_dir)
    rotmat = roma.special_gramschmidt(torch.as_tensor(mean.pose6d).float().view(NUM_JOINTS, 3, 2))
    torch.testing.assert_close(rotmat[0], torch.diag(torch.tensor([1.0, -1.0, -1.0])), atol=1e-6, rtol=0)
    joints = body.joints(rotmat[None], torch.zeros(1, 10), 'smpl24')[0]
    assert joints[15, 1] < joints[0, 1] < joints[7, 1]  # y down: head above pelvis above ankle
    assert joints[20, 1] > joints[16, 1] + 0.2  # the arms hang, half lowered
    np.testing.assert_allclose(mean.camera, [0.9, 0, 0], atol=1e-7)


def test_genders_differ_in_proportion(body_dir):
    shoulders, hips = {}, {}
    for gender in ('male', 'female'):
        body = SMPLBody(body_dir, gender)
        joints = body.joint_regressor @ body.v_template
        shoulders[gender] = float(joints[16, 0] - joints[17, 0])
        hips[gender] = float(joints[1, 0] - joints[2, 0])
    assert shoulders['male'] > shoulders['female'] + 0.03
    assert hips['female'] / shoulders['female'] > hips['male'] / shoulders['male'] + 0.05


@pytest.fixture
def written(body_dir, tmp_path) -> Path:
    """A copy of the synthetic body that a test may change."""
    for name in (*files.FILES, files.MARKER):
        (tmp_path / name).write_bytes((body_dir / name).read_bytes())
    return tmp_path


def test_a_complete_body_is_kept(written):
    before = {path.name: path.stat().st_mtime_ns for path in written.iterdir()}
    write_synthetic_body(written)
    assert {path.name: path.stat().st_mtime_ns for path in written.iterdir()} == before


def test_an_interrupted_body_is_written_again_with_the_same_bytes(written, body_dir):
    (written / 'SMPL_MALE.pkl').unlink()
    marker = json.loads((written / files.MARKER).read_text())
    (written / files.MARKER).write_text(json.dumps(marker | {'complete': False}))
    write_synthetic_body(written)
    for name in (*files.FILES, files.MARKER):
        assert (written / name).read_bytes() == (body_dir / name).read_bytes(), name
    assert json.loads((written / files.MARKER).read_text())['complete'] is True
    assert sorted(path.name for path in written.iterdir()) == sorted((*files.FILES, files.MARKER))  # nothing left over


def test_another_seed_gives_other_correctives_and_replaces_a_body_of_ours(written, body_dir):
    write_synthetic_body(written, seed=1)
    assert (written / 'SMPL_NEUTRAL.pkl').read_bytes() != (body_dir / 'SMPL_NEUTRAL.pkl').read_bytes()


def test_licensed_files_are_never_overwritten(tmp_path, written):
    licensed = tmp_path / 'licensed'
    licensed.mkdir()
    (licensed / 'SMPL_NEUTRAL.pkl').write_bytes(b'licensed')
    with pytest.raises(InputError, match='SMPL_NEUTRAL.pkl: not written by the generator'):
        write_synthetic_body(licensed)
    (written / 'SMPL_NEUTRAL.pkl').write_bytes(b'licensed')
    write_synthetic_body(written)  # complete and of this seed: the user's file stays
    with pytest.raises(InputError, match='SMPL_NEUTRAL.pkl: not written by the generator'):
        write_synthetic_body(written, seed=1)
    assert (written / 'SMPL_NEUTRAL.pkl').read_bytes() == (licensed / 'SMPL_NEUTRAL.pkl').read_bytes() == b'licensed'
    assert (written / 'SMPL_MALE.pkl').exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(InputError, match='file/body.*cannot be written'):
        write_synthetic_body(tmp_path / 'file' / 'body')
