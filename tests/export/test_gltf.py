"""The .glb of a clip, computed from the file alone: joints, skin, times, gaps; and what the Khronos validator says."""

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from glb_file import GlbFile

from glot_plugin.body_model.joint_sets import SMPL24_NAMES
from glot_plugin.errors import InputError
from glot_plugin.export.gltf import strongest_weights, write_glb

Y_UP = np.diag([1, -1, -1])


@pytest.fixture(scope='module')
def glb(clip, body, tmp_path_factory) -> GlbFile:
    return GlbFile(write_glb(clip, body, tmp_path_factory.mktemp('glb') / 'people.glb'))


def model_joints(track, body) -> np.ndarray:
    joints = body.joints(torch.from_numpy(track.rotmat), torch.from_numpy(track.betas), 'smpl24').numpy()
    return (joints + track.translation[:, None]) @ Y_UP


def test_joints_are_the_models(clip, body, glb):
    for track in clip.people:
        expected = model_joints(track, body)
        for row, frame in enumerate(track.frame):
            found = glb.joints(f'person_{track.person}', clip.times[frame] - clip.times[0])
            np.testing.assert_allclose(found[:, :3, 3], expected[row], atol=1e-4)  # 0.1 mm
            assert np.allclose(np.linalg.det(found[:, :3, :3]), 1, atol=1e-4)


def test_vertices_are_linear_blends(clip, body, glb):
    """Against smplx's skinning without pose correctives and with all weights of a vertex."""
    from smplx.lbs import lbs

    for track in clip.people:
        rotmat, betas = torch.from_numpy(track.rotmat), torch.from_numpy(track.betas)
        posedirs = torch.zeros_like(body.posedirs)
        blended, _ = lbs(
            betas, rotmat, body.v_template, body.shapedirs, posedirs, body.joint_regressor, torch.tensor(body.parents),
            body.skinning_weights, pose2rot=False,
        )  # fmt: skip
        expected = (blended.numpy() + track.translation[:, None]) @ Y_UP
        lost = 1 - np.sort(body.skinning_weights.numpy(), axis=1)[:, -4:].sum(axis=1)
        for row in (0, len(track) - 1):
            found = glb.vertices(f'person_{track.person}', clip.times[track.frame[row]] - clip.times[0])
            distance = np.linalg.norm(found - expected[row], axis=1)
            assert distance[lost < 1e-6].max() < 1e-3
            assert (distance <= 1e-3 + 2 * lost).all()  # what the weights left out can move


def test_rest_pose_and_shape(clip, body, glb):
    for track in clip.people:
        node = glb.skinned_nodes()[f'person_{track.person}']
        skin, mesh = glb.json['skins'][node['skin']], glb.json['meshes'][node['mesh']]
        assert [glb.json['nodes'][joint]['name'] for joint in skin['joints']] == list(SMPL24_NAMES)
        rest, betas = torch.eye(3).expand(24, 3, 3), torch.from_numpy(track.betas.mean(axis=0))
        bind = np.linalg.inv(glb.accessor(skin['inverseBindMatrices']))
        np.testing.assert_allclose(bind[:, :3, 3], body.joints(rest, betas, 'smpl24').numpy(), atol=1e-5)
        position = glb.accessor(mesh['primitives'][0]['attributes']['POSITION'])
        np.testing.assert_allclose(position, body.vertices(rest, betas).numpy(), atol=1e-5)


def test_normals_point_out_and_bend_smoothly(glb):
    (node, *_) = glb.skinned_nodes().values()
    (primitive,) = glb.json['meshes'][node['mesh']]['primitives']
    position, normal = (glb.accessor(primitive['attributes'][name]) for name in ('POSITION', 'NORMAL'))
    triangles = position[glb.accessor(primitive['indices']).reshape(-1, 3)].astype(np.float64)
    volume = np.einsum('ti,ti->t', triangles[:, 0], np.cross(triangles[:, 1], triangles[:, 2])).sum() / 6
    assert 0.03 < volume < 0.2  # cubic metres of a person whose faces point out
    np.testing.assert_allclose(np.linalg.norm(normal, axis=1), 1, atol=1e-5)
    faces = glb.accessor(primitive['indices']).reshape(-1, 3)
    flat = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    assert (np.einsum('ti,tki->tk', flat, normal[faces]) > 0).mean() > 0.95


def test_people_are_hidden_where_they_were_not_seen(clip, glb):
    for track in clip.people:
        times = clip.times - clip.times[0]
        shown = [np.linalg.det(glb_root(glb, track.person, time)) > 0.5 for time in times]
        assert shown == np.isin(np.arange(len(times)), track.frame).tolist()


