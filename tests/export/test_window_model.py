"""Exported models: they agree with PyTorch, say what they take, and predict tracks; bad files are one message."""

import json

import pytest
import torch

from glot_plugin.apis import init_model
from glot_plugin.errors import InputError
from glot_plugin.export import window_model
from glot_plugin.export.onnx_predictor import OnnxPredictor
from glot_plugin.export.window_model import export_window_model, solve_unitriangular

pytest.importorskip('onnxscript')
onnx = pytest.importorskip('onnx')
IN_DIM = 24


CONFIG = 'configs/glot/glot_synthetic.py'
OPTIONS = {
    'model.head.in_dim': IN_DIM,
    'model.head.global_branch.transformer.embed_dim': 32,
    'model.head.global_branch.transformer.decoder_dim': 16,
    'model.head.global_branch.transformer.depth': 1,
    'model.head.global_branch.regressor.hidden_dim': 32,
    'model.head.global_branch.regressor.num_iterations': 1,
    'model.head.local_branch.dim': 16,
    'model.head.local_branch.depth': 1,
    'model.head.local_branch.regressor.hidden_dim': 32,
}


@pytest.fixture(scope='module')
def model(repository):
    torch.manual_seed(0)
    model = init_model(repository / CONFIG, device='cpu', cfg_options=dict(OPTIONS))
    with torch.no_grad():  # corrections as large as trained ones
        for parameter in model.head.local_branch.regressor.parameters():
            parameter.normal_(std=0.1)
    return model


@pytest.fixture(scope='module')
def exported(model, tmp_path_factory):
    """An ONNX file."""
    path = tmp_path_factory.mktemp('exported') / 'model.onnx'
    differences = export_window_model(model, path, 'random', 'mine')
    assert set(differences) == {1, 2, 5, 32}
    assert max(differences.values()) < 1e-5
    return path


def track(length: int) -> torch.Tensor:
    return torch.randn(length, IN_DIM, generator=torch.Generator().manual_seed(length))


@pytest.mark.parametrize('length', [1, 7, 40])
def test_onnx_predicts_tracks_as_the_model_does(model, exported, length):
    predictor = OnnxPredictor(exported)
    with torch.inference_mode():
        expected = model.predict_track(track(length))
    for chunk in (3, 256):
        found = predictor.predict_track(track(length), chunk)
        for name in ('rotmat', 'betas', 'camera'):
            torch.testing.assert_close(getattr(found, name), getattr(expected, name), atol=1e-5, rtol=0)


def test_a_causal_model_stays_causal(repository, tmp_path):
    options = {**OPTIONS, 'model.head.target_frame': 15}
    model = init_model(repository / CONFIG, device='cpu', cfg_options=options)
    export_window_model(model, tmp_path / 'live.onnx')
    predictor = OnnxPredictor(tmp_path / 'live.onnx')
    assert predictor.target_frame == 15
    with torch.inference_mode():
        expected = model.predict_track(track(20))
    torch.testing.assert_close(predictor.predict_track(track(20)).betas, expected.betas, atol=1e-5, rtol=0)


def test_onnx_metadata(exported):
    predictor = OnnxPredictor(exported)
    assert (predictor.in_dim, predictor.num_frames, predictor.target_frame) == (IN_DIM, 16, 8)
    assert (predictor.backbone, predictor.weights) == ('mine', 'random')
    graph = onnx.load(exported).graph
    assert [value.name for value in graph.output] == ['rotmat', 'betas', 'camera']


