"""mmhuman3d's registries, seen from mmengine's."""

import importlib
import shutil

import numpy as np
import pytest
import torch
from mmengine import ConfigDict

import glot_plugin.framework  # noqa: F401 - before mmhuman3d
from glot_plugin import registry
from glot_plugin.config import config_errors, load_config
from glot_plugin.errors import InputError
from glot_plugin.framework.from_mmhuman3d import registries

SOURCES = [
    (name, source)
    for name in ('MODELS', 'DATASETS', 'TRANSFORMS')
    for source in getattr(registries, name)._source_names
]


def theirs(source):
    module, name = source.split(':')
    return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize(('ours', 'source'), SOURCES)
def test_every_part_is_found_by_its_scoped_name_in_both_frameworks(ours, source):
    parts = theirs(source).module_dict
    assert parts
    for name, part in parts.items():
        assert getattr(registry, ours).get(f'mmhuman3d.{name}') is part
        assert theirs(source).get(f'mmhuman3d.{name}') is part


def test_the_kinds_of_parts_that_the_mirrors_must_hold():
    models = {'SMPL', 'ResNet', 'TemporalGRUEncoder', 'HMRHead', 'KeypointMSELoss', 'SMPLify', 'SMPLDiscriminator'}
    for name in (*models, 'VideoBodyModelEstimator', 'savgol', 'oneeuro', 'gaus1d', 'smoothnet'):
        assert registry.MODELS.get(f'mmhuman3d.{name}') is not None
    for name in ('HumanVideoDataset', 'Pw3dConverter'):
        assert registry.DATASETS.get(f'mmhuman3d.{name}') is not None
    assert registry.TRANSFORMS.get('mmhuman3d.Collect') is not None


def test_parts_registered_later_are_found_and_two_of_one_name_refused(monkeypatch):
    heads, necks = theirs(SOURCES[3][1]), theirs(SOURCES[2][1])
    assert (heads.name, necks.name) == ('heads', 'necks')
    registry.MODELS.get('mmhuman3d.HMRHead')  # the mirror is filled

    class LateHead(torch.nn.Module):
        pass

    monkeypatch.setitem(heads.module_dict, 'LateHead', LateHead)
    assert registry.MODELS.get('mmhuman3d.LateHead') is LateHead
    monkeypatch.setitem(necks.module_dict, 'LateHead', torch.nn.Linear)
    with pytest.raises(InputError, match=r'mmhuman3d\.LateHead: different parts of this name in NECKS and HEADS'):
        registry.MODELS.get('mmhuman3d.LateHead')


def test_modules_build_and_run():
    neck = registry.MODELS.build({'type': 'mmhuman3d.TemporalGRUEncoder', 'input_size': 12, 'hidden_size': 8})
    head = registry.MODELS.build(ConfigDict(type='mmhuman3d.HMRHead', feat_dim=12, hdim=8))
    backbone = registry.MODELS.build({'type': 'mmhuman3d.ResNet', 'depth': 18, 'out_indices': [3]})
    backbone.eval()
    assert head(neck(torch.zeros(2, 4, 12)))['pred_pose'].shape == (2, 4, 24, 3, 3)
    assert backbone(torch.zeros(1, 3, 32, 32))[-1].shape == (1, 512, 1, 1)
    loss = registry.MODELS.build({'type': 'mmhuman3d.MSELoss', 'loss_weight': 3.0})
    assert loss(torch.ones(2), torch.zeros(2)) == 3
    smooth = registry.MODELS.build({'type': 'mmhuman3d.savgol', 'window_size': 5, 'polyorder': 2})
    line = np.linspace(0, 1, 9)[:, None, None] * np.ones((9, 3, 3))
    np.testing.assert_allclose(smooth(line), line, atol=1e-6)  # a line is smooth already


def test_parts_that_build_parts_of_their_own(body_dir):
    """Children are named without a scope, as in mmhuman3d's configs, or with it."""
    body = {'type': 'SMPL', 'model_path': str(body_dir), 'keypoint_src': 'smpl_45', 'keypoint_dst': 'smpl_45'}
    estimator = registry.MODELS.build(
        ConfigDict(
            type='mmhuman3d.VideoBodyModelEstimator',
            neck={'type': 'TemporalGRUEncoder', 'input_size': 12, 'hidden_size': 8},
            head={'type': 'mmhuman3d.HMRHead', 'feat_dim': 12, 'hdim': 8},
            body_model_train={**body, 'type': 'mmhuman3d.SMPL'},
            loss_smpl_pose={'type': 'MSELoss', 'loss_weight': 60},
        )
    )
    assert type(estimator.head) is registry.MODELS.get('mmhuman3d.HMRHead')
    assert type(estimator.body_model_train) is registry.MODELS.get('mmhuman3d.SMPL')
    assert estimator.loss_smpl_pose.loss_weight == 60
    smplify = registry.MODELS.build(
        ConfigDict(
            type='mmhuman3d.SMPLify',
            body_model=body,
            num_epochs=1,
            stages=[{'num_iter': 1, 'fit_global_orient': True}],
            optimizer={'type': 'LBFGS', 'max_iter': 1},
            keypoints3d_loss={'type': 'KeypointMSELoss', 'loss_weight': 10},
            device='cpu',
        )
    )
    assert type(smplify.keypoints3d_mse_loss) is registry.MODELS.get('mmhuman3d.KeypointMSELoss')


