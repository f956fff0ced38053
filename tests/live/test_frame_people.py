"""Who is in a frame: identities from 1, and the features of landmarks or of crops."""

import numpy as np
import pytest
import torch

from glot_plugin.features.backbones import BackboneSpec
from glot_plugin.features.blazepose import PoseLandmarks, Roi
from glot_plugin.features.landmarks import split_landmark_features
from glot_plugin.live import frame_people as module
from glot_plugin.live.frame_people import PeopleFinder
from glot_plugin.video.people_stage import PeopleOptions
from glot_plugin.video.tracking import Observation, observe_box

LEFT, RIGHT = np.array([10.0, 20, 10, 10]), np.array([50.0, 20, 10, 10])


class BrightCrop:
    """An extractor of one feature: how bright the crop is."""

    crop_size, feature_dim = 8, 1

    def __call__(self, crops):
        return crops.float().mean(dim=(1, 2, 3))[:, None]

    def to(self, device):
        return self


@pytest.fixture
def finder(monkeypatch):
    """`finder(backbone, *frames)` is a `PeopleFinder` whose tracker finds what the frames say."""

    def make(backbone: str, *frames: dict) -> PeopleFinder:
        found = iter(frames)
        monkeypatch.setattr(module, 'build_tracker', lambda clip, options: lambda image: next(found))
        monkeypatch.setattr(module, 'build_backbone', lambda spec: BrightCrop())
        return PeopleFinder(None, PeopleOptions(backbone=BackboneSpec(backbone)))

    return make


def test_features_of_crops_and_identities(finder):
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, 30:] = 255
    frames = {31: observe_box(LEFT)}, {}, {31: observe_box(LEFT), 77: observe_box(RIGHT)}, {77: observe_box(RIGHT)}
    find = finder('timm:any', *frames)
    people = [find(image) for _ in frames]
    assert [one.ids for one in people] == [[1], [], [1, 2], [2]]
    assert people[1].features.shape == (0, 1)
    np.testing.assert_array_equal(people[2].box, np.stack([LEFT, RIGHT]))
    np.testing.assert_allclose(people[2].features, [[0], [255]])


def test_features_of_landmarks(finder):
    rng = np.random.default_rng(0)
    world, points = rng.normal(size=(33, 3)), rng.uniform(0, 40, (33, 2))
    landmarks = PoseLandmarks(world, points, np.full(33, 0.75), 1.0, Roi(np.zeros(2), 1.0, 0.0))
    find = finder('blazepose', {5: Observation(LEFT, np.zeros((2, 2)), landmarks)}, {})
    people = find(np.zeros((40, 60, 3), np.uint8))
    assert people.ids == [1]
    found = split_landmark_features(people.features)
    np.testing.assert_allclose(found.visibility, 0.75)
    nose = (points[0] - LEFT[:2]) / 6  # the crop is 1.2 times as large as the box
    np.testing.assert_allclose(found.crop[0, 0], nose, atol=1e-5)
    assert find(np.zeros((40, 60, 3), np.uint8)).features.shape == (0, 126)
    assert torch.from_numpy(people.features).dtype == torch.float32
