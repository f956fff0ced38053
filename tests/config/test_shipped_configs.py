"""The paper's configs: every number of its schedules, its data, and what each ablation changes."""

from pathlib import Path

import pytest
import torch
from mmengine.registry import PARAM_SCHEDULERS

from glot_plugin.config import load_config
from glot_plugin.converters.database_specs import DATABASES
from glot_plugin.datasets import WindowDataset
from glot_plugin.datasets.samplers import PAPER_SHARE_2D
from glot_plugin.datasets.window_dataset import store_entries
from glot_plugin.errors import InputError
from glot_plugin.models import HSCR, MPSEMasking
from glot_plugin.models.hscr import ResidualRegressor
from glot_plugin.registry import MODELS
from glot_plugin.reports.published import TABLES

CONFIGS = Path(__file__).resolve().parents[2] / 'configs/glot'
PAPER = ('glot_3dpw', 'glot_h36m_mpii3d', 'glot_3dpw_unseen')
# Weights of 2D, 3D, pose, shape, velocity 2D and 3D; epochs, iterations of one, warm-up epochs; weight decay.
PUBLISHED_TRAINING = {
    'glot_3dpw': ((300, 300, 60, 0.06, 10, 100), (50, 1000, 5), 0.0),
    'glot_h36m_mpii3d': ((100, 150, 60, 0.06, 10, 100), (75, 1000, 8), 1e-5),
    'glot_3dpw_unseen': ((100, 200, 60, 0.06, 10, 100), (80, 500, 8), 1e-5),
}
IMAGE_CONFIGS = sorted(path for path in CONFIGS.glob('glot_*.py') if path.stem != 'glot_landmarks')
TERMS = ('keypoints2d', 'keypoints3d', 'smpl_pose', 'smpl_betas', 'velocity2d', 'velocity3d')
# Training stores, and whether their SMPL parameters are used.
TRAIN_STORES = {
    'glot_3dpw': {
        'insta-variety': True,
        '3dpw-train-occluded': True,
        'mpii3d-train-occluded': True,
        'h36m-train-occluded': False,
    },
    'glot_h36m_mpii3d': {'insta-variety': True, '3dpw-train': True, 'mpii3d-train': True, 'h36m-train': True},
    'glot_3dpw_unseen': {'insta-variety': True, 'mpii3d-train-occluded': True, 'h36m-train-occluded': True},
}
TRANSFORMER = 'model.head.global_branch.transformer'
# The keys that an ablation changes.
ABLATIONS = {
    'gmm_alone': {'model.head.local_branch': None},
    'mask_ratio_0': {f'{TRANSFORMER}.mask_ratio': 0.0},
    'mask_ratio_0_125': {f'{TRANSFORMER}.mask_ratio': 0.125},
    'mask_ratio_0_25': {f'{TRANSFORMER}.mask_ratio': 0.25},
    'mask_ratio_0_375': {f'{TRANSFORMER}.mask_ratio': 0.375},
    'mask_ratio_0_625': {f'{TRANSFORMER}.mask_ratio': 0.625},
    'mask_ratio_0_75': {f'{TRANSFORMER}.mask_ratio': 0.75},
    'mask_ratio_0_875': {f'{TRANSFORMER}.mask_ratio': 0.875},
    'learnable_mask_token': {f'{TRANSFORMER}.mask_token': 'learnable'},
    'residual_regressor': {'model.head.local_branch.regressor.type': 'ResidualRegressor'},
    **{f'nearby_{n}': {'model.head.local_branch.nearby': n} for n in (2, 3, 5, 6)},
    'without_detach': {'model.head.detach_global': False},
    'fixed_position_embedding': {
        f'{TRANSFORMER}.position_embedding': 'fixed',
        'model.head.local_branch.position_embedding': 'fixed',
    },
    **{
        f'input_length_{n}': {
            'model.head.num_frames': n,
            'train_dataloader.dataset.num_frames': n,
            'train_dataloader.dataset.stride': n,
        }
        for n in (24, 32)
    },
}

# Ablations that the paper has no figures of.
OWN_ABLATIONS = {
    'without_velocity': {'model.loss.terms.velocity2d': None, 'model.loss.terms.velocity3d': None},
    'hscr_own_rotation': {'model.head.local_branch.regressor.own_rotation': 'joint'},
}
ABLATIONS |= OWN_ABLATIONS

# The configs of lower latency: the predicted frame of the window.
LIVE = {'latency_4': 11, 'latency_2': 13, 'latency_0': 15}


def flat(node, prefix: str = '') -> dict:
    """A config's leaves by their dotted keys."""
    if isinstance(node, dict):
        return {key: leaf for name, child in node.items() for key, leaf in flat(child, f'{prefix}.{name}').items()}
    return {prefix.removeprefix('.'): node}


def build_model(cfg):
    """The model without its body, whose files no test has."""
    model = cfg.model.to_dict()
    model.pop('body_model')
    return MODELS.build(model)


