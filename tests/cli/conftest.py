"""What the tests of tools/video.py share."""

import pytest
import torch

from glot_plugin.apis import init_model

CONFIG = 'glot_plugin::glot/glot_landmarks.py'


@pytest.fixture(scope='module')
def checkpoint(body_dir, tmp_path_factory):
    """Weights of the landmarks model as they are before training."""
    path = tmp_path_factory.mktemp('weights') / 'landmarks.pth'
    torch.manual_seed(0)
    torch.save({'state_dict': init_model(CONFIG, device='cpu', body_model_dir=body_dir).state_dict()}, path)
    return path
