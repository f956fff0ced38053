"""Errors frame by frame agree with the metrics that average them."""

import numpy as np
import pytest
import torch

from glot_plugin.datasets import TrackDataset
from glot_plugin.evaluation import BodyMetric
from glot_plugin.evaluation.frame_errors import (
    frame_acceleration_errors,
    frame_errors,
    h36m14_joints,
    true_h36m14_joints,
)
from glot_plugin.structures import SmplParams


@pytest.fixture
def item(synthetic_data) -> dict:
    return TrackDataset(synthetic_data / 'test')[0]


def test_means_are_those_of_the_metric(item, body, body_dir):
    torch.manual_seed(0)
    count = len(item['features'])
    params = SmplParams(torch.randn(count, 144), torch.zeros(count, 10), torch.ones(count, 3))
    metric = BodyMetric({'type': 'SMPLBody', 'model_dir': str(body_dir)}, metrics=('MPJPE', 'PA-MPJPE', 'ACCEL'))
    metric.process(item, [{'params': params}])
    expected = metric.evaluate(1)
    predicted, true = h36m14_joints(body, params.rotmat.numpy(), params.betas.numpy()), true_h36m14_joints(body, item)
    found = frame_errors(predicted, true)
    accelerations = frame_acceleration_errors(predicted, true)
    for name, values in found.items():
        assert values.mean() == pytest.approx(expected[name], rel=1e-5)
    assert np.isnan(accelerations[[0, -1]]).all()
    assert np.nanmean(accelerations) == pytest.approx(expected['ACCEL'], rel=1e-5)


def test_truth_is_the_stored_joints_or_those_of_smpl(item, body):
    stored = true_h36m14_joints(body, item)
    np.testing.assert_array_equal(stored, item['keypoints3d'])
    item['has_keypoints3d'] = False
    centred = [joints - joints[:, :1] for joints in (true_h36m14_joints(body, item), stored)]
    np.testing.assert_allclose(*centred, atol=1e-4)
    item['has_smpl'] = False
    assert true_h36m14_joints(body, item) is None


@pytest.mark.parametrize('count', [1, 2])
def test_short_tracks_have_no_acceleration(count):
    joints = np.zeros((count, 14, 3))
    np.testing.assert_array_equal(frame_acceleration_errors(joints, joints), np.full(count, np.nan))
