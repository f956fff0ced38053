"""tools/video.py: every stage of a short clip, what the same command keeps, other sources, and bad input."""

import av
import numpy as np
import pytest
import torch

from glot_plugin.apis import infer_video, init_model
from glot_plugin.video import read_result
from glot_plugin.video.clip import open_clip
from glot_plugin.video.clips import SINGLE_PERSON
from glot_plugin.video.writer import VideoWriter

CONFIG = 'glot_plugin::glot/glot_landmarks.py'
NUM_FRAMES = 8


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
    """The first frames of the clip with one person."""
    path = tmp_path_factory.mktemp('clip') / 'short.mp4'
    with VideoWriter(path, 12.0) as video:
        for frame, _ in zip(open_clip(SINGLE_PERSON).frames(), range(NUM_FRAMES), strict=False):
            video.write(frame.time, frame.image)
    return path


@pytest.fixture
def video_tool(run_tool, checkpoint, body_dir):
    def run(source, out, *arguments):
        return run_tool(
            'video', source, '--out', out, '--checkpoint', checkpoint, '--body-models', body_dir, *arguments
        )

    return run


def num_frames(path) -> int:
    with av.open(str(path)) as video:
        return sum(1 for _ in video.decode(video=0))


def test_every_stage_once(video_tool, clip, tmp_path):
    arguments = ('--export', 'glb', 'bvh', '--frames', '--smooth', 'one-euro')
    status, out, err = video_tool(clip, tmp_path, *arguments)
    assert status == 0, err
    assert f'person 1 in {NUM_FRAMES} of {NUM_FRAMES} frames' in out
    for stage in ('people', 'bodies', 'drawing', 'exports', 'viewer'):
        assert any(line.startswith(stage) and line.endswith('frames/s') for line in out.splitlines()), stage
    result = read_result(tmp_path)
    assert result.num_frames == NUM_FRAMES
    assert np.isfinite(result.people[0].joints2d).all()
    assert (result.people[0].translation[:, 2] > 0).all()
    assert num_frames(tmp_path / 'overlay.mp4') == num_frames(tmp_path / 'side.mp4') == NUM_FRAMES
    assert len(list((tmp_path / 'frames').glob('*.jpg'))) == NUM_FRAMES
    for name in ('people.glb', 'person_1.bvh', 'viewer.html'):
        assert (tmp_path / name).stat().st_size > 1000

    kept = ('people/people.npz', 'overlay.mp4', 'side.mp4')
    times = {name: (tmp_path / name).stat().st_mtime_ns for name in kept}
    assert video_tool(clip, tmp_path, *arguments)[0] == 0
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in kept} == times
    # Without smoothing the bodies are others: drawn again, but not found again.
    assert video_tool(clip, tmp_path)[0] == 0
    assert (tmp_path / kept[0]).stat().st_mtime_ns == times[kept[0]]
    assert (tmp_path / kept[1]).stat().st_mtime_ns > times[kept[1]]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_on_a_gpu(video_tool, clip, tmp_path):
    status, _, err = video_tool(clip, tmp_path, '--export', 'glb')
    assert status == 0, err
    assert video_tool(clip, tmp_path / 'cpu', '--device', 'cpu', '--no-pictures')[0] == 0
    on_gpu, on_cpu = (read_result(folder).people[0].joints3d for folder in (tmp_path, tmp_path / 'cpu'))
    np.testing.assert_allclose(on_gpu, on_cpu, atol=1e-3)
    assert (tmp_path / 'viewer.html').is_file()


def test_folder_of_videos(video_tool, clip, tmp_path):
    """A bad video does not keep the others from being done."""
    folder = tmp_path / 'videos'
    folder.mkdir()
    (folder / 'a.mp4').write_text('no video')
    (folder / 'b.mp4').write_bytes(clip.read_bytes())
    status, _, err = video_tool(folder, tmp_path / 'out', '--no-pictures')
    assert status == 2
    assert 'a.mp4: not a video' in err
    assert read_result(tmp_path / 'out' / 'b').num_frames == NUM_FRAMES
    assert not (tmp_path / 'out' / 'b' / 'overlay.mp4').exists()


