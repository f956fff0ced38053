"""What a config needs: what is there, what is missing, what is wrong, and the commands that make it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from fresh_process import Finished

from glot_plugin.config import load_config, set_body_model_dir
from glot_plugin.datasets import TrackStoreWriter
from glot_plugin.engine.launch import evaluate, prepare, train
from glot_plugin.errors import InputError
from glot_plugin.preflight import config_requirements, problems, require, requirements_table, resources
from glot_plugin.preflight.requirements import conversion_commands
from glot_plugin.preflight.stores import ALL_TARGETS, frame_bytes

SHAPES = {'keypoints2d': (49, 3), 'bbox': (4,), 'keypoints3d': (49, 3), 'smpl_pose': (72,), 'smpl_betas': (10,)}
TARGETS_2D = ('keypoints2d', 'bbox')
TARGETS_3D = (*TARGETS_2D, 'keypoints3d')


def write_store(path: Path, columns: tuple[str, ...], lengths=(40, 20), width: int = 2048, joints='spin49') -> None:
    with TrackStoreWriter(path, 'ones', columns, feature_dim=width, keypoints3d_joints=joints) as writer:
        for number, length in enumerate(lengths):
            shapes = {**SHAPES, 'keypoints3d': (14, 3) if joints == 'h36m14' else (49, 3)}
            targets = {name: np.ones((length, *shapes[name]), np.float32) for name in columns}
            writer.add_track(f'{path.name}/{number}', np.ones((length, width), np.float32), **targets)


@pytest.fixture(scope='module')
def everything(tmp_path_factory, body_dir) -> Path:
    """A folder with `data/stores` and `data/body_models` in which glot_3dpw.py has all but SPIN's weights."""
    folder = tmp_path_factory.mktemp('everything')
    stores = folder / 'data/stores'
    write_store(stores / 'insta-variety', TARGETS_2D)
    write_store(stores / 'mpii3d-train-occluded', TARGETS_3D)
    write_store(stores / 'h36m-train-occluded', TARGETS_3D)  # no SMPL: this config does not use it
    write_store(stores / '3dpw-train-occluded', ALL_TARGETS)
    for name in ('3dpw-val', '3dpw-test'):
        write_store(stores / name, ALL_TARGETS, joints='h36m14')
    shutil.copytree(body_dir, folder / 'data/body_models')
    return folder


@pytest.fixture
def config(repository, everything, monkeypatch):
    """A function that reads glot_3dpw.py, in the folder that has its data."""
    monkeypatch.chdir(everything)

    def make(name: str = 'glot_3dpw', **options: object):
        return load_config(repository / f'configs/glot/{name}.py', {'model.init_from_spin': None, **options})

    return make


def test_everything_is_there(config):
    cfg = config()
    requirements = config_requirements(cfg)
    assert problems(requirements) == ''
    require(cfg, ('train', 'val', 'test'))
    windows = {requirement.path.name: requirement.windows for requirement in requirements if requirement.use == 'train'}
    # Tracks of 40 and 20 frames have two and one whole windows of 16.
    assert windows == {
        'insta-variety': (3, 0),
        'mpii3d-train-occluded': (0, 3),
        'h36m-train-occluded': (0, 3),
        '3dpw-train-occluded': (0, 3),
    }
    row = next(line for line in requirements_table(requirements).splitlines() if '3dpw-test' in line)
    cells = [cell.strip() for cell in row.split('|')[1:-1]]
    assert cells[:3] == ['test 3DPW', 'data/stores/3dpw-test', 'there']
    assert cells[3] == 'features, keypoints2d, bbox, keypoints3d, smpl_pose, smpl_betas'
    assert cells[4:8] == ['2', '60', '', '']
    text = resources(cfg, requirements)
    assert '6 are to come' not in text
    # 4 workers with 2 batches each, and the one in use: 9 * 64 clips * 16 frames * 9721 bytes
    assert frame_bytes(ALL_TARGETS) == 4 * (2048 + 147 + 4 + 147 + 72 + 10) + 8 + 1 == 9721
    assert 'Training batches that wait: 9, 90 MB' in text
    assert 'longest test track: 40 frames' in text
    # 15,681,023 parameters of 4 bytes; in training of 16
    assert 'The model: 15.7 M parameters, 63 MB; in training, with gradients and optimiser, 251 MB' in text


