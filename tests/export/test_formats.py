"""A result in several formats at once, by function and by `tools/export.py`."""

import dataclasses
import sys

import pytest

from glot_plugin.errors import InputError
from glot_plugin.export import FORMATS, ExportOptions, export_result
from glot_plugin.video import write_result


def test_all_formats(clip, body, tmp_path):
    told = []
    paths = export_result(clip, body, FORMATS, tmp_path, notify=told.append)
    assert told == paths
    assert {path.name for path in paths} == {path.name for path in tmp_path.iterdir()}
    assert sorted(path.name for path in paths) == [
        'frame_000003.obj',
        'frame_000003.ply',
        'human_data.npz',
        'people.glb',
        'person_0.bvh',
        'person_0_amass.npz',
        'person_2.bvh',
        'person_2_amass.npz',
    ]


def test_chosen_people_and_frames(clip, body, tmp_path):
    options = ExportOptions(people=[2], frames=[5, 4])
    paths = export_result(clip, body, ['bvh', 'ply'], tmp_path, options)
    assert [path.name for path in paths] == ['person_2.bvh', 'frame_000005.ply', 'frame_000004.ply']


@pytest.mark.parametrize(
    ('formats', 'options', 'message'),
    [
        (['fbx'], {}, "export format 'fbx': expected some of glb, bvh, amass, human-data, obj, ply"),
        (['glb'], {'people': [1]}, '--people 1: no such person; found 0, 2'),
        (['ply'], {'frames': [3, 10]}, r'--frames 10: nobody is in that frame \(the clip has frames 0 to 9\)'),
        (['ply'], {'people': [2], 'frames': [0]}, '--frames 0: nobody is in that frame'),
    ],
)
def test_bad_choices_write_nothing(clip, body, tmp_path, formats, options, message):
    with pytest.raises(InputError, match=message):
        export_result(clip, body, formats, tmp_path / 'out', ExportOptions(**options))
    assert not (tmp_path / 'out').exists()


def test_nobody(clip, body, tmp_path):
    with pytest.raises(InputError, match=r'clip.mp4: nobody is in it, so there is nothing to export'):
        export_result(dataclasses.replace(clip, people=()), body, ['glb'], tmp_path)


def test_times_that_do_not_fit(clip, body, tmp_path):
    with pytest.raises(InputError, match=r'clip.mp4: person 0 is in frame 9, expected frames below 7'):
        export_result(dataclasses.replace(clip, times=clip.times[:7]), body, ['glb'], tmp_path)
    with pytest.raises(InputError, match=r'fps of clip.mp4 is 0.0, expected frames per second above 0'):
        export_result(dataclasses.replace(clip, fps=0.0), body, ['bvh'], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_a_body(clip, tmp_path):
    assert len(export_result(clip, None, ['human-data'], tmp_path)) == 1
    with pytest.raises(InputError, match='export to glb needs the body-model files'):
        export_result(clip, None, ['glb'], tmp_path)


def test_a_package_that_is_missing(clip, body, tmp_path, monkeypatch):
    for name in ('glot_plugin.export.gltf', 'glot_plugin.export.gltf_buffers'):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, 'pygltflib', None)
    with pytest.raises(InputError, match=r'glTF needs pygltflib; install it with: pip install "glot_plugin\[export\]"'):
        export_result(clip, body, ['glb'], tmp_path)
    monkeypatch.setitem(sys.modules, 'trimesh', None)
    with pytest.raises(InputError, match='meshes need trimesh'):
        export_result(clip, body, ['ply'], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_tool(run_tool, clip, body_dir, tmp_path):
    write_result(clip, tmp_path / 'tracks.npz')
    options = ['--format', 'amass', 'ply', '--frames', 4, '--people', 2]
    done = run_tool('export', tmp_path, '--body-models', body_dir, '--out', tmp_path / 'out', *options)
    assert done.status == 0, done.err
    files = sorted((tmp_path / 'out').iterdir())
    assert [path.name for path in files] == ['frame_000004.ply', 'person_2_amass.npz']
    assert all(str(path) in done.out for path in files)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--format', 'glb', '--people', 7], '--people 7: no such person; found 0, 2'),
        (['--format', 'bvh', '--body-models', 'none'], 'none: no SMPL_NEUTRAL.pkl'),
    ],
)
def test_the_tools_errors_are_one_message(run_tool, clip, body_dir, tmp_path, options, message):
    write_result(clip, tmp_path / 'tracks.npz')
    done = run_tool('export', tmp_path, '--out', tmp_path / 'out', '--body-models', body_dir, *options)
    assert done.status == 2
    assert done.err.startswith(f'error: {message}')
    assert not (tmp_path / 'out').exists()
