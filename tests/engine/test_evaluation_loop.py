"""Testing a checkpoint on several test sets, in one protocol or both."""

import csv
import json

import numpy as np
import pytest
import torch
from mmengine import Config

from glot_plugin.config import load_config
from glot_plugin.datasets import TrackStoreWriter
from glot_plugin.engine.evaluation_loop import by_protocol, use_test_sets
from glot_plugin.engine.launch import evaluate, prepare, write_result
from glot_plugin.engine.score_report import scores_report
from glot_plugin.errors import InputError
from glot_plugin.evaluation.protocols import protocol_notes
from glot_plugin.registry import MODELS

LENGTHS = {'3DPW': (12, 5, 3), 'Human3.6M': (9,), 'MPI-INF-3DHP': (4, 20)}


@pytest.fixture(scope='module')
def stores(tmp_path_factory) -> dict[str, str]:
    """A store a set, of random features and targets; two of them without SMPL, one with genders."""
    folder, rng = tmp_path_factory.mktemp('stores'), np.random.default_rng(0)
    paths = {}
    for name, lengths in LENGTHS.items():
        columns = ('smpl_pose', 'smpl_betas') if name == '3DPW' else ('keypoints3d',)
        paths[name] = str(folder / name)
        with TrackStoreWriter(paths[name], 'random', columns) as writer:
            for number, length in enumerate(lengths):
                shapes = {'keypoints3d': (49, 3), 'smpl_pose': (72,), 'smpl_betas': (10,)}
                targets = {key: rng.normal(0, 0.3, (length, *shapes[key])).astype(np.float32) for key in columns}
                features = rng.random((length, 2048), np.float32)
                gender = 'mf'[number % 2] if name == '3DPW' else None
                writer.add_track(f'{name}/{number}', features, **targets, gender=gender)
    return paths


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory, repository, body_dir) -> str:
    cfg = load_config(repository / 'configs/glot/glot_synthetic.py')
    cfg.model.body_model.model_dir = str(body_dir)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    path = tmp_path_factory.mktemp('weights') / 'glot.pth'
    torch.save({'state_dict': model.state_dict()}, path)
    return str(path)


@pytest.fixture
def make_config(repository, body_dir, tmp_path):
    """The config of the embedded data set, prepared, with other test keys."""

    def make(**keys: object) -> Config:
        cfg = load_config(repository / 'configs/glot/glot_synthetic.py', {'log_level': 'ERROR'})
        cfg.merge_from_dict(keys)
        return prepare(cfg, tmp_path / 'work', body_models=body_dir)

    return make


def three_sets(stores: dict[str, str]) -> dict[str, dict]:
    """As a config of the paper states its test sets."""
    body = {'type': 'SMPLBody', 'model_dir': 'data/body_models'}
    paper = {'type': 'BodyMetric', 'body_model': body, 'chunk': 16}
    without_mesh = {**paper, 'metrics': ['PA-MPJPE', 'MPJPE', 'ACCEL']}
    dataset = {name: {'type': 'TrackDataset', 'stores': [path]} for name, path in stores.items()}
    return {
        '3DPW': {'dataset': dataset['3DPW'], 'evaluator': paper},
        'Human3.6M': {
            'dataset': dataset['Human3.6M'],
            'evaluator': without_mesh,
            'mmhuman3d_evaluator': {'dataset_name': 'h36m'},
        },
        'MPI-INF-3DHP': {
            'dataset': dataset['MPI-INF-3DHP'],
            'evaluator': {**without_mesh, 'joint_set': 'mpi17', 'metrics': ['PA-MPJPE', 'MPJPE', 'ACCEL', '3DPCK']},
            'dataloader': {'num_workers': 1},
        },
    }


