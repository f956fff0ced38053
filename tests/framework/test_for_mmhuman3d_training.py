"""GLoT, and VIBE with GLoT's parts, trained by mmhuman3d's own `train_model` on its own kind of data."""

import json
import logging

import numpy as np
import pytest
import torch
from human_data_files import make_tracks, write_human_data

import glot_plugin.framework  # noqa: F401 - before mmhuman3d

# isort: split
from mmcv import Config
from mmhuman3d.apis import set_random_seed, single_gpu_test, train_model
from mmhuman3d.data.datasets import build_dataloader, build_dataset
from mmhuman3d.models.architectures.builder import build_architecture
from mmhuman3d.utils.logger import get_root_logger

from glot_plugin.datasets import WindowDataset
from glot_plugin.errors import InputError, NonFiniteLossError
from glot_plugin.framework.for_mmhuman3d.glot_estimator import prepare_targets
from glot_plugin.models import GLoTEstimator
from glot_plugin.transforms import NormalizeKeypoints2d

HEAD = {
    'type': 'GLoTHead',
    'in_dim': 2048,
    'num_frames': 16,
    'global_branch': {
        'transformer': {'embed_dim': 32, 'decoder_dim': 16, 'depth': 1},
        'regressor': {'hidden_dim': 16},
    },
    'local_branch': {'dim': 16, 'depth': 1, 'regressor': {'hidden_dim': 16}},
}
TERMS = {
    'keypoints2d': {'type': 'KeypointLoss2d', 'loss_weight': 300.0},
    'keypoints3d': {'type': 'KeypointLoss3d', 'loss_weight': 300.0},
    'smpl_pose': {'type': 'SmplPoseLoss', 'loss_weight': 60.0},
    'smpl_betas': {'type': 'SmplBetasLoss', 'loss_weight': 0.06},
    'velocity2d': {'type': 'VelocityLoss2d', 'loss_weight': 10.0},
    'velocity3d': {'type': 'VelocityLoss3d', 'loss_weight': 100.0},
}
ADAM = {'type': 'Adam', 'lr': 1e-3}


@pytest.fixture(scope='module')
def human_data(body, tmp_path_factory):
    tracks = make_tracks(body, 200, seed=3)
    return write_human_data(tmp_path_factory.mktemp('human_data') / 'people.npz', tracks)


def glot_model(body_dir):
    return {
        'type': 'glot.GLoTVideoEstimator',
        'head': HEAD,
        'loss': {'type': 'GLoTLoss', 'terms': TERMS},
        'body_model': {'type': 'SMPLBody', 'model_dir': str(body_dir)},
    }


def smpl(body_dir, joints, kind='SMPL'):
    options = {
        'smpl_49': {
            'keypoint_src': 'smpl_54',
            'keypoint_dst': 'smpl_49',
            'keypoint_approximate': True,
            'extra_joints_regressor': str(body_dir / 'J_regressor_extra.npy'),
        },
        'h36m': {
            'keypoint_src': 'h36m',
            'keypoint_dst': 'h36m',
            'joints_regressor': str(body_dir / 'J_regressor_h36m.npy'),
        },
    }
    return {'type': kind, 'model_path': str(body_dir), **options[joints]}


def vibe_model(body_dir, **parts):
    return {
        'type': 'glot.VideoBodyModelEstimator',
        'neck': {'type': 'TemporalGRUEncoder', 'num_layers': 1, 'hidden_size': 8},
        'head': {'type': 'glot.HSCRHead', 'feat_dim': 2048, 'hdim': 16},
        'body_model_train': smpl(body_dir, 'smpl_49'),
        'body_model_test': smpl(body_dir, 'h36m'),
        'convention': 'smpl_49',
        'loss_keypoints3d': {'type': 'SmoothL1Loss', 'loss_weight': 100},
        'loss_keypoints2d': {'type': 'SmoothL1Loss', 'loss_weight': 10},
        'loss_smpl_pose': {'type': 'MSELoss', 'loss_weight': 3},
        'loss_smpl_betas': {'type': 'MSELoss', 'loss_weight': 0.02},
        'loss_velocity2d': {'type': 'glot.VelocityLoss2d', 'loss_weight': 10},
        'loss_velocity3d': {'type': 'glot.VelocityLoss3d', 'loss_weight': 100},
        **parts,
    }


