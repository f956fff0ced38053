import torch

from glot_plugin.body_model.smpl_files import load_mean_params
from glot_plugin.datasets import TrackDataset
from glot_plugin.experiments.scoring import score, score_mean_pose
from glot_plugin.models import MeanPoseHead


def test_features_come_on_the_models_device(synthetic_data, body_dir):
    dataset, head = TrackDataset(str(synthetic_data / 'val')), MeanPoseHead(load_mean_params(body_dir))

    def predict(features: torch.Tensor):
        assert features.device.type == 'meta'  # which has no values, like a GPU that is not there
        return head.predict_track(torch.zeros(features.shape))

    assert score(dataset, body_dir, predict, 'meta') == score_mean_pose(dataset, body_dir)