def test_each_set_has_its_row(make_config, stores, checkpoint, tmp_path):
    table, result = tmp_path / 'tracks.csv', tmp_path / 'result.json'
    cfg = make_config(test_sets=three_sets(stores))
    scores = evaluate(cfg, checkpoint, table, 'both')
    paper = {name: list(protocols['paper']) for name, protocols in scores.items()}
    assert paper == {
        '3DPW': ['PA-MPJPE', 'MPJPE', 'PVE', 'ACCEL'],
        'Human3.6M': ['PA-MPJPE', 'MPJPE', 'ACCEL'],
        'MPI-INF-3DHP': ['PA-MPJPE', 'MPJPE', 'ACCEL', '3DPCK'],
    }
    framework = {name: list(protocols['mmhuman3d']) for name, protocols in scores.items()}
    assert framework == {
        '3DPW': ['PA-MPJPE', 'MPJPE', 'PVE'],
        'Human3.6M': ['PA-MPJPE', 'MPJPE'],
        'MPI-INF-3DHP': ['PA-MPJPE', 'MPJPE', '3DPCK', '3DAUC'],
    }
    # MPI-INF-3DHP is compared alike in both; 3DPW and Human3.6M have another root.
    mpi = scores['MPI-INF-3DHP']
    assert mpi['paper']['MPJPE'] == pytest.approx(mpi['mmhuman3d']['MPJPE'], rel=1e-5)
    for name in ('3DPW', 'Human3.6M'):
        assert scores[name]['paper']['MPJPE'] != pytest.approx(scores[name]['mmhuman3d']['MPJPE'], rel=1e-4)

    report = scores_report(scores, 'glot.pth', protocol_notes(cfg.test_evaluator)).splitlines()
    rows = [line.split('|')[1].strip() for line in report[2:8]]
    assert rows == [f'{name} ({protocol})' for name in LENGTHS for protocol in ('paper', 'mmhuman3d')]
    assert [line.split(':')[0] for line in report[10:]] == list(LENGTHS)  # a note a set

    with open(table) as file:
        tracks = list(csv.DictReader(file))
    for name, lengths in LENGTHS.items():
        for protocol in ('paper', 'mmhuman3d'):
            found = [row for row in tracks if (row['set'], row['protocol']) == (name, protocol)]
            assert [(row['track'], int(row['frames'])) for row in found] == [
                (f'{name}/{number}', length) for number, length in enumerate(lengths)
            ]
            mean = sum(int(row['frames']) * float(row['MPJPE (mm)']) for row in found) / sum(lengths)
            assert mean == pytest.approx(scores[name][protocol]['MPJPE'], abs=1e-3)

    write_result(result, scores, checkpoint=checkpoint)
    assert json.loads(result.read_text())['metrics'] == scores


def test_one_test_dataloader_is_a_set_too(make_config, stores, checkpoint):
    loader = {'dataset': {'stores': [stores['3DPW']]}}
    alone = evaluate(make_config(test_dataloader=loader), checkpoint)
    assert list(alone) == ['test']
    sets = {'3DPW': three_sets(stores)['3DPW']}
    as_set = evaluate(make_config(test_sets=sets, test_dataloader=loader), checkpoint)
    assert as_set['3DPW'] == {'paper': pytest.approx(alone['test']['paper'], rel=1e-6)}
    assert '| test ' in scores_report(alone, 'glot.pth')


def test_the_tool(run_tool, repository, body_dir, stores, checkpoint, tmp_path, monkeypatch):
    """`tools/test.py --protocol both` prints a row a protocol and the line why they differ, and writes both."""
    arguments = ['configs/glot/glot_synthetic.py', checkpoint, '--protocol', 'both']
    arguments += ['--body-models', str(body_dir), '--work-dir', str(tmp_path / 'work')]
    arguments += ['--out', str(tmp_path / 'out.json'), '--per-track', str(tmp_path / 'tracks.csv')]
    arguments += ['--cfg-options', f'test_dataloader.dataset.stores={stores["3DPW"]}', 'log_level=ERROR']
    monkeypatch.chdir(repository)
    status, printed, _ = run_tool('test', *arguments)
    assert status == 0
    result = json.loads((tmp_path / 'out.json').read_text())
    assert result['config'] == 'configs/glot/glot_synthetic.py'
    assert result['origin'] == {}  # these weights were neither trained nor converted
    assert result['cfg_options'] == {'test_dataloader.dataset.stores': stores['3DPW'], 'log_level': 'ERROR'}
    for protocol in ('paper', 'mmhuman3d'):
        row = next(line for line in printed.splitlines() if f'| test ({protocol})' in line)
        assert f'{result["metrics"]["test"][protocol]["PVE"]:.1f}' in row
    assert 'test: mmhuman3d takes the body of each person' in printed  # the config's stores know no genders
    assert len((tmp_path / 'tracks.csv').read_text().splitlines()) == 1 + 2 * len(LENGTHS['3DPW'])


