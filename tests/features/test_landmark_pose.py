"""The pose of landmarks in closed form: near the true one, turning with the body, and finite whatever comes."""

import numpy as np
import pytest
import roma
import torch

from glot_plugin.body_model import project
from glot_plugin.datasets.synthetic.key_poses import draw_varied_motion
from glot_plugin.errors import InputError
from glot_plugin.features.landmark_embedding import EMBEDDED_DIM, LandmarkEmbedding, extend_landmarks
from glot_plugin.features.landmark_pose import LandmarkPose, fitted_camera, landmark_rotations, smooth_landmarks
from glot_plugin.features.landmarks import LANDMARK_HIPS, SPIN49_OF_BLAZEPOSE21, WORLD_UNIT
from glot_plugin.models import GLoTHead

LIMBS = {'left elbow': (4, 18), 'left hip': (5, 1), 'left knee': (6, 4), 'right hip': (10, 2), 'right knee': (11, 5)}


@pytest.fixture(scope='module')
def rotmat() -> torch.Tensor:
    """(60, 24, 3, 3) rotations of people in all sorts of poses."""
    motions = [draw_varied_motion(3, 2.0, np.random.default_rng(seed)).rotmat for seed in range(20)]
    return torch.from_numpy(np.concatenate(motions)).float()


@pytest.fixture(scope='module')
def points(body, rotmat) -> torch.Tensor:
    """Their landmarks (60, 21, 3), in metres."""
    return body.joints(rotmat, torch.zeros(len(rotmat), 10))[:, list(SPIN49_OF_BLAZEPOSE21)]


@pytest.fixture(scope='module')
def camera() -> torch.Tensor:
    return torch.tensor([0.9, 0.05, 0.2])


@pytest.fixture(scope='module')
def features(points, camera) -> torch.Tensor:
    """The landmark features (60, 126) of people that the camera sees."""
    centred = points - points[:, LANDMARK_HIPS].mean(1, keepdim=True)
    crop = project(points, camera.expand(len(points), 3))
    return torch.cat([centred.flatten(1) / WORLD_UNIT, crop.flatten(1), torch.ones(len(points), 21)], dim=1)