def test_the_tool_writes_what_torch_alone_loads(run_tool, repository, model, tmp_path):
    path, checkpoint = tmp_path / 'model.pt2', tmp_path / 'trained.pth'
    torch.save({'state_dict': model.state_dict()}, checkpoint)
    options = [f'{key}={value}' for key, value in OPTIONS.items()]
    done = run_tool('export_model', repository / CONFIG, checkpoint, '--out', path, '--cfg-options', *options)
    assert done.status == 0, done.err
    assert f'{path}: ' in done.out
    assert 'largest difference from PyTorch' in done.out
    extra = {'metadata.json': ''}
    program = torch.export.load(path, extra_files=extra)
    expected = {'format': 'glot_plugin.window/1', 'in_dim': str(IN_DIM), 'num_frames': '16', 'target_frame': '8'}
    assert json.loads(extra['metadata.json']) == {**expected, 'backbone': 'unknown', 'weights': 'trained.pth'}
    windows = torch.randn(9, 16, IN_DIM)
    with torch.no_grad():
        rotmat, betas, camera = program.module()(windows)
        params = model.head.predict(windows)
    torch.testing.assert_close(rotmat, params.rotmat)
    torch.testing.assert_close(betas, params.betas)
    torch.testing.assert_close(camera, params.camera)


def test_solving_in_products():
    generator = torch.Generator().manual_seed(0)
    for size in (1, 2, 9, 144):
        matrix = torch.eye(size) + 0.3 * torch.randn(size, size, generator=generator).tril(-1) / size**0.5
        right = torch.randn(size, 5, generator=generator)
        expected = torch.linalg.solve_triangular(matrix, right, upper=False, unitriangular=True)
        found = solve_unitriangular(matrix, right, upper=False, unitriangular=True)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('error', [2e-4, float('nan')])
def test_a_file_that_disagrees_is_not_written(model, tmp_path, monkeypatch, error):
    def write(windows, metadata):
        return b'model', lambda features: [output + error for output in windows(features)]

    monkeypatch.setattr(window_model, '_to_pt2', write)
    with pytest.raises(InputError, match=r'model.pt2: differs from PyTorch by .*, expected at most 1e-04'):
        export_window_model(model, tmp_path / 'model.pt2')
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_exported(repository, model, tmp_path):
    with pytest.raises(InputError, match=r'model.tflite: ends in .tflite, expected .onnx or .pt2'):
        export_window_model(model, tmp_path / 'model.tflite')
    head = {'model.head': {'_delete_': True, 'type': 'MeanPoseHead'}}
    mean = init_model(repository / CONFIG, device='cpu', cfg_options=head)
    with pytest.raises(InputError, match='model.head is a MeanPoseHead, expected a GLoTHead'):
        export_window_model(mean, tmp_path / 'model.onnx')


def test_other_features(exported):
    message = r'\(5, 2048\), expected \(frames, 24\), frames ≥ 1: .*model.onnx takes those of the backbone mine'
    with pytest.raises(InputError, match=message):
        OnnxPredictor(exported).predict_track(torch.zeros(5, 2048))


def test_other_files(exported, tmp_path):
    with pytest.raises(InputError, match=r'none.onnx: no such file'):
        OnnxPredictor(tmp_path / 'none.onnx')
    (tmp_path / 'cut.onnx').write_bytes((exported).read_bytes()[:5000])
    with pytest.raises(InputError, match=r'cut.onnx: not a valid ONNX model'):
        OnnxPredictor(tmp_path / 'cut.onnx')
    value = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node('Identity', ['a'], ['b'])
    graph = onnx.helper.make_graph([node], 'g', [value('a', 1, [1])], [value('b', 1, [1])])
    opset = [onnx.helper.make_opsetid('', 18)]
    onnx.save(onnx.helper.make_model(graph, ir_version=9, opset_imports=opset), tmp_path / 'other.onnx')
    with pytest.raises(InputError, match=r'other.onnx: not a model from tools/export_model.py'):
        OnnxPredictor(tmp_path / 'other.onnx')


def test_half_precision_features(exported):
    """As stores give them that were written with --half."""
    predictor, half = OnnxPredictor(exported), track(4).half()
    assert predictor.predict_track(half).rotmat.equal(predictor.predict_track(half.float()).rotmat)
