"""Bodies in the full picture: turned to its camera, and standing where the landmarks are."""

import numpy as np
import pytest
import torch

from glot_plugin.features.landmarks import FEATURE_DIM, SPIN49_OF_BLAZEPOSE21, landmark_box, landmark_features
from glot_plugin.structures import SmplParams, rotmat_to_rot6d
from glot_plugin.video.agreement import agreement
from glot_plugin.video.bodies import predict_bodies
from glot_plugin.video.camera import crop_orientation, project_to_picture
from glot_plugin.video.people import People, PersonInClip

SIZE, FOCAL, FRAMES = (1080, 1920), 2000.0, 3
LEAN = torch.tensor([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]])  # upright before a camera with y down


class KnownPose:
    """Predicts a person who stands in the rest pose, as the crop's camera sees it."""

    def predict_track(self, features: torch.Tensor) -> SmplParams:
        rotmat = torch.eye(3).repeat(len(features), 24, 1, 1)
        rotmat[:, 0] = LEAN
        camera = torch.tensor([0.8, 0.0, 0.2]).repeat(len(features), 1)
        return SmplParams(rotmat_to_rot6d(rotmat), torch.zeros(len(features), 10), camera)


@pytest.fixture(scope='module')
def seen(body):
    """A person at the left of the picture: 3D points and pixels (N, 21, …), as a perspective camera sees them."""
    rotmat = KnownPose().predict_track(torch.zeros(FRAMES, 1)).rotmat
    joints = body.joints(rotmat, torch.zeros(FRAMES, 10)).numpy().astype(np.float64)
    translation = np.array([[-0.9, 0.2, 4.0]] * FRAMES)
    box = landmark_box(project_to_picture(joints[:, SPIN49_OF_BLAZEPOSE21], translation, FOCAL, SIZE))
    turn = crop_orientation(box, FOCAL, SIZE)
    pelvis = joints[:, 8:9]
    in_picture = (joints - pelvis) @ turn.swapaxes(1, 2) + pelvis
    pixels = project_to_picture(in_picture, translation, FOCAL, SIZE)[:, SPIN49_OF_BLAZEPOSE21]
    return joints[:, SPIN49_OF_BLAZEPOSE21], pixels, box, translation


def clip(features, box) -> People:
    person = PersonInClip(1, np.arange(FRAMES), box, np.ones(FRAMES, bool), features)
    return People('clip', SIZE, 25.0, np.arange(FRAMES) / 25, (person,))


def test_people_stand_where_their_landmarks_are(body, seen):
    world, pixels, box, translation = seen
    visibility = np.ones((FRAMES, 21))
    visibility[:, 9] = 0
    wrong = pixels.copy()
    wrong[:, 9] += 30  # the hidden wrist
    features = landmark_features(world, wrong, visibility, box)
    result = predict_bodies(clip(features, box), KnownPose(), body, FOCAL)
    (track,) = result.people
    np.testing.assert_allclose(track.translation, translation, atol=0.05)
    apart = np.linalg.norm(track.joints2d[:, SPIN49_OF_BLAZEPOSE21] - pixels, axis=-1)
    assert np.median(apart) < 3
    turn = crop_orientation(box, FOCAL, SIZE)
    np.testing.assert_allclose(track.rotmat[:, 0], turn @ LEAN.numpy(), atol=1e-5)
    found = agreement(track, features, turn)
    assert found.world < 1
    assert found.picture < 0.3


def test_joints_are_those_of_the_rotations(body, seen):
    world, pixels, box, _ = seen
    features = landmark_features(world, pixels, np.ones((FRAMES, 21)), box)
    (track,) = predict_bodies(clip(features, box), KnownPose(), body, FOCAL).people
    joints = body.joints(torch.from_numpy(track.rotmat), torch.from_numpy(track.betas)).numpy()
    np.testing.assert_allclose(track.joints3d, joints, atol=1e-5)


def test_without_landmarks_the_crop_s_camera_says_where(body, seen):
    *_, box, _ = seen
    features = np.zeros((FRAMES, FEATURE_DIM + 1), np.float32)
    (track,) = predict_bodies(clip(features, box), KnownPose(), body, FOCAL).people
    side = 1.2 * box[:, 2:].max(1)
    expected = box[:, :2] + 0.8 * np.array([0.0, 0.2]) * side[:, None] / 2  # the model's origin
    origin = project_to_picture(track.translation[:, None] * 0, track.translation, FOCAL, SIZE)[:, 0]
    assert np.abs(origin - expected).max() < 0.03 * side[0]