def glb_root(glb: GlbFile, person: int, time: float) -> np.ndarray:
    """The scale of a person's root at any time, as a diagonal matrix."""
    skin = glb.json['skins'][glb.skinned_nodes()[f'person_{person}']['skin']]
    times, values, interpolation = glb.channels()[skin['joints'][0], 'scale']
    assert interpolation == 'STEP'
    return np.diag(values[np.searchsorted(times, time + 1e-4, side='right') - 1])


def test_times_are_the_clips(clip, glb):
    lengths = [times[-1] for times, _, _ in glb.channels().values()]
    assert max(lengths) == pytest.approx(clip.times[-1] - clip.times[0])
    assert min(times[0] for times, _, _ in glb.channels().values()) == 0
    skin = glb.json['skins'][glb.skinned_nodes()['person_2']['skin']]
    times, values, _ = glb.channels()[skin['joints'][5], 'rotation']
    np.testing.assert_allclose(times, np.array([2, 3, 4, 5, 6]) / clip.fps, atol=1e-6)
    assert (np.einsum('ni,ni->n', values[1:], values[:-1]) > 0).all()  # no quaternion flips its sign


def test_without_playing_people_stand_in_their_first_pose(clip, body, glb):
    for track in clip.people:
        found = glb.joints(f'person_{track.person}', None)[:, :3, 3]
        np.testing.assert_allclose(found, model_joints(track, body)[0], atol=1e-4)


def test_every_skeleton_has_a_parent_of_its_own(glb):
    """Otherwise Blender makes one armature of all of them."""
    roots = [skin['joints'][0] for skin in glb.json['skins']]
    parents = [glb.json['nodes'][glb.parents[root]]['name'] for root in roots]
    assert parents == ['person_0_skeleton', 'person_2_skeleton']
    assert not any(glb.parents[root] in glb.parents for root in roots)


def test_people_have_colours_of_their_own(glb):
    colours = [tuple(material['pbrMetallicRoughness']['baseColorFactor']) for material in glb.json['materials']]
    assert len(set(colours)) == 2


def test_four_strongest_weights():
    weights = np.zeros((2, 24), np.float32)
    weights[0, [3, 5, 7, 9, 11]] = [0.1, 0.3, 0.2, 0.35, 0.05]
    weights[1, 23] = 1
    joints, strongest = strongest_weights(weights)
    assert joints.tolist() == [[9, 5, 7, 3], [23, 0, 0, 0]]
    np.testing.assert_allclose(strongest, [[0.35 / 0.95, 0.3 / 0.95, 0.2 / 0.95, 0.1 / 0.95], [1, 0, 0, 0]], rtol=1e-6)


def test_khronos_validator(clip, body, tmp_path):
    """No error and no warning, of the clip and of the least there can be: one person in one frame."""
    modules = Path(sys.prefix) / 'node' / 'node_modules'
    if shutil.which('node') is None:
        pytest.skip('needs node')
    if not (modules / 'gltf-validator').is_dir():
        pytest.skip(f'no gltf-validator in {modules}; `make {modules.parent}` installs it, with npm and a network')
    track = clip.people[1]
    rows = {name: value[:1] for name, value in vars(track).items() if name != 'person'}
    still = dataclasses.replace(clip, people=(dataclasses.replace(track, **rows),))
    for name, result in {'clip': clip, 'still': still}.items():
        path = write_glb(result, body, tmp_path / f'{name}.glb')
        script = Path(__file__).with_name('validate_gltf.js')
        output = subprocess.run(['node', script, modules, path], capture_output=True, text=True, check=True, timeout=60)
        report = json.loads(output.stdout)
        issues = report['issues']
        assert (issues['numErrors'], issues['numWarnings']) == (0, 0), issues['messages']
        assert report['info']['hasSkins']
        assert report['info']['animationCount'] == 1


def test_bad_input(clip, body, tmp_path):
    with pytest.raises(InputError, match=r'clip.mp4: nobody is in it'):
        write_glb(dataclasses.replace(clip, people=()), body, tmp_path / 'a.glb')
    times = clip.times.copy()
    times[3] = times[2]
    with pytest.raises(InputError, match=r'times of clip.mp4: expected finite seconds that rise'):
        write_glb(dataclasses.replace(clip, times=times), body, tmp_path / 'a.glb')
    assert list(tmp_path.iterdir()) == []
