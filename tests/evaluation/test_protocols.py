import pytest

from glot_plugin.errors import InputError
from glot_plugin.evaluation.protocols import evaluator_configs, protocol_notes

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


def test_notes_say_how_each_set_differs():
    paper, framework = {'type': 'BodyMetric'}, {'type': 'glot.MMHuman3DMetric'}
    mpi = {**framework, 'dataset_name': 'mpi_inf_3dhp'}
    evaluators = {'3DPW': [paper, framework], 'MPI': [paper, mpi], 'again': [paper, framework], 'paper': [paper]}
    gendered, alike = protocol_notes(evaluators)
    assert gendered.startswith('3DPW, again: not comparable')
    assert "the body of each person's gender for the target" in gendered
    assert alike == 'MPI: both protocols compare the same 17 joints with the same root.'


@pytest.mark.parametrize('paper', [[], [{'type': 'BodyMetric'}]])
def test_one_gender_for_all_is_not_mmhuman3ds_number(paper):
    (note,) = protocol_notes({'test': [*paper, {'type': 'glot.MMHuman3DMetric', 'gender': 'neutral'}]})
    assert 'have the neutral one for all' in note
    assert 'not what mmhuman3d itself reports' in note


def test_one_protocol_needs_no_note():
    assert protocol_notes({'test': [{'type': 'BodyMetric'}]}) == []
    assert protocol_notes({'test': [{'type': 'glot.MMHuman3DMetric'}]}) == []