def degrees(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return torch.rad2deg(roma.rotmat_geodesic_distance(one, other))


def test_rotations_are_near_the_true_ones(points, rotmat):
    found = landmark_rotations(points)
    torch.testing.assert_close(found @ found.mT, torch.eye(3).expand_as(found), atol=1e-3, rtol=0)
    assert (torch.linalg.det(found) > 0).all()
    assert degrees(found[:, 0], rotmat[:, 0]).median() < 6
    for name, (place, joint) in LIMBS.items():
        assert degrees(found[:, place], rotmat[:, joint]).median() < (30 if 'elbow' in name else 12), name


def test_they_turn_with_the_body(points):
    turn = roma.random_rotmat(1)
    found, turned = landmark_rotations(points), landmark_rotations(points @ turn.mT)
    torch.testing.assert_close(turned[:, 0], turn @ found[:, 0], atol=1e-4, rtol=0)
    torch.testing.assert_close(turned[:, 1:], found[:, 1:], atol=1e-4, rtol=0)


def test_rest_pose_is_rest(body):
    rest = body.joints(torch.eye(3).expand(1, 24, 3, 3), torch.zeros(1, 10))[:, list(SPIN49_OF_BLAZEPOSE21)]
    angles = degrees(landmark_rotations(rest), torch.eye(3).expand(1, 13, 3, 3))
    assert angles.max() < 20
    assert angles[0, [0, 3, 5, 6]].max() < 13


def test_mirrored_people_have_mirrored_rotations(points):
    flip = torch.tensor([-1.0, 1.0, 1.0])
    swap = [0, *(i + 1 if i % 2 else i - 1 for i in range(1, 21))]
    mirrored = landmark_rotations((points * flip)[:, swap])
    expected = landmark_rotations(points) * flip * flip[:, None]
    torch.testing.assert_close(mirrored[:, :3], expected[:, :3], atol=1e-4, rtol=0)
    torch.testing.assert_close(mirrored[:, 3:8], expected[:, 8:], atol=1e-4, rtol=0)


def test_landmarks_that_coincide_are_harmless():
    nothing = torch.zeros(2, 16, 126)
    assert extend_landmarks(nothing).isfinite().all()
    params = LandmarkPose()(nothing)
    assert params.pose6d.isfinite().all()
    assert params.camera.isfinite().all()


def test_camera_that_fits(points, camera):
    seen = camera[0] * (points[..., :2] + camera[1:])
    found = fitted_camera(points, seen, torch.ones(len(points), 21))
    torch.testing.assert_close(found, camera.expand_as(found), atol=1e-4, rtol=0)
    seen[:, 9] += 3.0  # a wrist that is not visible
    weight = torch.ones(len(points), 21)
    weight[:, 9] = 0
    torch.testing.assert_close(fitted_camera(points, seen, weight), found, atol=1e-4, rtol=0)


@pytest.mark.parametrize('neighbour', [0.0, 0.25, 1.0])
def test_smoothing_is_a_weighted_mean_of_neighbours(neighbour):
    random = torch.Generator().manual_seed(0)
    points, weight = torch.randn(2, 6, 4, 3, generator=random), torch.rand(2, 6, 4, generator=random) + 0.1
    smoothed = smooth_landmarks(points, weight, neighbour)
    for frame in range(6):
        near = [other for other in range(6) if abs(other - frame) <= 1]
        share = torch.stack([weight[:, other] * (1 if other == frame else neighbour) for other in near], dim=1)
        expected = (share[..., None] * points[:, near]).sum(1) / share.sum(1)[..., None]
        torch.testing.assert_close(smoothed[:, frame], expected)


@torch.no_grad()
def test_the_pose_s_body_stands_where_the_landmarks_are(body, features, points):
    """Frame by frame (each is another person here), within a few centimetres and percent of the crop."""
    params = LandmarkPose(neighbour=0)(features)
    joints = body.joints(params.rotmat, params.betas)
    picked = list(SPIN49_OF_BLAZEPOSE21)
    found = joints[:, picked] - joints[:, picked][:, LANDMARK_HIPS].mean(1, keepdim=True)
    truth = points - points[:, LANDMARK_HIPS].mean(1, keepdim=True)
    assert (found - truth).norm(dim=-1).median() < 0.05
    crop = project(joints[:, picked], params.camera)
    distance = (crop - features[:, 63:105].unflatten(-1, (21, 2))).norm(dim=-1) / 2
    assert distance.median() < 0.03


def test_embedding(features):
    extended = extend_landmarks(features)
    assert extended.shape == (60, EMBEDDED_DIM)
    torch.testing.assert_close(extended[:, :126], features)
    layer = LandmarkEmbedding(126, 8)
    torch.testing.assert_close(layer(features), layer.proj(extended))
    for part in (LandmarkEmbedding, LandmarkPose):
        with pytest.raises(InputError, match='in_dim is 2048, expected the 126 of landmark features'):
            part(2048) if part is LandmarkPose else part(2048, 8)


def head(neighbour: float = 0.25) -> GLoTHead:
    torch.manual_seed(0)
    embedding = {'type': 'LandmarkEmbedding'}
    transformer = {'embed_dim': 16, 'decoder_dim': 8, 'mask_ratio': 0.0, 'embedding': embedding}
    return GLoTHead(
        126,
        global_branch={
            'start': {'type': 'LandmarkPose', 'neighbour': neighbour},
            'transformer': transformer,
            'regressor': {'hidden_dim': 16},
        },
        local_branch={'dim': 16, 'depth': 1, 'regressor': {'hidden_dim': 16}, 'embedding': embedding},
    ).eval()


@pytest.mark.parametrize('neighbour', [0.0, 1.0])
@torch.no_grad()
def test_windows_and_tracks_are_predicted_alike(features, neighbour):
    """What a window starts from is the same, whether it comes alone, in training's way, or as part of a track."""
    model = head(neighbour)
    track = model.predict_track(features)
    window = features[20:36]
    alone = model.predict(window[None])
    trained = model(window[None]).local_params[:, 1]
    for name in ('pose6d', 'betas', 'camera'):
        torch.testing.assert_close(getattr(alone, name)[0], getattr(track, name)[28], atol=1e-5, rtol=0)
        torch.testing.assert_close(getattr(trained, name)[0], getattr(track, name)[28], atol=1e-5, rtol=0)


@torch.no_grad()
def test_prediction_starts_from_the_closed_form(features):
    """Before any training the regressor adds next to nothing; masked frames start from the mean."""
    model = head()
    start = LandmarkPose(neighbour=0.25)(features[:16])
    torch.testing.assert_close(model(features[None, :16]).global_params.pose6d[0], start.pose6d, atol=0.15, rtol=0)
    mask = torch.zeros(1, 16, dtype=torch.bool)
    mask[0, 4:] = True
    masked = model(features[None, :16], mask).global_params.pose6d[0]
    mean = model.global_branch.regressor.mean_params.pose6d
    torch.testing.assert_close(masked[4:], mean.expand(12, -1), atol=0.15, rtol=0)
    torch.testing.assert_close(masked[:4], start.pose6d[:4], atol=0.15, rtol=0)
