"""Where `--body-models` reaches in a config."""

import pytest
from mmengine import Config

from glot_plugin.config import body_model_folder, check_framework_files, set_body_model_dir
from glot_plugin.errors import InputError


def test_every_key_of_body_model_files_follows_the_folder(tmp_path):
    (tmp_path / 'smpl').mkdir()
    cfg = Config(
        {
            'model': {
                'mean_params': 'old',
                'head': {'mean_params': None, 'head': {'smpl_mean_params': 'old/smpl_mean_params.npz'}},
                'bodies': [
                    {'type': 'SMPLBody', 'model_dir': 'old'},
                    {'type': 'mmhuman3d.SMPL', 'model_path': 'old/smpl', 'joints_regressor': None},
                    {'type': 'mmhuman3d.SMPL', 'model_path': 'old', 'extra_joints_regressor': 'old/J_extra.npy'},
                ],
            },
            'work_dir': 'old',
        }
    )
    set_body_model_dir(cfg, tmp_path)
    folder = str(tmp_path)
    assert cfg.model.mean_params == folder
    assert cfg.model.head == {
        'mean_params': None,
        'head': {'smpl_mean_params': f'{folder}/smpl_mean_params.npz'},
    }
    ours, in_subfolder, flat = cfg.model.bodies
    assert ours['model_dir'] == folder
    assert in_subfolder['model_path'] == f'{folder}/smpl'
    assert in_subfolder['joints_regressor'] is None
    assert (flat['model_path'], flat['extra_joints_regressor']) == (folder, f'{folder}/J_extra.npy')
    assert cfg.work_dir == 'old'


def test_body_model_folder_of_both_kinds():
    assert str(body_model_folder({'model_dir': 'a'})) == 'a'
    assert str(body_model_folder({'model_path': 'b/smpl'})) == 'b/smpl'
    assert str(body_model_folder({})) == 'data/body_models'


@pytest.mark.parametrize('key', ['model_path', 'joints_regressor', 'smpl_mean_params'])
def test_files_of_mmhuman3ds_parts_must_exist(tmp_path, key):
    cfg = Config({'model': {'part': {'type': 'mmhuman3d.Part', key: str(tmp_path)}}})
    check_framework_files(cfg)
    cfg.model.part[key] = '/nowhere/file'
    with pytest.raises(InputError, match=rf"{key}='/nowhere/file' of mmhuman3d\.Part: no such file.*--body-models DIR"):
        check_framework_files(cfg)
    cfg.model.part.type = 'SMPLBody'  # ours say it themselves
    check_framework_files(cfg)