def config(work_dir, human_data, body_dir, model, optimizer, context=0, epochs=2, **more):
    adversarial = 'type' not in optimizer
    evaluated = {
        'type': 'glot.HumanVideoDataset',
        'ann_file': str(human_data),
        'dataset_name': 'pw3d',
        'context': context,
        'body_model': smpl(body_dir, 'h36m', 'GenderedSMPL'),
    }
    return Config(
        {
            'model': model,
            'use_adversarial_train': adversarial,
            'optimizer': optimizer,
            'optimizer_config': {'grad_clip': None if adversarial else {'max_norm': 1.0}},
            'lr_config': {'policy': 'Fixed'},
            'runner': {'type': 'EpochBasedRunner', 'max_epochs': epochs},
            'checkpoint_config': {'interval': 1},
            'evaluation': {'interval': 1, 'metric': ['pa-mpjpe', 'mpjpe', 'pve'], 'save_best': 'PA-MPJPE'},
            'log_config': {'interval': 1, 'hooks': [{'type': 'TextLoggerHook'}]},
            'log_level': 'ERROR',
            'load_from': None,
            'resume_from': None,
            'workflow': [('train', 1)],
            'data': {
                'samples_per_gpu': 4,
                'workers_per_gpu': 1,
                'train': {'type': 'glot.HumanVideoDataset', 'ann_file': str(human_data), 'dataset_name': 'pw3d'},
                'val': evaluated,
            },
            'work_dir': str(work_dir),
            'gpu_ids': [0],
            'seed': 0,
            **more,
        }
    )