def test_the_tool_names_inference_modes(run_tool, repository, body_dir, stores, checkpoint, tmp_path, monkeypatch):
    """A row a mode, in the table and in the file; `exact` alone has no name."""
    arguments = ['configs/glot/glot_synthetic.py', checkpoint, '--out', str(tmp_path / 'out.json')]
    arguments += ['--body-models', str(body_dir), '--work-dir', str(tmp_path / 'work')]
    arguments += ['--cfg-options', f'test_dataloader.dataset.stores={stores["Human3.6M"]}', 'log_level=ERROR']
    arguments += ['test_evaluator.metrics=[MPJPE,ACCEL]']
    monkeypatch.chdir(repository)
    status, printed, _ = run_tool('test', *arguments, '--inference', 'exact', 'fast', 'fast+bf16')
    assert status == 0
    scores = json.loads((tmp_path / 'out.json').read_text())['metrics']
    assert list(scores) == ['test', 'test, fast', 'test, fast+bf16']
    assert all(f'| {name} ' in printed for name in scores)
    assert scores['test, fast']['paper']['MPJPE'] != scores['test']['paper']['MPJPE']
    arguments += ['model.inference=bf16']  # from the config
    assert run_tool('test', *arguments)[0] == 0
    assert list(json.loads((tmp_path / 'out.json').read_text())['metrics']) == ['test, bf16']


def test_protocol_mmhuman3d_alone(make_config, stores, checkpoint):
    cfg = make_config(
        test_dataloader={'dataset': {'stores': [stores['Human3.6M']]}},
        mmhuman3d_evaluator={'dataset_name': 'h36m', 'metrics': ['mpjpe', 'pa-3dauc']},
    )
    scores = evaluate(cfg, checkpoint, protocol='mmhuman3d')
    assert {protocol: list(metrics) for protocol, metrics in scores['test'].items()} == {
        'mmhuman3d': ['MPJPE', 'PA-3DAUC']
    }


def test_errors_name_the_set(make_config, stores, checkpoint):
    """Human3.6M scored as 3DPW: there are no SMPL parameters."""
    sets = three_sets(stores)
    del sets['Human3.6M']['mmhuman3d_evaluator']
    with pytest.raises(InputError, match=r"test set Human3.6M: track 'Human3.6M/0': it has no SMPL parameters"):
        evaluate(make_config(test_sets=sets), checkpoint, protocol='both')


def test_a_missing_store_shows_before_anything_runs(make_config, stores, checkpoint):
    sets = three_sets(stores)
    sets['MPI-INF-3DHP']['dataset']['stores'] = ['/nowhere']
    with pytest.raises(InputError, match='/nowhere: no such track store'):
        evaluate(make_config(test_sets=sets), checkpoint)


@pytest.mark.parametrize(
    ('keys', 'message'),
    [
        ({'test_sets': {'A': {'dataset': {}}}}, r"test_sets\['A'\]: no evaluator; expected dataset, evaluator"),
        (
            {'test_sets': {'A': {'dataset': {}, 'evaluator': {}, 'stores': []}}},
            r"test_sets\['A'\]: unknown stores; expected",
        ),
        ({}, 'nothing to test on; expected test_sets, or test_dataloader'),
        ({'test_sets': {}, 'test_cfg': {'type': 'MyLoop'}}, "test_cfg.type is 'MyLoop', expected 'TestLoop'"),
    ],
)
def test_broken_test_keys(keys, message):
    with pytest.raises(InputError, match=message):
        use_test_sets(Config(keys))


def test_metrics_by_protocol():
    metrics = {'MPJPE': 1.0, 'mmhuman3d/MPJPE': 2.0, 'mine/MPJPE': 3.0}
    assert by_protocol(metrics) == {'paper': {'MPJPE': 1.0, 'mine/MPJPE': 3.0}, 'mmhuman3d': {'MPJPE': 2.0}}
