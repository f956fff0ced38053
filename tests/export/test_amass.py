"""AMASS's layout: its keys, and the joints that its poses, put through the body, stand for."""

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from glot_plugin.export.amass import write_amass

CAMERA_TO_Z_UP = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])


def test_keys_and_shapes(clip, body, tmp_path):
    with np.load(write_amass(clip, clip.people[1], body, tmp_path / 'a.npz'), allow_pickle=False) as file:
        assert file['poses'].shape == (clip.num_frames, 156)
        assert file['trans'].shape == (clip.num_frames, 3)
        assert file['betas'].shape == (16,)
        np.testing.assert_allclose(file['betas'][:10], clip.people[1].betas[0], rtol=1e-6)
        assert str(file['gender']) == 'neutral'
        assert float(file['mocap_framerate']) == clip.fps
        assert np.flatnonzero(file['seen']).tolist() == [2, 3, 4, 5, 6]
        assert not file['poses'][:, 66:].any()


def test_poses_and_trans_stand_where_the_person_is(clip, body, tmp_path):
    for track in clip.people:
        with np.load(write_amass(clip, track, body, tmp_path / 'a.npz')) as file:
            poses, trans, betas = (file[key] for key in ('poses', 'trans', 'betas'))
        rotmat = np.tile(np.eye(3), (len(track), 24, 1, 1))
        rotvec = poses[track.frame, :66].reshape(-1, 3)
        rotmat[:, :22] = Rotation.from_rotvec(rotvec).as_matrix().reshape(-1, 22, 3, 3)
        shape = torch.from_numpy(betas[:10]).expand(len(track), 10)
        found = body.joints(torch.from_numpy(rotmat), shape, 'smpl24').numpy() + trans[track.frame, None]
        joints = body.joints(torch.from_numpy(track.rotmat), torch.from_numpy(track.betas), 'smpl24').numpy()
        expected = (joints + track.translation[:, None]) @ CAMERA_TO_Z_UP.T
        np.testing.assert_allclose(found[:, :22], expected[:, :22], atol=1e-4)
