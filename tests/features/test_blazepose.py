"""BlazePose's geometry against hand-made numbers, and both models on a real frame."""

import importlib.util
import sys

import numpy as np
import pytest
import torch

from glot_plugin.errors import InputError
from glot_plugin.features import blazepose
from glot_plugin.features.backbones import BackboneSpec, build_backbone
from glot_plugin.features.blazepose import (
    Roi,
    anchor_centers,
    box_overlaps,
    crop_to_image,
    merge_detections,
    refine_with_heatmaps,
    roi_between,
)
from glot_plugin.features.crops import crop_square
from glot_plugin.features.landmarks import split_landmark_features

needs_models = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ('mediapipe', 'ai_edge_litert', 'av')),
    reason='ai-edge-litert, av or mediapipe is not installed',
)


@pytest.fixture(scope='module')
def frame() -> np.ndarray:
    from glot_plugin.video.clip import open_clip
    from glot_plugin.video.clips import SINGLE_PERSON

    return next(iter(open_clip(SINGLE_PERSON).frames())).image


def test_anchors():
    anchors = anchor_centers()
    assert anchors.shape == (2254, 2)
    np.testing.assert_array_equal(anchors[:4], [[4, 4], [4, 4], [12, 4], [12, 4]])
    np.testing.assert_array_equal(anchors[28 * 28 * 2], [8, 8])
    np.testing.assert_array_equal(anchors[-1], [208, 208])


def test_overlapping_detections_are_averaged_by_score():
    values = np.array([[10, 10, 10, 10, 1], [12, 10, 10, 10, 4], [50, 50, 10, 10, 9]], float)
    np.testing.assert_allclose(box_overlaps(values[0, :4], values[:, :4]), [1, 80 / 120, 0])
    merged, scores = merge_detections(values, np.array([0.5, 0.25, 0.9]))
    np.testing.assert_allclose(merged, [values[2], (2 * values[0] + values[1]) / 3])
    np.testing.assert_allclose(scores, [0.9, 0.5])
    assert merge_detections(np.zeros((0, 12)), np.zeros(0))[0].shape == (0, 12)


def test_the_crop_is_turned_with_the_body():
    upright = roi_between(np.array([50.0, 60.0]), np.array([50.0, 20.0]))
    assert (upright.side, upright.angle) == (100, 0)
    lying = roi_between(np.array([50.0, 60.0]), np.array([90.0, 60.0]))  # the head to the right
    assert lying.angle == pytest.approx(np.pi / 2)
    for roi, head in ((upright, (50, 10)), (lying, (100, 60))):
        matrix = crop_to_image(roi, 256)
        np.testing.assert_allclose(matrix @ [128, 0, 1], head, atol=1e-9)  # the middle of the crop's upper edge
        np.testing.assert_allclose(matrix @ [128, 128, 1], [50, 60], atol=1e-9)


def test_heatmaps_refine_where_they_have_a_peak():
    heatmaps = np.full((64, 64, 2), -100.0)
    heatmaps[30, 41, 0] = heatmaps[30, 42, 0] = 10
    heatmaps[5, 5, 1] = 10  # far from the second point
    points = np.array([[40.5 / 64, 31.5 / 64], [0.5, 0.5]])
    np.testing.assert_allclose(refine_with_heatmaps(points, heatmaps), [[41.5 / 64, 30 / 64], [0.5, 0.5]], atol=1e-6)


@needs_models
def test_a_person_is_found_whichever_way_the_picture_is_turned(frame):
    """The landmarks of a picture that lies on its side are those of the upright one, turned."""
    detector, landmarker = blazepose.BlazePoseDetector(), blazepose.BlazePoseLandmarker()
    found = detector(frame)
    assert len(found.scores) == 1
    upright = landmarker(frame, roi_between(*found.points[0, :2]))
    assert upright.presence > 0.9
    np.testing.assert_allclose(upright.image[[23, 24]].mean(axis=0), found.points[0, 0], atol=40)
    assert upright.image[0, 1] < upright.image[23, 1] < upright.image[27, 1]  # nose, hip and ankle, y down
    assert upright.world[0, 1] < 0 < upright.world[27, 1]
    again = landmarker(frame, upright.roi)
    np.testing.assert_allclose(again.image, upright.image, atol=30)

    turned = np.ascontiguousarray(np.rot90(frame))  # (x, y) goes to (y, W - x)
    center = np.array([upright.roi.center[1], frame.shape[1] - upright.roi.center[0]])
    lying = landmarker(turned, Roi(center, upright.roi.side, upright.roi.angle - np.pi / 2))
    expected = np.stack([again.image[:, 1], frame.shape[1] - again.image[:, 0]], axis=1)
    np.testing.assert_allclose(lying.image, expected, atol=12)
    world = np.stack([again.world[:, 1], -again.world[:, 0], again.world[:, 2]], axis=1)
    np.testing.assert_allclose(lying.world, world, atol=0.05)


@needs_models
def test_backbone(frame):
    backbone = build_backbone(BackboneSpec('blazepose'))
    box = np.array([430, 500, 300, 600.0])
    crops = torch.from_numpy(np.stack([crop_square(frame, box, backbone.crop_size), np.zeros((512, 512, 3), np.uint8)]))
    features = backbone(crops).numpy()
    assert features.shape == (2, backbone.feature_dim) == (2, 126)
    found = split_landmark_features(features)
    assert found.visibility[0].mean() > 0.7
    assert (found.visibility[1] == 0).all()  # nobody
    nose = box[:2] + found.crop[0, 0] * 1.2 * 600 / 2
    detected = blazepose.BlazePoseDetector()(frame)
    reference = blazepose.BlazePoseLandmarker()(frame, roi_between(*detected.points[0, :2]))
    np.testing.assert_allclose(nose, reference.image[0], atol=15)


def test_what_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setattr(blazepose, 'find_spec', lambda name: None)
    with pytest.raises(InputError, match='not installed: pip install --no-deps mediapipe==0.10.21'):
        blazepose.BlazePoseDetector()
    spec = type('Spec', (), {'submodule_search_locations': [str(tmp_path)]})
    monkeypatch.setattr(blazepose, 'find_spec', lambda name: spec)
    with pytest.raises(
        InputError, match=r'has no modules/pose_landmark/pose_landmark_full.tflite: pip install --no-deps'
    ):
        blazepose.BlazePoseLandmarker()
    (tmp_path / blazepose.LANDMARK_FILE).parent.mkdir(parents=True)
    (tmp_path / blazepose.LANDMARK_FILE).touch()
    monkeypatch.setitem(sys.modules, 'ai_edge_litert.interpreter', None)
    with pytest.raises(InputError, match=r'needs ai-edge-litert, .*: pip install "glot_plugin\[video\]"'):
        blazepose.BlazePoseLandmarker()
    with pytest.raises(InputError, match='--weights x.pth: not for blazepose'):
        build_backbone(BackboneSpec('blazepose', 'x.pth'))


def test_a_damaged_model(tmp_path, monkeypatch):
    pytest.importorskip('ai_edge_litert')
    path = tmp_path / 'model.tflite'
    path.write_bytes(b'TFL3' * 10)
    monkeypatch.setattr(blazepose, 'find_model', lambda name: path)
    with pytest.raises(InputError, match=r'model.tflite: damaged \(.*install it again'):
        blazepose.BlazePoseLandmarker()
