"""The paper's three configs from databases to the report: converted, trained for two steps, tested, tabulated."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from glot_plugin.checkpoints.provenance import read_origin, recipe_digest
from glot_plugin.checkpoints.spin import LAYERS
from glot_plugin.config import load_config
from glot_plugin.converters.convert import convert_databases
from glot_plugin.engine.launch import evaluate, prepare, train, write_result
from glot_plugin.models import IterativeRegressor
from glot_plugin.reports.paper_tables import make_report, read_result

# A small model and a short schedule; everything else is the config's.
SMALL = {
    'model.head.global_branch.transformer.embed_dim': 32,
    'model.head.global_branch.transformer.decoder_dim': 16,
    'model.head.local_branch.dim': 16,
    'model.head.local_branch.depth': 1,
    'model.head.local_branch.regressor.hidden_dim': 32,
    'train_dataloader.num_workers': 0,
    'train_dataloader.persistent_workers': False,
    'train_cfg.max_iters': 2,
    'train_cfg.val_interval': 2,
    'default_hooks.checkpoint.interval': 2,
    'randomness.seed': 0,
    'log_level': 'ERROR',
}
STORES = {
    'glot_3dpw': ('insta-variety', '3dpw-train-occluded', 'mpii3d-train-occluded', 'h36m-train-occluded'),
    'glot_h36m_mpii3d': ('insta-variety', '3dpw-train', 'mpii3d-train', 'h36m-train', 'mpii3d-val', 'h36m-test'),
    'glot_3dpw_unseen': ('insta-variety', 'mpii3d-train-occluded', 'h36m-train-occluded'),
}


@pytest.fixture(scope='module')
def folder(tmp_path_factory, body_dir, write_database) -> Path:
    """`data/stores`, converted from databases, and `data/body_models` with a regressor in SPIN's layout."""
    folder = tmp_path_factory.mktemp('paper')
    shutil.copytree(body_dir, folder / 'data/body_models')
    names = {*(name for names in STORES.values() for name in names), '3dpw-val', '3dpw-test'}
    recipes = [write_database(folder / 'databases', name)[0] for name in sorted(names)]
    for result in convert_databases(recipes, folder / 'databases', folder / 'data/stores', progress=False).values():
        assert isinstance(result, Path), result
    torch.manual_seed(0)
    regressor = IterativeRegressor()
    state = {f'{theirs}.{kind}': getattr(getattr(regressor, ours), kind).detach()
             for theirs, ours in LAYERS.items() for kind in ('weight', 'bias')}  # fmt: skip
    mean = regressor.mean_params
    state |= {'init_pose': mean.pose6d[None], 'init_shape': mean.betas[None], 'init_cam': mean.camera[None]}
    torch.save({'model': state}, folder / 'data/body_models/spin_model_checkpoint.pth.tar')
    return folder


@pytest.mark.training
@pytest.mark.parametrize('name', STORES)
def test_from_databases_to_the_report(name, folder, repository, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    path = repository / f'configs/glot/{name}.py'
    train(prepare(load_config(path, SMALL), tmp_path / 'work'))
    (checkpoint,) = (tmp_path / 'work').glob('best_PA-MPJPE_iter_2.pth')

    (folder / 'data/body_models/spin_model_checkpoint.pth.tar').rename(folder / 'spin')  # testing needs no SPIN
    try:
        scores = evaluate(prepare(load_config(path, SMALL), tmp_path / 'work'), checkpoint)
    finally:
        (folder / 'spin').rename(folder / 'data/body_models/spin_model_checkpoint.pth.tar')
    sets = {'MPI-INF-3DHP', 'Human3.6M'} if name == 'glot_h36m_mpii3d' else {'3DPW'}
    assert set(scores) == sets
    joints = {'PA-MPJPE', 'MPJPE', 'ACCEL'}
    assert all(set(item['paper']) == (joints | {'PVE'} if sets == {'3DPW'} else joints) for item in scores.values())

    origin = read_origin(checkpoint)
    assert origin == {'config': name, 'recipe': recipe_digest(load_config(path, SMALL).pretty_text), 'seed': 0}
    write_result(tmp_path / 'result.json', scores, config=str(path), checkpoint=str(checkpoint), origin=origin)
    report = make_report([read_result(tmp_path / 'result.json')])
    row = next(line for line in report.splitlines() if f'ours: {name} ' in line)
    for item in json.loads((tmp_path / 'result.json').read_text())['metrics'].values():
        assert all(f' {value:.1f} ' in row for value in item['paper'].values())
