"""mmhuman3d's video data set feeding our models in our Runner."""

import numpy as np
import pytest
import torch

import glot_plugin.framework  # noqa: F401 - before mmhuman3d
from glot_plugin.config import load_config
from glot_plugin.engine.launch import prepare, train
from glot_plugin.errors import InputError
from glot_plugin.framework.from_mmhuman3d.collate import FIELDS, collate_mmhuman3d_windows
from glot_plugin.registry import DATASETS, FUNCTIONS

FRAMES, WIDTH = 40, 24


@pytest.fixture(scope='module')
def arrays():
    rng = np.random.default_rng(0)
    confidence = np.ones((FRAMES, 49, 1))
    return {
        'features': rng.normal(size=(FRAMES, WIDTH)).astype(np.float32),
        'keypoints2d': np.concatenate([rng.uniform(0, 223, (FRAMES, 49, 2)), confidence], axis=-1),
        'keypoints3d': np.concatenate([rng.normal(0, 0.4, (FRAMES, 49, 3)), confidence], axis=-1),
        'body_pose': rng.normal(0, 0.2, (FRAMES, 23, 3)).astype(np.float32),
        'global_orient': rng.normal(0, 0.2, (FRAMES, 3)).astype(np.float32),
        'betas': rng.normal(0, 0.5, (FRAMES, 10)).astype(np.float32),
    }


@pytest.fixture(scope='module')
def dataset_config(arrays, tmp_path_factory):
    """Two videos of 20 frames in a HumanData file, written by mmhuman3d's own class."""
    from mmhuman3d.core.conventions.keypoints_mapping import convert_kps
    from mmhuman3d.data.data_structures.human_data import HumanData

    root = tmp_path_factory.mktemp('human_data')
    (root / 'preprocessed_datasets').mkdir()
    data = HumanData.new(key_strict=False)
    data['image_path'] = [f'video{frame // 20}/{frame:04d}.jpg' for frame in range(FRAMES)]
    data['bbox_xywh'] = np.tile([0.0, 0.0, 224.0, 224.0, 1.0], (FRAMES, 1))
    for name in ('keypoints2d', 'keypoints3d'):
        data[name], data[f'{name}_mask'] = convert_kps(arrays[name], src='smpl_49', dst='human_data')
    data['smpl'] = {name: arrays[name] for name in ('body_pose', 'global_orient', 'betas')}
    data['features'] = arrays['features']
    data.compress_keypoints_by_mask()
    data.dump(str(root / 'preprocessed_datasets' / 'two_videos.npz'))
    return {
        'type': 'mmhuman3d.HumanVideoDataset',
        'data_prefix': str(root),
        'dataset_name': 'pw3d',
        'ann_file': 'two_videos.npz',
        'seq_len': 16,
        'convention': 'smpl_49',
        'pipeline': [
            {'type': 'ToTensor', 'keys': list(FIELDS)},
            {'type': 'Collect', 'keys': list(FIELDS), 'meta_keys': ['image_path']},
        ],
    }


def test_fields_are_those_of_our_batches(arrays, dataset_config):
    dataset = DATASETS.build(dataset_config)
    assert len(dataset) == 2  # one whole window of 16 in each video of 20
    batch = collate_mmhuman3d_windows([dataset[0], dataset[1]])
    rows = np.stack([np.arange(16), np.arange(20, 36)])
    expected = {
        'features': arrays['features'],
        'keypoints3d': arrays['keypoints3d'][..., :3],
        'smpl_pose': np.concatenate([arrays['global_orient'], arrays['body_pose'].reshape(FRAMES, 69)], axis=1),
        'smpl_betas': arrays['betas'],
    }
    for name, array in expected.items():
        np.testing.assert_allclose(batch[name].numpy(), array[rows], rtol=1e-5, atol=1e-6, err_msg=name)
        assert batch[name].dtype == torch.float32
    np.testing.assert_allclose(batch['keypoints2d'][..., 2].numpy(), 1)
    assert batch['frame_valid'].shape == (2, 16)
    assert batch['frame_valid'].all()
    assert batch['has_smpl'].tolist() == batch['has_keypoints3d'].tolist() == [True, True]


def test_pixels_of_the_crop_become_minus_one_to_one(dataset_config):
    sample = DATASETS.build(dataset_config)[0]
    sample['keypoints2d'] = torch.zeros(16, 49, 3)
    sample['keypoints2d'][:, 0, :2] = torch.tensor([223.0, 111.5])
    first, second = collate_mmhuman3d_windows([sample])['keypoints2d'][0, 0, :2, :2].tolist()
    assert first == [1, 0]
    assert second == [-1, -1]


def test_clips_without_targets_say_so(dataset_config):
    sample = DATASETS.build(dataset_config)[0]
    sample['keypoints3d'][3, 30, 3] = 0  # one joint of one frame has no confidence
    sample['has_smpl'] = torch.zeros_like(sample['has_smpl'])
    batch = collate_mmhuman3d_windows([sample])
    assert not batch['has_keypoints3d'].any()
    assert not batch['has_smpl'].any()


def test_missing_fields_and_other_conventions_are_errors(dataset_config):
    sample = DATASETS.build(dataset_config)[0]
    with pytest.raises(InputError, match=r'data set gives no smpl_betas; expected Collect\(keys='):
        collate_mmhuman3d_windows([{key: value for key, value in sample.items() if key != 'smpl_betas'}])
    other = DATASETS.build({**dataset_config, 'convention': 'human_data'})[0]
    with pytest.raises(InputError, match=r"joints, expected 49: convention='smpl_49'"):
        collate_mmhuman3d_windows([other])


@pytest.mark.training
def test_our_runner_trains_on_their_data_set(repository, body_dir, dataset_config, tmp_path):
    """mmengine's own loop and sampler: ours resume inside an epoch, which needs our data set."""
    cfg = load_config(
        repository / 'configs/glot/mixed/gru_hmr.py',
        {
            'model.head.in_dim': WIDTH,
            'model.head.neck': {'type': 'mmhuman3d.TemporalGRUEncoder', 'input_size': WIDTH, 'hidden_size': 8},
            'model.head.head': {'type': 'mmhuman3d.HMRHead', 'feat_dim': WIDTH, 'hdim': 8},
            'log_level': 'ERROR',
        },
    )
    cfg.train_dataloader = {
        'batch_size': 2,
        'num_workers': 0,
        'dataset': dataset_config,
        'sampler': {'type': 'InfiniteSampler', 'shuffle': True},
        'collate_fn': {'type': 'glot.collate_mmhuman3d_windows'},
    }
    cfg.train_cfg = {'type': 'IterBasedTrainLoop', 'max_iters': 3}
    cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
    cfg.default_hooks.checkpoint.pop('save_best')
    runner = train(prepare(cfg, tmp_path, body_models=body_dir))
    assert runner.iter == 3
    weights = runner.model.state_dict()
    assert all(value.isfinite().all() for value in weights.values())
    assert FUNCTIONS.get('glot.collate_mmhuman3d_windows') is collate_mmhuman3d_windows