@pytest.mark.parametrize('name', PAPER)
def test_numbers_of_the_paper(name):
    cfg = load_config(CONFIGS / f'{name}.py')
    weights, (epochs, iterations, warm_up), weight_decay = PUBLISHED_TRAINING[name]
    assert tuple(cfg.model.loss.terms[term].loss_weight for term in TERMS) == weights
    assert cfg.train_cfg.max_iters == epochs * iterations
    assert cfg.train_cfg.val_interval == cfg.default_hooks.checkpoint.interval == iterations
    assert cfg.optim_wrapper.optimizer.type == 'Adam'
    assert cfg.optim_wrapper.optimizer.weight_decay == weight_decay
    rates = learning_rates(cfg)
    assert rates[0] == pytest.approx(1e-5)
    assert max(rates) == pytest.approx(1e-4)
    assert rates.index(max(rates)) == pytest.approx(warm_up * iterations, abs=1)
    half_way = (warm_up + epochs) * iterations // 2
    assert rates[half_way] == pytest.approx((1e-4 + 1e-5) / 2, rel=1e-3)
    assert rates[-1] == pytest.approx(1e-5, rel=1e-3)


def learning_rates(cfg) -> list[float]:
    """The learning rate of every iteration."""
    optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=cfg.optim_wrapper.optimizer.lr)
    schedulers = [
        PARAM_SCHEDULERS.build(scheduler, default_args={'optimizer': optimizer}) for scheduler in cfg.param_scheduler
    ]
    rates = []
    for _ in range(cfg.train_cfg.max_iters):
        rates.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    return rates


@pytest.mark.parametrize('name', PAPER)
def test_data_of_the_paper(name):
    cfg = load_config(CONFIGS / f'{name}.py')
    loader = cfg.train_dataloader
    entries = store_entries(loader.dataset.stores)
    assert {Path(entry['path']).name: entry['use_smpl'] for entry in entries} == TRAIN_STORES[name]
    assert (loader.dataset.num_frames, loader.dataset.stride) == (16, 16)
    share = loader.batch_sampler.get('share_2d') or PAPER_SHARE_2D
    assert (loader.batch_size, int(loader.batch_size * share)) == (64, 38)
    assert cfg.val_dataloader.dataset.stores == ['data/stores/3dpw-val']
    assert cfg.val_dataloader.dataset.drop_invalid
    assert cfg.default_hooks.checkpoint.save_best == 'PA-MPJPE'
    assert 'PA-MPJPE' in cfg.val_evaluator[0].metrics
    stores = [entry['path'] for entry in entries] + [
        path for item in cfg.test_sets.values() for path in item.dataset.stores
    ]
    assert {Path(path).name for path in stores} <= {spec.name for spec in DATABASES}
    assert {str(Path(path).parent) for path in stores} == {'data/stores'}


def test_evaluation_sets():
    for name in ('glot_3dpw', 'glot_3dpw_unseen'):
        (item,) = load_config(CONFIGS / f'{name}.py').test_sets.values()
        assert item.dataset == {'type': 'TrackDataset', 'stores': ['data/stores/3dpw-test'], 'drop_invalid': True}
        assert 'metrics' not in item.evaluator  # all four, PVE among them
    sets = load_config(CONFIGS / 'glot_h36m_mpii3d.py').test_sets
    assert set(sets) == {'Human3.6M', 'MPI-INF-3DHP'}
    assert sets['MPI-INF-3DHP'].evaluator.joint_set == 'mpi17'
    assert not sets['MPI-INF-3DHP'].dataset.get('drop_invalid')  # they stay in the windows, and are not scored
    for item in sets.values():
        assert item.evaluator.metrics == ['PA-MPJPE', 'MPJPE', 'ACCEL']


def test_without_insta_variety_is_one_key():
    key = 'train_dataloader.dataset.stores.insta_variety'
    without = load_config(CONFIGS / 'glot_3dpw.py', {key: None})
    names = [Path(entry['path']).name for entry in store_entries(without.train_dataloader.dataset.stores)]
    assert names == ['3dpw-train-occluded', 'mpii3d-train-occluded', 'h36m-train-occluded']
    other = load_config(CONFIGS / 'glot_3dpw.py', {key: 'data/stores/penn-action'})
    assert store_entries(other.train_dataloader.dataset.stores)[0]['path'] == 'data/stores/penn-action'


def test_stores_by_name(synthetic_data):
    """A dict of stores is the list of its values, None left out."""
    train, val = str(synthetic_data / 'train'), {'path': str(synthetic_data / 'train'), 'use_smpl': False}
    named = WindowDataset({'a': train, 'b': None, 'c': val})
    listed = WindowDataset([train, val])
    assert len(named) == len(listed) == 2 * len(WindowDataset(train))
    assert named.use_smpl == [True, False]
    with pytest.raises(InputError, match=r'stores has \{.*\}, expected a path or dict\(path='):
        WindowDataset({'path': train, 'smpl': False})
    with pytest.raises(InputError, match='stores is empty'):
        WindowDataset({'a': None})


