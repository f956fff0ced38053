"""Detectors: BlazePose's views, torchvision's models, ONNX files, and what can be wrong with them."""

import importlib.util
import sys

import numpy as np
import pytest
import torch

from glot_plugin.errors import InputError
from glot_plugin.features.blazepose import Roi
from glot_plugin.video.detectors import build_detector
from glot_plugin.video.detectors.blazepose import _distinct, _Found, _is_whole, views
from glot_plugin.video.detectors.torchvision_models import TorchvisionDetections


def picture(height: int = 40, width: int = 60) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (height, width, 3)).astype(np.uint8)


def test_views_cover_a_long_picture():
    image = picture(398, 224)
    found = list(views(image))
    assert [view.shape[:2] for view, _ in found] == [(398, 224), (224, 224), (224, 224), (224, 224)]
    assert [offset.tolist() for _, offset in found] == [[0, 0], [0, 0], [0, 87], [0, 174]]
    for view, (x, y) in found:
        np.testing.assert_array_equal(view, image[y : y + view.shape[0], x : x + view.shape[1]])
    assert [offset.tolist() for _, offset in views(picture(100, 150))] == [[0, 0], [0, 0], [50, 0]]
    assert len(list(views(picture(50, 50)))) == 1


def test_people_cut_by_a_view_do_not_count():
    def whole(y: float, side: float) -> bool:
        return _is_whole(Roi(np.array([110.0, y]), side, 0.0), (224, 224, 3), np.array([0, 87]), (398, 224, 3))

    assert whole(200, 200)
    assert not whole(130, 200)
    assert not whole(290, 200)
    edge = Roi(np.array([10.0, 20.0]), 200.0, 0.0)  # cut by the edges of the picture itself
    assert _is_whole(edge, (224, 224, 3), np.zeros(2), (398, 224, 3))


def test_legs_seen_in_a_view_are_no_second_person():
    person = _Found(0.9, Roi(np.array([100.0, 100.0]), 200.0, 0.0), True)
    again = _Found(0.95, Roi(np.array([110.0, 100.0]), 210.0, 0.0), False)
    legs = _Found(0.8, Roi(np.array([100.0, 160.0]), 90.0, 0.0), False)
    other = _Found(0.5, Roi(np.array([250.0, 100.0]), 200.0, 0.0), False)
    behind = _Found(0.6, Roi(np.array([150.0, 100.0]), 150.0, 0.0), True)
    assert [one.score for one in _distinct([again, legs, other, person, behind])] == [0.9, 0.6, 0.5]


class TwoPeople(torch.nn.Module):
    """torchvision's form of answer: two people, one of them unsure, and a dog."""

    def __init__(self, batched_input: bool = False) -> None:
        super().__init__()
        self.bias = torch.nn.Parameter(torch.zeros(1))

    def forward(self, pictures):
        shift = pictures[0].mean() * 0 + self.bias
        boxes = torch.tensor([[5.0, 10, 15, 40], [20, 10, 30, 40], [0, 0, 5, 5]]) + shift
        return [
            {'boxes': boxes, 'labels': torch.tensor([1, 1, 18]), 'scores': torch.tensor([0.9, 0.2, 0.99])},
        ]


def test_torchvision():
    found = TorchvisionDetections(TwoPeople(), 0.5)(picture())
    np.testing.assert_allclose(found.boxes, [[10, 25, 10, 30]])
    np.testing.assert_allclose(found.scores, [0.9])
    assert found.rois is None


def test_torchvision_weights(tmp_path):
    models = pytest.importorskip('torchvision.models')
    name = 'ssdlite320_mobilenet_v3_large'
    with pytest.raises(InputError, match=rf'--detector torchvision:{name}: expected --detector-weights FILE'):
        build_detector(f'torchvision:{name}')
    with pytest.raises(InputError, match='--detector torchvision:none: no such model, expected one of fasterrcnn'):
        build_detector('torchvision:none')
    torch.manual_seed(0)
    state = models.get_model(name, weights=None, weights_backbone=None).state_dict()
    torch.save(state, tmp_path / 'weights.pth')
    detector = build_detector(f'torchvision:{name}', tmp_path / 'weights.pth', least_score=0.01)
    assert detector(picture(64, 64)).boxes.shape[1] == 4
    torch.save(dict(list(state.items())[1:]), tmp_path / 'other.pth')
    with pytest.raises(InputError, match=r'other.pth: does not fit(.|\n)*missing \(1\)'):
        build_detector(f'torchvision:{name}', tmp_path / 'other.pth')


