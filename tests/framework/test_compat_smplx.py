"""mmhuman3d's SMPL reads its files through smplx: arrays only."""

import os
import pickle

import pytest
import torch

import glot_plugin.framework  # noqa: F401 - enables the compatibility layer
from glot_plugin.errors import InputError


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.remove, (str(self.path),)


def test_code_in_a_body_model_is_refused_and_not_run(tmp_path):
    import smplx

    victim = tmp_path / 'victim'
    victim.touch()
    (tmp_path / 'SMPL_NEUTRAL.pkl').write_bytes(pickle.dumps({'v_template': Hostile(victim)}, 2))
    with pytest.raises(InputError, match=r'SMPL_NEUTRAL.pkl: refused to load \w+.remove'):
        smplx.SMPL(str(tmp_path))
    assert victim.exists()


def test_a_body_model_loads_as_before(body_dir, body):
    import smplx

    model = smplx.SMPL(str(body_dir))
    pose, betas = torch.eye(3).expand(1, 24, 3, 3), torch.ones(1, 10)
    out = model(betas=betas, body_pose=pose[:, 1:], global_orient=pose[:, :1], pose2rot=False)
    torch.testing.assert_close(out.vertices, body.vertices(pose, betas), atol=1e-5, rtol=0)