def test_every_ablation_is_known():
    files = {path.stem for path in (CONFIGS / 'ablations').glob('*.py')}
    assert files == set(ABLATIONS)
    published = {config for table in TABLES for row in table.rows for config in row.configs}
    assert published == {*(f'ablations/{name}' for name in files - set(OWN_ABLATIONS)), *PAPER}


@pytest.mark.parametrize('name', ABLATIONS)
def test_ablation_changes_its_keys_and_nothing_else(name):
    cfg, base = load_config(CONFIGS / f'ablations/{name}.py'), load_config(CONFIGS / 'glot_3dpw.py')
    before, after = flat(base._cfg_dict), flat(cfg._cfg_dict)
    changed = {key: value for key, value in after.items() if key not in before or before[key] != value}
    assert changed == ABLATIONS[name]
    gone = {key for key in before if key not in after}
    of_removed = {'gmm_alone': 'model.head.local_branch.', 'without_velocity': 'model.loss.terms.velocity'}
    assert bool(gone) == (name in of_removed)
    assert all(key.startswith(of_removed[name]) for key in gone)
    check_model(name, build_model(cfg).head)


@pytest.mark.parametrize('name', LIVE)
def test_lower_latency_changes_the_target_frame_and_nothing_else(name):
    cfg, base = load_config(CONFIGS / f'live/{name}.py'), load_config(CONFIGS / 'glot_3dpw.py')
    before, after = flat(base._cfg_dict), flat(cfg._cfg_dict)
    assert {key: value for key, value in after.items() if before.get(key) != value} == {
        'model.head.target_frame': LIVE[name]
    }
    assert set(before) <= set(after)
    assert build_model(cfg).head.latency == int(name.removeprefix('latency_'))


def test_every_live_config_is_known():
    assert {path.stem for path in (CONFIGS / 'live').glob('*.py')} == set(LIVE)


def check_model(name: str, head) -> None:
    """That the built model has what the ablation is about."""
    masking = next(child for child in head.modules() if isinstance(child, MPSEMasking))
    features = torch.zeros(2, head.num_frames, 2048)
    with torch.no_grad():
        output = head.train()(features)
    masked = int(output.frame_mask[0].sum())
    expected = {'0': 0, '0_125': 2, '0_25': 4, '0_375': 6, '0_625': 10, '0_75': 12, '0_875': 14}
    if name.startswith('mask_ratio_'):
        assert masked == expected[name.removeprefix('mask_ratio_')]
    else:
        assert masked == head.num_frames // 2
    assert (output.local_params is None) == (name == 'gmm_alone')
    if name != 'gmm_alone':
        nearby = int(name[-1]) if name.startswith('nearby_') else 4
        assert head.local_branch.position.embedding.shape[1] == 2 * nearby + 1
        kind = ResidualRegressor if name == 'residual_regressor' else HSCR
        assert type(head.local_branch.regressor) is kind
    parameters = {key for key, _ in head.named_parameters()}
    assert any('position' in key for key in parameters) == (name != 'fixed_position_embedding')
    assert type(masking.token).__name__ == ('LearnableToken' if name == 'learnable_mask_token' else 'SmplToken')
    assert head.num_frames == (int(name[-2:]) if name.startswith('input_length_') else 16)
    assert head.detach_global == (name != 'without_detach')
    if name != 'gmm_alone':
        assert head.local_branch.regressor.correct_pose.own_step == (6 if name == 'hscr_own_rotation' else 1)


@pytest.mark.parametrize('path', IMAGE_CONFIGS, ids=lambda path: path.stem)
def test_models_have_the_published_size(path):
    """16.74 M, less SPIN's second layer and two decoders, which the original has and never uses."""
    head = build_model(load_config(path)).head
    unused = 1024 * 1024 + 1024 + 13 * 1024 + 13
    assert sum(p.numel() for p in head.parameters()) / 1e6 == pytest.approx(16.74 - unused / 1e6, abs=0.02)


def test_landmarks_model():
    """126 features in, the shares of the schedule that add up, and no mask: training sees what testing sees."""
    cfg = load_config(CONFIGS / 'glot_landmarks.py')
    head = build_model(cfg).head
    assert head.in_dim == 126
    assert head.global_branch.transformer.masking.mask_ratio == 0
    assert type(head.global_branch.start).__name__ == 'LandmarkPose'
    with torch.no_grad():
        output = head.train()(torch.randn(2, head.num_frames, 126))
    assert output.local_params.pose6d.shape == (2, 3, 144)
    rates = learning_rates(cfg)
    assert rates.index(max(rates)) < 0.1 * len(rates)
    assert rates[-1] < 0.05 * max(rates)
    assert [step['type'] for step in cfg.train_dataloader.dataset.pipeline][0] == 'SimulateLandmarks'
    assert cfg.train_dataloader.batch_sampler.share_2d == 0


def test_other_configs_do_not_ask_for_spin():
    paths = [CONFIGS / 'glot_synthetic.py', *(CONFIGS / 'mixed').glob('*.py')]
    assert all('init_from_spin' not in path.read_text() for path in [*paths, CONFIGS / '_base_/glot.py'])