def run(cfg):
    set_random_seed(0)
    get_root_logger(log_level=logging.ERROR)  # otherwise train_model makes one that writes a file named as its level
    model = build_architecture(cfg.model)
    model.init_weights()
    before = {name: value.clone() for name, value in model.named_parameters()}
    train_model(model, [build_dataset(cfg.data.train)], cfg, validate=True, timestamp='t', device='cpu', meta={})
    changed = {name.split('.')[0] for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    return model, changed


def state_of(path):
    return torch.load(path, weights_only=False)['state_dict']


def scores(work_dir):
    lines = [json.loads(line) for line in (work_dir / 't.log.json').read_text().splitlines()]
    return [line for line in lines if line.get('mode') == 'val']


@pytest.mark.training
@pytest.mark.parametrize('optimizer', [ADAM, {'head': ADAM}])
def test_glot_trains_evaluates_saves_and_resumes(tmp_path, human_data, body_dir, optimizer):
    cfg = config(tmp_path, human_data, body_dir, glot_model(body_dir), optimizer, context=16)
    model, changed = run(cfg)
    assert changed == {'head'}
    assert (tmp_path / 'epoch_2.pth').is_file()
    assert list(tmp_path.glob('best_PA-MPJPE_epoch_*.pth'))
    found = scores(tmp_path)
    assert [sorted(set(line) & {'PA-MPJPE', 'MPJPE', 'PVE'}) for line in found] == [['MPJPE', 'PA-MPJPE', 'PVE']] * 2
    state = state_of(tmp_path / 'epoch_2.pth')
    assert set(state) == set(model.state_dict())
    assert all(key.startswith('head.') for key in state)  # no body model
    cfg = config(tmp_path / 'on', human_data, body_dir, glot_model(body_dir), optimizer, context=16, epochs=3)
    cfg.resume_from = str(tmp_path / 'epoch_2.pth')
    (tmp_path / 'on').mkdir()
    run(cfg)
    resumed = torch.load(tmp_path / 'on' / 'epoch_3.pth', weights_only=False)
    assert resumed['meta']['epoch'] == 3
    assert not (tmp_path / 'on' / 'epoch_1.pth').exists()
    assert any(not torch.equal(resumed['state_dict'][key], state[key]) for key in state)


@pytest.mark.training
@pytest.mark.parametrize(
    'parts',
    [
        {},
        {'neck': {'type': 'glot.MPSEMasking', 'neck': {'type': 'TemporalGRUEncoder', 'hidden_size': 8}}},
        {
            'neck': {'type': 'glot.GlobalTransformer', 'embed_dim': 16, 'decoder_dim': 16, 'depth': 1},
            'head': {'type': 'HMRHead', 'feat_dim': 2048, 'hdim': 16},
        },
        {'head': {'type': 'glot.GLoTHead', **{key: HEAD[key] for key in ('global_branch', 'local_branch')}}},
    ],
    ids=['hscr', 'masking', 'transformer', 'glot-head'],
)
def test_vibe_with_glot_parts(tmp_path, human_data, body_dir, parts):
    optimizer = {'neck': ADAM, 'head': ADAM}
    cfg = config(tmp_path, human_data, body_dir, vibe_model(body_dir, **parts), optimizer, epochs=1)
    _, changed = run(cfg)
    assert changed == {'neck', 'head'}
    (found,) = scores(tmp_path)
    assert 0 < found['PA-MPJPE'] < found['MPJPE']
    log = (tmp_path / 't.log.json').read_text()
    assert '"velocity2d_loss"' in log
    assert '"velocity3d_loss"' in log
    bodies = [key for key in state_of(tmp_path / 'epoch_1.pth') if key.startswith('body_model')]
    assert {key.rpartition('.')[2] for key in bodies} == {'betas', 'global_orient', 'body_pose', 'transl'}  # zeros


@pytest.mark.training
def test_nearby_frames_as_a_pipeline_step(tmp_path, human_data, body_dir):
    cfg = config(
        tmp_path, human_data, body_dir, vibe_model(body_dir), {'neck': ADAM, 'head': ADAM}, epochs=1
    )  # fmt: skip
    keys = ['features', 'keypoints2d', 'keypoints3d', 'smpl_body_pose', 'smpl_global_orient', 'smpl_betas', 'has_smpl']
    cfg.data.train.pipeline = [
        {'type': 'glot.NearbyFrames', 'num_frames': 16, 'nearby': 4},
        {'type': 'ToTensor', 'keys': keys},
        {'type': 'Collect', 'keys': keys, 'meta_keys': []},
    ]
    cfg.data.val.seq_len = 9
    _, changed = run(cfg)
    assert changed == {'neck', 'head'}


def test_same_weights_same_predictions_in_both_frameworks(human_data, body_dir, tmp_path):
    torch.manual_seed(0)
    core = GLoTEstimator(head=HEAD, body_model={'type': 'SMPLBody', 'model_dir': str(body_dir)})
    core.init_weights()
    core.eval()
    torch.save({'state_dict': core.state_dict(), 'meta': {}}, tmp_path / 'ours.pth')
    model = build_architecture(
        {**glot_model(body_dir), 'init_cfg': {'type': 'Pretrained', 'checkpoint': str(tmp_path / 'ours.pth')}}
    )
    model.init_weights()
    assert set(model.state_dict()) == set(core.state_dict())
    data = {'type': 'glot.HumanVideoDataset', 'ann_file': str(human_data), 'test_mode': True, 'dataset_name': 'pw3d'}
    dataset = build_dataset({**data, 'seq_len': 20, 'context': 16})
    loader = build_dataloader(dataset, 3, 1, dist=False, shuffle=False)
    rotmat, camera, joints = (np.empty((dataset.num_data, *shape)) for shape in ((24, 3, 3), (3,), (17, 3)))
    for output in single_gpu_test(model, loader):
        rotmat[output['image_idx']] = output['smpl_pose']
        camera[output['image_idx']] = output['camera']
        joints[output['image_idx']] = output['keypoints_3d']
    store = dataset.sources[0].store
    for track in range(store.num_tracks):
        first, end = store.track_rows(track)
        params = core.predict_track(torch.from_numpy(np.array(store.track(track)['features'])))
        np.testing.assert_allclose(rotmat[first:end], params.rotmat.detach().numpy(), atol=2e-6)
        np.testing.assert_allclose(camera[first:end], params.camera.detach().numpy(), atol=2e-6)
        expected = core.body_model.joints(params.rotmat, params.betas, 'h36m17').detach().numpy()
        np.testing.assert_allclose(joints[first:end], expected, atol=2e-6)


def test_same_batch_same_losses_in_both_frameworks(human_data, body_dir):
    torch.manual_seed(0)
    model = build_architecture(glot_model(body_dir))
    model.init_weights()
    core = GLoTEstimator(**{key: value for key, value in glot_model(body_dir).items() if key != 'type'})
    core.load_state_dict(model.state_dict())
    dataset = build_dataset({'type': 'glot.HumanVideoDataset', 'ann_file': str(human_data)})
    indices = list(range(len(dataset)))
    batch = next(iter(build_dataloader(dataset, len(dataset), 1, dist=False, shuffle=False)))
    windows = WindowDataset(
        [dataset.sources[0].store.path], pipeline=[NormalizeKeypoints2d(box_scale=1.0)]
    ).__getitems__(indices)
    windows = {key: torch.from_numpy(value) for key, value in windows.items()}
    targets = prepare_targets(batch)
    valid = windows['frame_valid']
    torch.testing.assert_close(targets.keypoints2d[valid], windows['keypoints2d'][valid], atol=1e-4, rtol=0)
    assert torch.equal(targets.has_smpl, windows['has_smpl'])
    assert torch.equal(targets.has_keypoints3d, windows['has_keypoints3d'])
    torch.manual_seed(1)
    found = model.train().compute_losses(batch)
    torch.manual_seed(1)
    expected = core.train()(mode='loss', **windows)
    assert set(found) == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-6)