def test_pipelines_and_converters_build():
    pipeline = registry.TRANSFORMS.build(
        {
            'type': 'mmhuman3d.Compose',
            'transforms': [
                {'type': 'ToTensor', 'keys': ['features']},
                {'type': 'Collect', 'keys': ['features'], 'meta_keys': []},
            ],
        }
    )
    assert torch.equal(pipeline({'features': np.ones(3), 'other': 1})['features'], torch.ones(3, dtype=torch.double))
    converter = registry.DATASETS.build({'type': 'mmhuman3d.H36mConverter', 'modes': ['train'], 'protocol': 1})
    assert sorted(converter.ACCEPTED_MODES) == ['train', 'valid']


def test_unknown_part_gets_a_suggestion():
    registry.MODELS.get('mmhuman3d.HMRHead')
    message = r"my\.py: unknown model type 'mmhuman3d\.HMRHed'; did you mean 'mmhuman3d\.HMRHead'\?"
    with pytest.raises(InputError, match=message), config_errors('my.py'):
        registry.MODELS.build({'type': 'mmhuman3d.HMRHed'})


def test_frame_by_frame_transforms_are_refused_in_window_pipelines(tmp_path):
    from glot_plugin.datasets.window_dataset import build_pipeline

    with pytest.raises(
        InputError, match=r'pipeline: ToTensor\(results\) does not fit, expected transform\(batch, rng\)'
    ):
        build_pipeline([{'type': 'mmhuman3d.ToTensor', 'keys': ['features']}])


def test_nothing_of_mmhuman3d_is_imported_before_it_is_asked_for(run_python):
    code = """
import sys
import glot_plugin, glot_plugin.apis, glot_plugin.engine.launch
assert not [name for name in sys.modules if name.split('.')[0] in ('mmcv', 'mmhuman3d')]
import glot_plugin.framework
assert not [name for name in sys.modules if name.split('.')[0] == 'mmhuman3d']
from glot_plugin.registry import MODELS
print(MODELS.build(dict(type='mmhuman3d.HMRHead', feat_dim=4)).fc1.in_features)
"""
    assert run_python(code).split()[-1] == '161'


def test_config_that_does_not_import_the_framework_says_the_line(run_python, tmp_path):
    config = tmp_path / 'vibe.py'
    config.write_text("model = dict(head=dict(neck=dict(type='mmhuman3d.TemporalGRUEncoder')))\n")
    code = f'from glot_plugin.config import load_config\nload_config({str(config)!r})'
    error = run_python(code, status=1)
    assert f"{config}: type='mmhuman3d.TemporalGRUEncoder' is a part of mmhuman3d, which is not loaded" in error
    assert "custom_imports = dict(imports=['glot_plugin.framework'])" in error
    config.write_text("custom_imports = dict(imports=['glot_plugin.framework'])\n" + config.read_text())
    run_python(code)


@pytest.mark.parametrize('as_object', [False, True])
def test_without_mmhuman3d_a_config_that_needs_it_says_how_to_install_it(run_python, tmp_path, as_object):
    """A folder `mmhuman3d` without its `version.py` shadows the installed one."""
    (tmp_path / 'mmhuman3d').mkdir()
    (tmp_path / 'mmhuman3d' / '__init__.py').write_text('')
    config = tmp_path / 'mixed.py'
    config.write_text("custom_imports = dict(imports=['glot_plugin.framework'])\n")
    load = "Config(dict(custom_imports=dict(imports=['glot_plugin.framework'])))" if as_object else repr(str(config))
    code = f"""
from mmengine import Config
from glot_plugin import cli
from glot_plugin.config import load_config
cli.run(lambda: load_config({load}))
"""
    error = run_python(code, path=tmp_path, status=2)
    assert error.count('error:') == 1
    assert 'Traceback' not in error
    assert 'needs mmcv 1.6 and mmhuman3d 0.11.0; found: an mmhuman3d without version.py' in error
    assert 'pip install --no-deps mmhuman3d==0.11.0' in error


def test_importing_what_does_not_exist_names_it(tmp_path):
    config = tmp_path / 'typo.py'
    config.write_text("custom_imports = dict(imports=['glot_plugin.framwork'])\n")
    with pytest.raises(InputError, match=r"typo\.py: No module named 'glot_plugin\.framwork'"):
        load_config(config)


def test_the_one_command_line_error(run_python, repository, tmp_path):
    """tools/train.py with a body-model folder that is not there: one message, status 2."""
    shutil.copytree(repository / 'configs', tmp_path / 'configs')
    code = """
import runpy, sys
sys.argv = ['train.py', sys.argv[1], '--body-models', '/nowhere', '--work-dir', sys.argv[2]]
runpy.run_path('tools/train.py', run_name='__main__')
"""
    config = tmp_path / 'configs/glot/mixed/glot_mmhuman3d_smpl.py'
    error = run_python(code, config, tmp_path / 'work', status=2)
    assert "model_path='/nowhere' of mmhuman3d.SMPL: no such file or folder" in error
    assert 'Traceback' not in error