def write_onnx(path, shape, names=('boxes', 'scores', 'labels'), boxes=None):
    """A model that gives fixed boxes, each moved by the mean of the picture."""
    onnx = pytest.importorskip('onnx')
    pytest.importorskip('onnxruntime')
    from onnx import TensorProto, helper, numpy_helper

    boxes = [[10, 20, 30, 60], [0, 0, 8, 8], [40, 20, 50, 60]] if boxes is None else boxes
    values = {
        'boxes0': np.array(boxes, np.float32),
        'scores': np.array([0.7, 0.95, 0.8], np.float32),
        'labels': np.array([1, 3, 1], np.int64),
    }
    nodes = [helper.make_node('ReduceMean', ['picture'], ['mean'], keepdims=0)]
    nodes += [helper.make_node('Add', ['boxes0', 'mean'], [names[0]])]
    nodes += [helper.make_node('Constant', [], [n], value=numpy_helper.from_array(values[n])) for n in names[1:]]
    graph = helper.make_graph(
        nodes,
        'detector',
        [helper.make_tensor_value_info('picture', TensorProto.FLOAT, shape)],
        [
            helper.make_tensor_value_info(n, TensorProto.INT64 if n == 'labels' else TensorProto.FLOAT, None)
            for n in names
        ],
        [numpy_helper.from_array(values['boxes0'], 'boxes0')],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8), path)
    return path


@pytest.mark.parametrize('shape', [(1, 3, 'h', 'w'), (3, 'h', 'w'), (1, 3, 80, 120)])
def test_onnx(tmp_path, shape):
    detector = build_detector(f'onnx:{write_onnx(tmp_path / "people.onnx", shape)}')
    found = detector(np.zeros((40, 60, 3), np.uint8))
    scale = 2 if shape[-1] == 120 else 1  # the picture is fitted into 120 x 80
    np.testing.assert_allclose(found.boxes, np.array([[45, 40, 10, 40], [20, 40, 20, 40]]) / scale)
    np.testing.assert_allclose(found.scores, [0.8, 0.7])
    moved = detector(np.full((40, 60, 3), 255, np.uint8))
    np.testing.assert_allclose(moved.boxes[:, :2], found.boxes[:, :2] + 1 / scale, atol=1e-5)  # pictures are in [0, 1]


def test_onnx_without_labels_and_with_padding(tmp_path):
    path = write_onnx(tmp_path / 'people.onnx', (1, 3, 80, 80), names=('boxes', 'scores'))
    found = build_detector(f'onnx:{path}', least_score=0.9)(np.full((40, 80, 3), 255, np.uint8))
    np.testing.assert_allclose(found.boxes, [[4.5, 4.5, 8, 8]])  # half of the square is black


def test_bad_onnx_files(tmp_path):
    with pytest.raises(InputError, match='its outputs are scores, x, expected boxes'):
        build_detector(f'onnx:{write_onnx(tmp_path / "a.onnx", (1, 3, 8, 8), names=("x", "scores"))}')
    with pytest.raises(InputError, match=r'takes picture tensor\(float\) \[1, 8, 8, 4\], expected one picture'):
        build_detector(f'onnx:{write_onnx(tmp_path / "b.onnx", (1, 8, 8, 4))}')
    detector = build_detector(f'onnx:{write_onnx(tmp_path / "c.onnx", (1, 3, 8, 8), boxes=[[0, 0, 1, 1]])}')
    with pytest.raises(InputError, match='gives 1 boxes and 3 scores'):
        detector(picture())
    (tmp_path / 'd.onnx').write_bytes(b'no')
    with pytest.raises(InputError, match='d.onnx: not an ONNX model that onnxruntime can load'):
        build_detector(f'onnx:{tmp_path / "d.onnx"}')
    with pytest.raises(InputError, match='absent.onnx: no such file'):
        build_detector(f'onnx:{tmp_path / "absent.onnx"}')
    with pytest.raises(InputError, match='an ONNX file has its weights in it'):
        build_detector(f'onnx:{tmp_path / "d.onnx"}', tmp_path / 'd.onnx')


def test_names_and_packages(tmp_path, monkeypatch):
    with pytest.raises(InputError, match='--detector yolo: expected blazepose, torchvision:NAME or onnx:FILE'):
        build_detector('yolo')
    with pytest.raises(InputError, match='--detector-weights x: no such file'):
        build_detector('blazepose', 'x')
    (tmp_path / 'x').touch()
    with pytest.raises(InputError, match='--detector blazepose takes no file'):
        build_detector('blazepose', tmp_path / 'x')
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(InputError, match=r'needs onnxruntime: pip install "glot_plugin\[export\]"'):
        build_detector('onnx:x')


@pytest.mark.skipif(importlib.util.find_spec('mediapipe') is None, reason='mediapipe is not installed')
def test_blazepose_finds_both_people():
    pytest.importorskip('ai_edge_litert')
    from glot_plugin.video.clip import open_clip
    from glot_plugin.video.clips import MULTI_PERSON

    frames = [frame.image for frame in open_clip(MULTI_PERSON).frames()][9::10]
    detector = build_detector()
    for image in frames:
        found = detector(image)
        assert len(found.boxes) == len(found.rois) == 2
        assert sorted(found.boxes[:, 0] > image.shape[1] / 2) == [False, True]