def test_whole_clips_are_their_own_tracks_without_context(body_dir):
    model = build_architecture(glot_model(body_dir)).eval()
    features = torch.randn(2, 20, 2048)
    output = model(features=features, sample_idx=torch.arange(40).view(2, 20, 1), img_metas=None)
    expected = model.head.predict_track(features[1]).rotmat.detach().numpy()
    np.testing.assert_allclose(output['smpl_pose'][20:], expected, atol=1e-6)
    assert 'vertices' not in output
    with pytest.raises(InputError, match='22 frames of features for 20 frames to predict; expected as many, or 35'):
        model(features=torch.randn(2, 22, 2048), sample_idx=torch.arange(40).view(2, 20, 1))


def test_a_causal_head_is_tested_without_context(body_dir):
    config = glot_model(body_dir)
    model = build_architecture({**config, 'head': {**config['head'], 'target_frame': 15}}).eval()
    features, numbers = torch.randn(2, 20, 2048), torch.arange(40).view(2, 20, 1)
    output = model(features=features, sample_idx=numbers)
    expected = model.head.predict_track(features[1]).rotmat.detach().numpy()
    np.testing.assert_allclose(output['smpl_pose'][20:], expected, atol=1e-6)
    with pytest.raises(InputError, match='target_frame=15 of the head needs more frames before it: test without'):
        model(features=torch.randn(2, 35, 2048), sample_idx=numbers)


def test_vertices_on_request(body_dir):
    model = build_architecture({**glot_model(body_dir), 'test_vertices': True, 'test_joints': 'spin49'}).eval()
    output = model(features=torch.randn(1, 2, 2048), sample_idx=torch.tensor([[5, 6]]))
    assert output['vertices'].shape == (2, 6890, 3)
    assert output['keypoints_3d'].shape == (2, 49, 3)
    assert output['image_idx'].tolist() == [5, 6]


