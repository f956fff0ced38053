"""Starting the iterative regressor from SPIN's checkpoint, written here in its layout."""

from pathlib import Path

import pytest
import torch

from glot_plugin.checkpoints.spin import read_spin_regressor, start_from_spin
from glot_plugin.config import load_config, set_body_model_dir
from glot_plugin.errors import InputError
from glot_plugin.models import GLoTHead, IterativeRegressor
from glot_plugin.models.mean_params import MeanParamsBuffer
from glot_plugin.registry import MODELS


@pytest.fixture(scope='module')
def spin_state() -> dict[str, torch.Tensor]:
    """A regressor as SPIN's checkpoint holds it, with its backbone's first layer and the unused `fc2`."""
    generator = torch.Generator().manual_seed(3)
    shapes = {
        'conv1.weight': (64, 3, 7, 7),
        'fc1.weight': (1024, 2048 + 157),
        'fc1.bias': (1024,),
        'fc2.weight': (1024, 1024),
        'fc2.bias': (1024,),
        'decpose.weight': (144, 1024),
        'decpose.bias': (144,),
        'decshape.weight': (10, 1024),
        'decshape.bias': (10,),
        'deccam.weight': (3, 1024),
        'deccam.bias': (3,),
        'init_pose': (1, 144),
        'init_shape': (1, 10),
        'init_cam': (1, 3),
    }
    return {name: torch.rand(shape, generator=generator) for name, shape in shapes.items()}


def write_spin(path: Path, state: dict, **others: object) -> Path:
    torch.save({'model': state, 'epoch': 5, **others}, path)
    return path


def test_starts_from_spin(repository, tmp_path, spin_state, body_dir):
    """As training does: `--body-models` names the folder, `init_weights` reads the file."""
    path = tmp_path / 'spin_model_checkpoint.pth.tar'
    for file in body_dir.iterdir():
        (tmp_path / file.name).symlink_to(file)
    write_spin(path, spin_state)
    cfg = load_config(repository / 'configs/glot/glot_3dpw.py')
    set_body_model_dir(cfg, tmp_path)
    assert cfg.model.init_from_spin == str(path)
    model = MODELS.build(cfg.model)
    model.init_weights()
    regressor = next(child for child in model.modules() if isinstance(child, IterativeRegressor))
    for ours, theirs in (('fc1', 'fc1'), ('decode_pose', 'decpose'), ('decode_betas', 'decshape')):
        assert torch.equal(getattr(regressor, ours).weight, spin_state[f'{theirs}.weight'])
        assert torch.equal(getattr(regressor, ours).bias, spin_state[f'{theirs}.bias'])
    assert torch.equal(regressor.decode_camera.bias, spin_state['deccam.bias'])
    means = [child for child in model.head.modules() if isinstance(child, MeanParamsBuffer)]
    assert len(means) == 2  # the regressor's, and the SMPL token's
    for mean in means:
        assert torch.equal(mean.pose6d, spin_state['init_pose'][0])
        assert torch.equal(mean.camera, spin_state['init_cam'][0])


def test_spin_asked_for_and_absent(repository, body_dir):
    cfg = load_config(repository / 'configs/glot/glot_3dpw.py')
    set_body_model_dir(cfg, body_dir)
    model = MODELS.build(cfg.model)
    with pytest.raises(
        InputError, match=r'spin_model_checkpoint.pth.tar: no such file, but init_from_spin requires it'
    ):
        model.init_weights()


def test_broken_spin_files(tmp_path, spin_state):
    head = GLoTHead()
    before = {key: value.clone() for key, value in head.state_dict().items()}
    partial = {name: value for name, value in spin_state.items() if not name.startswith('decc') and name != 'init_cam'}
    cases = {
        'no deccam.weight, deccam.bias, init_cam': write_spin(tmp_path / 'a', partial),
        r"no state dict under 'model'; found state_dict": tmp_path / 'b',
        r'fc1.weight: \(1024, 10\), expected \(1024, 2205\)': write_spin(
            tmp_path / 'c', {**spin_state, 'fc1.weight': torch.zeros(1024, 10)}
        ),
        r'deccam.bias has 1 NaN or infinite values of 3': write_spin(
            tmp_path / 'e', {**spin_state, 'deccam.bias': torch.tensor([0, float('inf'), 0])}
        ),
        'not a valid checkpoint': write_spin(tmp_path / 'd', spin_state, hostile=Path('x')),
    }
    torch.save({'state_dict': spin_state}, tmp_path / 'b')
    for message, path in cases.items():
        with pytest.raises(InputError, match=message):
            start_from_spin(head, path)
    assert all(torch.equal(value, before[key]) for key, value in head.state_dict().items())
    with pytest.raises(InputError, match='the head has 0 IterativeRegressor, expected one'):
        start_from_spin(torch.nn.Linear(1, 1), tmp_path / 'a')


def test_unused_layer_is_not_read(tmp_path, spin_state):
    names = read_spin_regressor(write_spin(tmp_path / 'spin', spin_state))
    assert 'fc2.weight' not in names
    assert 'conv1.weight' not in names