def test_what_is_missing_and_its_commands(repository, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = load_config(repository / 'configs/glot/glot_3dpw.py')
    requirements = config_requirements(cfg)
    assert len(requirements) == 6 + 4 + 1  # stores, body-model files, SPIN's weights
    assert all(requirement.problem for requirement in requirements)
    with pytest.raises(InputError) as caught:
        require(cfg, ('train', 'val', 'test'))
    lines = str(caught.value).splitlines()
    assert lines[0].endswith('glot_3dpw.py: 11 of 11 required files and stores are missing or wrong:')
    assert '  data/stores/insta-variety: no such track store (a folder with store.json)' in lines
    assert any('SMPL_NEUTRAL.pkl' in line and '--body-models DIR' in line for line in lines)
    assert any('spin_model_checkpoint.pth.tar: no such file, but init_from_spin requires it' in line for line in lines)
    command = next(line for line in lines if 'convert_datasets.py' in line)
    assert command.strip() == (
        'python tools/convert_datasets.py --root DIR --out data/stores insta-variety 3dpw-train-occluded '
        'mpii3d-train-occluded h36m-train-occluded 3dpw-val 3dpw-test'
    )
    assert 'insta_train_db.h5, 3dpw_train_occ_db.pt, mpii3d_train_scale12_occ_db.pt' in str(caught.value)
    row = next(line for line in requirements_table(requirements).splitlines() if 'insta-variety' in line)
    assert '| missing |' in row
    assert '≈ 17610' in row  # 2 M frames * (4 * (2048 + 147 + 4) + 9) bytes
    row = next(line for line in requirements_table(requirements).splitlines() if 'h36m-train-occluded' in line)
    assert row.endswith('| unknown |')
    # InstaVariety's 17.61 GB, and 35515 frames of 3DPW's test set of 9721 bytes.
    assert '6 are to come, at least 18.0 GB (4 of unknown size): 9.7 kB a frame' in resources(cfg, requirements)
    requirements = [requirement for requirement in requirements if requirement.path.name == '3dpw-test']
    assert '1 are to come, about 0.3 GB: ' in resources(cfg, requirements)
    requirements[0].expected_bytes = None
    assert '1 are to come, of unknown size: ' in resources(cfg, requirements)


def test_only_what_a_part_needs(config, everything):
    cfg = config(**{'train_dataloader.dataset.stores.insta_variety': 'data/stores/penn-action'})
    assert problems(config_requirements(cfg, ('val', 'test'))) == ''
    text = problems(config_requirements(cfg, ('train',)))
    assert 'data/stores/penn-action: no such track store' in text
    assert '--out data/stores penn-action\n    with DIR the folder of pennaction_train_db.pt' in text
    requirements = config_requirements(cfg, ('test',))
    names = {requirement.path.name for requirement in requirements}
    assert 'smpl_mean_params.npz' not in names  # only training starts from them


@pytest.mark.parametrize(
    ('name', 'arguments', 'message'),
    [
        ('3dpw-train-occluded', {'columns': TARGETS_3D}, 'no smpl_pose, smpl_betas; found'),
        ('mpii3d-train-occluded', {'columns': TARGETS_2D}, 'no keypoints3d; found'),
        ('mpii3d-train-occluded', {'columns': TARGETS_3D, 'width': 512}, 'features are 512 wide, expected 2048'),
        ('mpii3d-train-occluded', {'columns': TARGETS_3D, 'joints': 'h36m14'}, "3D keypoints are 'h36m14', a test"),
        ('3dpw-test', {'columns': ('keypoints3d',), 'joints': 'h36m14'}, 'no SMPL parameters, which PVE needs'),
        ('3dpw-val', {'columns': TARGETS_2D}, 'nothing to score against'),
    ],
)
def test_stores_that_do_not_fit(config, tmp_path, name, arguments, message):
    write_store(tmp_path / name, **arguments)
    cfg = config()
    for node in (cfg.train_dataloader.dataset.stores, cfg.val_dataloader.dataset, cfg.test_sets['3DPW'].dataset):
        for key, value in node.items():
            if name in str(value):
                node[key] = str(tmp_path / name) if isinstance(value, str) else [str(tmp_path / name)]
    requirements = config_requirements(cfg)
    (problem,) = [requirement.problem for requirement in requirements if requirement.problem]
    assert problem.startswith(f'{tmp_path / name}: ')
    assert message in problem
    assert '| WRONG ' in requirements_table(requirements)


def test_mpi_joints_need_all_49(config, tmp_path):
    cfg = config('glot_h36m_mpii3d')
    write_store(tmp_path / 'mpii3d-val', ('keypoints3d',), joints='h36m14')
    cfg.test_sets['MPI-INF-3DHP'].dataset.stores = [str(tmp_path / 'mpii3d-val')]
    found = problems(config_requirements(cfg, ('test',)))
    assert 'mpii3d-val: no 3D keypoints that give mpi17, and no SMPL parameters: nothing to score against' in found


def test_damaged_files(config, everything, tmp_path):
    shutil.copytree(everything / 'data/body_models', tmp_path / 'body_models')
    (tmp_path / 'body_models/J_regressor_h36m.npy').write_bytes(b'\x93NUMPY')
    (tmp_path / 'body_models/spin_model_checkpoint.pth.tar').write_bytes(b'x')
    cfg = config(**{'model.init_from_spin': 'data/body_models/spin_model_checkpoint.pth.tar'})
    set_body_model_dir(cfg, tmp_path / 'body_models')
    found = problems(config_requirements(cfg))
    assert found.startswith('2 of 11 required files and stores')
    assert 'J_regressor_h36m.npy: not a valid .npy file' in found
    assert 'spin_model_checkpoint.pth.tar: not a valid checkpoint' in found
    assert problems(config_requirements(cfg, thorough=False)) == ''  # reading them is left to whoever builds the model


def test_spin_must_fit_the_model(config, everything, tmp_path):
    """What training would refuse (`start_from_spin`)."""
    layers = {'fc1': (1024, 10), 'decpose': (144, 1024), 'decshape': (10, 1024), 'deccam': (3, 1024)}
    state = {f'{name}.weight': torch.zeros(shape) for name, shape in layers.items()}
    state |= {f'{name}.bias': torch.zeros(shape[0]) for name, shape in layers.items()}
    state |= {f'init_{name}': torch.zeros(1, size) for name, size in (('pose', 144), ('shape', 10), ('cam', 3))}
    torch.save({'model': state}, tmp_path / 'spin')
    cfg = config(**{'model.init_from_spin': str(tmp_path / 'spin')})
    found = problems(config_requirements(cfg))
    assert found.startswith('1 of 11 required files and stores')
    assert r'spin: does not fit the model' in found
    assert 'fc1.weight: (1024, 10), expected (1024, 2205)' in found
    torch.save({'model': {**state, 'fc1.weight': torch.zeros(1024, 2205)}}, tmp_path / 'spin')
    assert problems(config_requirements(cfg)) == ''


def test_missing_regressors_are_one_sentence(config, everything, tmp_path):
    shutil.copytree(everything / 'data/body_models', tmp_path / 'body_models')
    (tmp_path / 'body_models/J_regressor_h36m.npy').unlink()
    cfg = config()
    set_body_model_dir(cfg, tmp_path / 'body_models')
    found = problems(config_requirements(cfg)).splitlines()[1]
    assert found.startswith(f'  {tmp_path}/body_models/J_regressor_h36m.npy: no such file; ')
    assert found.count('body-model files') == 1


def test_size_of_a_wrong_store_is_measured(config, everything, tmp_path):
    folder = tmp_path / '3dpw-test'
    folder.mkdir()
    (folder / 'store.json').write_text('{' + ' ' * 2_000_000)
    cfg = config()
    cfg.test_sets['3DPW'].dataset.stores = [str(folder)]
    requirements = config_requirements(cfg, ('test',))
    row = next(line for line in requirements_table(requirements).splitlines() if str(folder) in line)
    cells = [cell.strip() for cell in row.split('|')[1:-1]]
    assert (cells[2], cells[-1]) == ('WRONG', '2')
    assert '1 are to come, about 0.3 GB' in resources(cfg, requirements)


def test_files_of_mmhuman3ds_parts(config):
    cfg = config()
    cfg.model.body_model = {'type': 'mmhuman3d.SMPL', 'model_path': '/nowhere/smpl', 'joints_regressor': None}
    found = problems(config_requirements(cfg, ('val',)))
    assert '/nowhere/smpl: no such file or folder; put the body-model files there' in found


def test_checkpoint_to_load(config):
    found = problems(config_requirements(config(load_from='/nowhere/glot.pth'), thorough=False))
    assert '/nowhere/glot.pth: no such checkpoint' in found


def test_parts_of_others_are_left_alone(config):
    cfg = config(**{'train_dataloader.dataset.type': 'MyDataset', 'val_dataloader.dataset.type': 'other.Dataset'})
    assert {requirement.use for requirement in config_requirements(cfg)} == {'test 3DPW', 'body model'}


def test_training_and_testing_say_it_before_anything_is_built(repository, body_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = repository / 'configs/glot/glot_3dpw.py'
    with pytest.raises(InputError, match=r'6 of 10 required files and stores are missing or wrong:\n.*insta-variety'):
        train(prepare(load_config(path), tmp_path / 'work', body_models=body_dir))
    (tmp_path / 'glot.pth').touch()
    with pytest.raises(
        InputError, match=r'1 of 5 required files and stores .*\n  data/stores/3dpw-test: no such track store'
    ) as caught:
        evaluate(prepare(load_config(path), tmp_path / 'work', body_models=body_dir), tmp_path / 'glot.pth')
    assert f'The whole list: python tools/check_data.py {path}' in str(caught.value)


def test_list_of_the_config_is_not_named_for_a_checkpoint(config, tmp_path):
    with pytest.raises(InputError, match=r'1 of 5 required files and stores .*\n  nope.pth: no such checkpoint$'):
        evaluate(prepare(config(), tmp_path), 'nope.pth')


def test_commands_by_folder():
    paths = [Path('a/h36m-test'), Path('data/synthetic/train'), Path('a/mine'), Path('b/3dpw-val'), Path('a/h36m-test')]
    assert conversion_commands(paths) == [
        'python tools/convert_datasets.py --root DIR --out a h36m-test',
        '  with DIR the folder of h36m_test_25fps_db.pt',
        'a converter, or TrackStoreWriter (docs/data.md): a/mine',
        'python tools/make_synthetic.py --out data/synthetic',
        'python tools/convert_datasets.py --root DIR --out b 3dpw-val',
        '  with DIR the folder of 3dpw_val_db.pt',
    ]


def test_the_tool(run_tool, repository, everything, monkeypatch):
    def check(*arguments: str, config: str = 'glot_3dpw.py') -> Finished:
        return run_tool('check_data', repository / 'configs/glot' / config, *arguments)

    monkeypatch.chdir(everything)
    result = check()
    assert result.status == 2
    assert '1 of 11 required files and stores are missing or wrong' in result.out
    assert 'Stores are made by' not in result.out
    result = check('--for', 'test')
    assert result.status == 0
    assert 'everything is there' in result.out
    assert check('--cfg-options', 'model.init_from_spin=None').status == 0
    result = check('--body-models', '/nowhere')
    assert result.status == 2
    assert '/nowhere/spin_model_checkpoint.pth.tar: no such file' in result.out
    result = check(config='_base_/schedule.py')
    assert result.status == 2
    assert 'names no track store, body model or weights' in result.err


def test_half_written_store_is_missing(config, everything, tmp_path):
    folder = tmp_path / 'insta-variety'
    shutil.copytree(everything / 'data/stores/insta-variety', folder)
    index = json.loads((folder / 'store.json').read_text())
    index['num_frames'] += 1
    (folder / 'store.json').write_text(json.dumps(index))
    cfg = config(**{'train_dataloader.dataset.stores.insta_variety': str(folder)})
    assert f'{folder}' in problems(config_requirements(cfg))
