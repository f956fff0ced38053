"""BVH, read back by pybvh."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from glot_plugin.body_model.joint_sets import SMPL24_NAMES, SMPL_PARENTS
from glot_plugin.export.bvh import write_bvh
from glot_plugin.export.motion import CAMERA_TO_Y_UP, evenly_timed, person_motion

pybvh = pytest.importorskip('pybvh')


@pytest.fixture(scope='module', params=[0, 1])
def written(request, clip, body, tmp_path_factory):
    track = clip.people[request.param]
    path = write_bvh(clip, track, body, tmp_path_factory.mktemp('bvh') / 'person.bvh')
    return track, pybvh.read_bvh_file(path, world_up='+y')


def test_hierarchy_is_smpls_rest_pose(written, body):
    track, file = written
    assert sorted(file.joint_names) == sorted(SMPL24_NAMES)
    rest = body.joints(torch.eye(3).expand(24, 3, 3), torch.from_numpy(track.betas.mean(axis=0)), 'smpl24').numpy()
    nodes = {node.name: node for node in file.nodes}
    for joint, parent in enumerate(SMPL_PARENTS):
        node = nodes[SMPL24_NAMES[joint]]
        if parent < 0:
            assert node.offset.tolist() == [0, 0, 0]
        else:
            assert node.parent.name == SMPL24_NAMES[parent]
            np.testing.assert_allclose(node.offset, rest[joint] - rest[parent], atol=1e-5)


def test_rotations_come_back_to_a_tenth_of_a_degree(written, clip, body):
    track, file = written
    assert file.frame_count == clip.num_frames
    assert file.frame_time == pytest.approx(1 / clip.fps)
    expected = evenly_timed(person_motion(track, body, CAMERA_TO_Y_UP), clip).rotmat
    _, rotmat = file.to_rotmat()
    for joint, name in enumerate(SMPL24_NAMES):
        found = rotmat[:, file.joint_index[name]]
        turn = Rotation.from_matrix(found.swapaxes(1, 2) @ expected[:, joint]).magnitude()
        assert np.degrees(turn).max() < 0.1


def test_joints_stand_where_the_models_do(written, body):
    track, file = written
    joints = body.joints(torch.from_numpy(track.rotmat), torch.from_numpy(track.betas), 'smpl24').numpy()
    expected = (joints + track.translation[:, None]) * [1, -1, -1]
    positions = file.node_positions()[track.frame]
    for joint, name in enumerate(SMPL24_NAMES):
        np.testing.assert_allclose(positions[:, file.node_index[name]], expected[:, joint], atol=1e-3)


def test_angles_go_past_180_degrees_without_a_jump(clip, body, tmp_path):
    """Three turns about the vertical axis, which programs interpolate from frame to frame."""
    turns = Rotation.from_rotvec(np.linspace(0, 6 * np.pi, 40)[:, None] * [0, 1, 0]).as_matrix().astype(np.float32)
    track = clip.people[0]
    rows = {name: np.repeat(value[:1], 40, axis=0) for name, value in vars(track).items() if name != 'person'}
    rows |= {'frame': np.arange(40), 'rotmat': np.tile(np.eye(3, dtype=np.float32), (40, 24, 1, 1))}
    rows['rotmat'][:, 0] = turns
    track = dataclasses.replace(track, **rows)
    result = dataclasses.replace(clip, times=np.arange(40) / clip.fps, people=(track,))
    file = pybvh.read_bvh_file(write_bvh(result, track, body, tmp_path / 'a.bvh'), world_up='+y')
    angles = np.degrees(file.joint_angles[:, file.joint_index['pelvis']])
    assert np.abs(np.diff(angles, axis=0)).max() < 40
