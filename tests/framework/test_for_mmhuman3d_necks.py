"""Necks, losses and the pipeline step, built by mmhuman3d's own functions."""

import numpy as np
import pytest
import torch

import glot_plugin.framework  # noqa: F401 - before mmhuman3d

# isort: split
from mmhuman3d.data.datasets.builder import PIPELINES
from mmhuman3d.models.heads.builder import HEADS
from mmhuman3d.models.losses.builder import build_loss
from mmhuman3d.models.necks.builder import NECKS, build_neck

from glot_plugin.errors import InputError
from glot_plugin.losses import VelocityLoss2d, VelocityLoss3d
from glot_plugin.registry import MODELS

TRANSFORMER = {'in_dim': 12, 'num_frames': 8, 'embed_dim': 16, 'decoder_dim': 16, 'decoder_num_heads': 4}


def test_global_transformer_gives_features_of_every_frame():
    neck = build_neck({'type': 'glot.GlobalTransformer', **TRANSFORMER}).eval()
    features = torch.randn(2, 8, 12)
    torch.testing.assert_close(neck(features), neck.transformer(features)[0])
    with pytest.raises(InputError, match=r'\(2, 7, 12\), expected \(clips, 8 frames, 12\)'):
        neck(torch.zeros(2, 7, 12))


def test_global_transformer_masks_in_training_only():
    neck = build_neck({'type': 'glot.GlobalTransformer', **TRANSFORMER, 'dropout': 0.0, 'drop_path': 0.0}).train()
    features = torch.randn(2, 8, 12)
    torch.manual_seed(3)
    masked = neck(features)
    torch.manual_seed(3)
    frame_mask = neck.transformer.masking.draw(2, 8)
    torch.testing.assert_close(masked, neck.transformer(features, frame_mask)[0])
    open_neck = build_neck({'type': 'glot.GlobalTransformer', **TRANSFORMER, 'mask_ratio': 0.0, 'drop_path': 0.0})
    open_neck.load_state_dict(neck.state_dict())
    torch.testing.assert_close(open_neck.eval()(features), neck.eval()(features))


def test_masking_hides_half_the_frames_from_the_neck_behind_it():
    inner = {'type': 'TemporalGRUEncoder', 'input_size': 12, 'hidden_size': 8}
    neck = build_neck({'type': 'glot.MPSEMasking', 'in_dim': 12, 'neck': inner})
    features = torch.randn(3, 8, 12)
    torch.testing.assert_close(neck.eval()(features), neck.neck(features))
    alone = build_neck({'type': 'glot.MPSEMasking', 'in_dim': 12}).train()
    hidden = (alone(features) == alone.masking.token()).all(dim=-1)
    assert hidden.sum(dim=1).tolist() == [4, 4, 4]
    with pytest.raises(InputError, match=r'\(3, 8, 11\), expected \(clips, frames, 12\)'):
        alone(torch.zeros(3, 8, 11))


def test_masking_keeps_the_other_frames():
    neck = build_neck({'type': 'glot.MPSEMasking', 'in_dim': 12, 'mask_ratio': 0.25}).train()
    features = torch.randn(2, 8, 12)
    masked = neck(features)
    kept = (masked == features).all(dim=-1)
    assert kept.sum(dim=1).tolist() == [6, 6]


def test_nearby_frames_as_neck_and_as_pipeline_step():
    features = np.arange(16 * 2, dtype=np.float32).reshape(16, 2)
    neck = build_neck({'type': 'glot.NearbyFrames', 'num_frames': 16, 'nearby': 4})
    np.testing.assert_array_equal(neck(torch.from_numpy(features)[None])[0].numpy(), features[4:13])
    step = PIPELINES.get('glot.NearbyFrames')(num_frames=16, nearby=4)
    sample = step({'features': features, 'has_smpl': np.ones((16, 1), int), 'dataset_name': 'x'})
    np.testing.assert_array_equal(sample['features'], features[4:13])
    assert sample['has_smpl'].shape == (9, 1)
    assert sample['dataset_name'] == 'x'
    with pytest.raises(InputError, match='features has 15 frames, expected num_frames=16'):
        step({'features': features[1:]})


def test_velocity_losses_are_those_of_the_core():
    loss = build_loss({'type': 'glot.VelocityLoss3d', 'loss_weight': 2.0})
    assert isinstance(loss, VelocityLoss3d)
    assert isinstance(build_loss({'type': 'glot.VelocityLoss2d'}), VelocityLoss2d)
    still, moving = torch.zeros(1, 3, 2, 3), torch.zeros(1, 3, 2, 3)
    moving[0, 1:, :, 0] = 3.0  # one step of 3 m along x from frame 0 to 1
    # 2 joints x 3² over 3 frames x 2 joints x 3 coordinates, times the weight
    assert loss(moving, still, torch.ones(1, 3), torch.ones(1)).item() == pytest.approx(2 * 2 * 9 / 18)


def test_scoped_names_build_in_both_frameworks():
    assert MODELS.build({'type': 'glot.VelocityLoss3d'}).loss_weight == 1.0
    assert type(build_loss({'type': 'glot.VelocityLoss3d'})) is type(MODELS.build({'type': 'glot.VelocityLoss3d'}))
    assert MODELS.build({'type': 'mmhuman3d.HMRHead', 'feat_dim': 12}).fc1.in_features == 12 + 157
    assert HEADS.build({'type': 'mmhuman3d.HMRHead', 'feat_dim': 12}).fc1.in_features == 12 + 157
    # Ours hide none of mmhuman3d's.
    assert 'HSCRHead' not in HEADS.module_dict
    assert 'GlobalTransformer' not in NECKS.module_dict


def test_parts_are_registered_whichever_module_comes_first(run_python):
    code = """
import glot_plugin.framework, sys
assert 'mmhuman3d.models' not in sys.modules, 'mmhuman3d was imported early'
import importlib
importlib.import_module(sys.argv[1])
from mmhuman3d.models.heads.builder import HEADS
from mmhuman3d.models.necks.builder import NECKS
from mmhuman3d.models.losses.builder import LOSSES
from mmhuman3d.models.architectures.builder import ARCHITECTURES
from mmhuman3d.data.datasets import DATASETS, PIPELINES
found = [HEADS.get('glot.HSCRHead'), HEADS.get('glot.GLoTHead'), NECKS.get('glot.MPSEMasking'),
    LOSSES.get('glot.VelocityLoss2d'), ARCHITECTURES.get('glot.GLoTVideoEstimator'),
    ARCHITECTURES.get('glot.VideoBodyModelEstimator'), DATASETS.get('glot.HumanVideoDataset'),
    PIPELINES.get('glot.NearbyFrames')]
print(all(found))
"""
    modules = ('mmhuman3d.data.datasets', 'mmhuman3d.models.losses.builder')
    for module in modules:
        assert run_python(code, module).strip().endswith('True')
