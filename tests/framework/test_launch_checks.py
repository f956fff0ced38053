"""One sample through an estimator's parts, before its runner starts."""

import pytest
import torch
from torch import nn

import glot_plugin.framework  # noqa: F401 - before mmhuman3d

# isort: split
from mmhuman3d.models.architectures.mesh_estimator import VideoBodyModelEstimator

from glot_plugin.errors import InputError
from glot_plugin.framework.launch_checks import check_first_sample

WHOLE = {'pred_pose': (1, 4, 24, 3, 3), 'pred_shape': (1, 4, 10), 'pred_cam': (1, 4, 3)}


class Head(nn.Module):
    """Zeros of given shapes; notes the modes that it ran in."""

    def __init__(self, shapes: dict) -> None:
        super().__init__()
        self.shapes, self.modes = shapes, []
        self.frozen = nn.BatchNorm1d(2).eval()
        self.dropout = nn.Dropout()

    def forward(self, features: torch.Tensor) -> dict:
        self.modes.append((self.training, tuple(features.shape)))
        return {key: torch.zeros(shape) for key, shape in self.shapes.items()}


def estimator(shapes: dict) -> VideoBodyModelEstimator:
    model = VideoBodyModelEstimator()
    model.head = Head(shapes)
    return model


SAMPLES = [{'features': torch.zeros(4, 6)}]


def test_parts_that_fit_are_left_as_they_were():
    model = estimator(WHOLE)
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    check_first_sample(model, SAMPLES, 'c.py')
    assert model.head.modes == [(False, (1, 4, 6))]
    assert (model.head.training, model.head.dropout.training, model.head.frozen.training) == (True, True, False)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    ('key', 'shape', 'message'),
    [
        ('pred_pose', (1, 24, 3, 3), r'Head gives pred_pose \(1, 24, 3, 3\), expected \(1, 4, 24, 3, 3\)'),
        ('pred_pose', (1, 1, 24, 3, 3), r'expected \(1, 4, 24, 3, 3\)'),
        ('pred_shape', (1, 4, 12), r'pred_shape \(1, 4, 12\), expected \(1, 4, 10\)'),
        ('pred_cam', None, r'c.py: Head gives no pred_cam, expected \(1, 4, 3\)'),
    ],
)
def test_heads_that_do_not_give_all_joints_and_frames(key, shape, message):
    shapes = {name: each for name, each in {**WHOLE, key: shape}.items() if each is not None}
    with pytest.raises(InputError, match=message):
        check_first_sample(estimator(shapes), SAMPLES, 'c.py')


def test_a_sample_that_cannot_be_read_names_the_data():
    with pytest.raises(InputError, match=r'c.py: data.train: its first sample cannot be read \(IndexError'):
        check_first_sample(estimator(WHOLE), [], 'c.py: data.train')


def test_other_models_are_left_alone():
    model = nn.Module()
    model.head = Head({})
    check_first_sample(model, SAMPLES, 'c.py')
    assert model.head.modes == []