def test_the_api_gives_the_same(video_tool, clip, checkpoint, body_dir, tmp_path):
    assert video_tool(clip, tmp_path, '--no-pictures', '--device', 'cpu')[0] == 0
    model = init_model(CONFIG, checkpoint, 'cpu', body_model_dir=body_dir)
    result = infer_video(model, clip)
    assert np.allclose(result.people[0].joints3d, read_result(tmp_path).people[0].joints3d, atol=1e-5)
    assert not list(clip.parent.glob('*.npz'))


def test_inference_mode(video_tool, run_tool, clip, checkpoint, body_dir, tmp_path):
    """It is noted in the result."""
    arguments = ('--no-pictures', '--device', 'cpu', '--inference', 'fast+bf16')
    assert video_tool(clip, tmp_path, *arguments)[0] == 0
    quick = read_result(tmp_path)
    assert quick.model == 'glot_landmarks.py, landmarks.pth, fast+bf16'
    model = init_model(CONFIG, checkpoint, 'cpu', body_model_dir=body_dir)
    exact, same = infer_video(model, clip), infer_video(model, clip, mode='fast+bf16')
    np.testing.assert_allclose(quick.people[0].rotmat, same.people[0].rotmat, atol=1e-5)
    assert 0 < np.abs(quick.people[0].rotmat - exact.people[0].rotmat).max() < 0.1
    onnx = ('--backend', 'onnx', '--inference', 'bf16', '--body-models', body_dir)
    status, _, err = run_tool('video', clip, '--out', tmp_path / 'onnx', '--checkpoint', checkpoint, *onnx)
    assert status == 2
    assert '--inference is not for --backend onnx' in err


def test_bad_input_is_one_message(video_tool, run_tool, clip, body_dir, tmp_path, monkeypatch):
    def refused(*arguments, run=video_tool):
        status, _, err = run(*arguments)
        assert status == 2
        assert err.count('error: ') == 1
        return err

    text = tmp_path / 'text.mp4'
    text.write_text('no video')
    assert 'text.mp4: not a video' in refused(text, tmp_path / 'out')
    absent = tmp_path / 'nothing.mp4', '--out', tmp_path / 'new', '--body-models', tmp_path / 'no_models'
    assert 'nothing.mp4: no such video' in refused('video', *absent, run=run_tool)
    assert not (tmp_path / 'new').exists()  # a generated body would be in there
    assert '--out' in refused(clip, text / 'out')
    assert '--export stl: expected some of glb' in refused(clip, tmp_path / 'out', '--export', 'stl')
    assert 'focal length -1.0: expected a positive' in refused(clip, tmp_path / 'out', '--focal-length', -1)
    message = refused(clip, tmp_path / 'out', '--backbone', 'spin', '--weights', text)
    assert '--backbone spin gives 2048 features a frame, and the checkpoint takes 126' in message
    assert 'expected --backbone blazepose' in message
    assert '--backend onnx: expected' in refused(
        'video', clip, '--out', tmp_path / 'out', '--backend', 'onnx', '--body-models', body_dir, run=run_tool
    )
    monkeypatch.chdir(tmp_path)
    message = refused('video', clip, '--out', 'out', '--body-models', body_dir, run=run_tool)
    assert '--checkpoint is missing, and work_dirs/demo has none' in message
    assert not list((tmp_path / 'out').iterdir())


def test_nobody_is_one_message(video_tool, tmp_path):
    with VideoWriter(tmp_path / 'empty.mp4', 12.0) as video:
        for index in range(4):
            video.write(index / 12, np.zeros((240, 320, 3), np.uint8))
    status, _, err = video_tool(tmp_path / 'empty.mp4', tmp_path / 'out')
    assert status == 2
    assert 'empty.mp4: no person was found' in err
    assert not (tmp_path / 'out' / 'tracks.npz').exists()
