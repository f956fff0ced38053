import pytest

from glot_plugin.errors import InputError
from glot_plugin.evaluation.protocols import evaluator_configs

BODY = {'type': 'SMPLBody', 'model_dir': 'somewhere'}
PAPER = {'type': 'BodyMetric', 'body_model': BODY, 'chunk': 32}


def test_protocols_of_one_evaluator():
    framework = {'type': 'glot.MMHuman3DMetric', 'body_model': BODY, 'chunk': 32}
    assert evaluator_configs(PAPER) == [PAPER]
    assert evaluator_configs(PAPER, protocol='mmhuman3d') == [framework]
    assert evaluator_configs([PAPER], protocol='both') == [PAPER, framework]


def test_given_keys_come_before_the_papers():
    given = {'dataset_name': 'h36m', 'gender': 'neutral', 'chunk': 8}
    (config,) = evaluator_configs(PAPER, given, 'mmhuman3d')
    assert config == {'type': 'glot.MMHuman3DMetric', 'body_model': BODY, **given}


def test_mpi_inf_3dhp_is_recognised():
    (config,) = evaluator_configs({**PAPER, 'joint_set': 'mpi17'}, None, 'mmhuman3d')
    assert config['dataset_name'] == 'mpi_inf_3dhp'
    (config,) = evaluator_configs({**PAPER, 'joint_set': 'mpi17'}, {'dataset_name': 'pw3d'}, 'mmhuman3d')
    assert config['dataset_name'] == 'pw3d'


def test_unknown_protocol():
    with pytest.raises(InputError, match="protocol 'vibe': expected one of paper, mmhuman3d, both"):
        evaluator_configs(PAPER, protocol='vibe')


def test_no_body_model_to_take():
    with pytest.raises(InputError, match='mmhuman3d_evaluator has no body_model'):
        evaluator_configs({'type': 'Other'}, protocol='both')
