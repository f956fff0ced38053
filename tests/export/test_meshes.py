"""OBJ and PLY of a frame, read back by trimesh."""

import numpy as np
import pytest
import torch
import trimesh

from glot_plugin.errors import InputError
from glot_plugin.export.meshes import write_frame


@pytest.mark.parametrize('suffix', ['obj', 'ply'])
def test_everybody_in_a_frame_stands_where_they_are(clip, body, tmp_path, suffix):
    expected = []
    for track in clip.people:
        (row,) = np.flatnonzero(track.frame == 3)
        vertices = body.vertices(torch.from_numpy(track.rotmat[row]), torch.from_numpy(track.betas[row])).numpy()
        expected.append((vertices + track.translation[row]) * [1, -1, -1])
    mesh = trimesh.load(write_frame(clip, body, 3, tmp_path / f'frame.{suffix}'), process=False, maintain_order=True)
    np.testing.assert_allclose(mesh.vertices, np.concatenate(expected), atol=1e-5)
    np.testing.assert_array_equal(mesh.faces, np.concatenate([body.faces, body.faces + 6890]))
    colours = np.unique(mesh.visual.vertex_colors, axis=0)
    assert len(colours) == 2


def test_a_frame_without_anybody(clip, body, tmp_path):
    with pytest.raises(InputError, match=r'frame 40 of clip.mp4: nobody is in it'):
        write_frame(clip, body, 40, tmp_path / 'frame.ply')
    assert list(tmp_path.iterdir()) == []