def test_a_broken_loss_stops_before_the_step(human_data, body_dir):
    model = build_architecture(glot_model(body_dir)).train()
    batch = next(
        iter(
            build_dataloader(
                build_dataset({'type': 'glot.HumanVideoDataset', 'ann_file': str(human_data)}), 2, 1, dist=False
            )
        )
    )
    before = {name: value.clone() for name, value in model.named_parameters()}
    optimizer = {'head': torch.optim.Adam(model.head.parameters())}
    batch['smpl_betas'][0, :, 0] = float('nan')
    with pytest.raises(NonFiniteLossError, match='loss/global/smpl_betas = nan'):
        model.train_step(batch, optimizer)
    assert all(torch.equal(value, before[name]) for name, value in model.named_parameters())


def test_errors_name_what_is_missing(human_data, body_dir):
    model = build_architecture({**glot_model(body_dir), 'loss': None})
    with pytest.raises(InputError, match='training needs the key loss'):
        model.train_step({'features': torch.zeros(1)}, None)
    with pytest.raises(InputError, match='the batch has no smpl_betas, has_smpl; add them to Collect'):
        prepare_targets({'smpl_body_pose': 0, 'smpl_global_orient': 0, 'keypoints2d': 0, 'keypoints3d': 0})
    sample = build_dataset({'type': 'glot.HumanVideoDataset', 'ann_file': str(human_data), 'convention': 'smpl_54'})[0]
    batch = {key: value[None] for key, value in sample.items() if key != 'img_metas'}
    with pytest.raises(InputError, match="found 54 joints, expected 49: set convention='smpl_49'"):
        prepare_targets(batch)
    with pytest.raises(InputError, match="test_joints='coco': expected one of"):
        build_architecture({**glot_model(body_dir), 'test_joints': 'coco'})
    with pytest.raises(InputError, match='head: HSCR, expected a GLoTHead'):
        build_architecture({**glot_model(body_dir), 'head': {'type': 'HSCR'}})


def test_velocity_losses_by_hand(human_data, body_dir):
    """Targets that stand still against predictions that stand still: no velocity loss, whatever the pose."""
    torch.manual_seed(0)
    neck = {'type': 'glot.NearbyFrames', 'num_frames': 16, 'nearby': 4}
    model = build_architecture(vibe_model(body_dir, neck=neck)).eval()
    features = torch.randn(1, 1, 2048).expand(1, 9, -1)
    predictions = model.head(features)
    keypoints = torch.ones(1, 9, 49, 4)
    batch = {
        'smpl_body_pose': torch.zeros(1, 9, 23, 3), 'smpl_global_orient': torch.zeros(1, 9, 3),
        'smpl_betas': torch.zeros(1, 9, 10), 'has_smpl': torch.ones(1, 9, 1),
        'keypoints3d': keypoints, 'keypoints2d': keypoints[..., :3].clone(),
    }  # fmt: skip
    losses = model.compute_losses(predictions, model.prepare_targets(batch))
    assert losses['velocity2d_loss'].item() == pytest.approx(0, abs=1e-8)
    assert losses['velocity3d_loss'].item() == pytest.approx(0, abs=1e-8)
    batch['keypoints3d'][0, 5:, :, 0] = 2.0  # one step of 1 m from frame 4 to 5
    losses = model.compute_losses(predictions, model.prepare_targets(batch))
    # weight 100 x one frame of 9, one coordinate of 3, squared step 1
    assert losses['velocity3d_loss'].item() == pytest.approx(100 / 27, rel=1e-4)
    batch['keypoints2d'][0, 5:, :, 0] = 1 + 223 / 2  # a step of 1 in crop coordinates
    losses = model.compute_losses(predictions, model.prepare_targets(batch))
    assert losses['velocity2d_loss'].item() == pytest.approx(10 / 18, rel=1e-4)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'loss_keypoints3d': None}, 'loss_velocity3d without loss_keypoints3d'),
        ({'convention': 'h36m'}, ''),
        ({'convention': 'coco'}, "convention='coco' has no"),
    ],
)
def test_velocity_losses_say_what_they_need(body_dir, options, message):
    if not message:
        assert len(build_architecture(vibe_model(body_dir, **options)).lsp_joints) == 14
        return
    with pytest.raises(InputError, match=message):
        build_architecture(vibe_model(body_dir, **options))
