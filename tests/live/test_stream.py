"""Streams: the same bodies as whole tracks, people who come and go, states, and bad input."""

import io

import numpy as np
import pytest
import torch

from glot_plugin.apis import TrackStream, infer_track, init_model
from glot_plugin.errors import InputError
from glot_plugin.models.latency import LatencyPredictor
from glot_plugin.models.window_predictor import WindowPredictor
from glot_plugin.structures import SmplParams

LANDMARKS, PICTURES = 'glot_plugin::glot/glot_landmarks.py', 'glot_plugin::glot/glot_3dpw.py'
ROUNDING = {'atol': 2e-5, 'rtol': 1e-5}  # of float32 where weights are random and values large
NARROW = {
    'model.head.global_branch.transformer.embed_dim': 32,
    'model.head.global_branch.transformer.decoder_dim': 16,
    'model.head.global_branch.regressor.hidden_dim': 32,
    'model.head.local_branch.dim': 16,
    'model.head.local_branch.depth': 1,
    'model.head.local_branch.regressor.hidden_dim': 32,
}


def narrow_model(config=LANDMARKS, body_model_dir=None, **options):
    torch.manual_seed(0)
    options = {f'model.head.{name}': value for name, value in options.items()}
    model = init_model(config, device='cpu', cfg_options={**NARROW, **options}, body_model_dir=body_model_dir)
    with torch.no_grad():  # weights large enough that every part matters
        for parameter in model.head.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=0.1)
    return model


@pytest.fixture(scope='module')
def model():
    return narrow_model()


@pytest.fixture(scope='module')
def features() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(40, 126)).astype(np.float32)


def gather(calls) -> dict:
    """The bodies of a stream's calls: by person, frame numbers (N,) and rotations and shapes of these frames."""
    rows: dict = {}
    for ready in calls:
        for index, (person, frame) in enumerate(zip(ready.ids, ready.frame, strict=True)):
            body = np.concatenate(
                [getattr(ready.bodies, name)[index].ravel() for name in ('rotmat', 'betas', 'camera')]
            )
            rows.setdefault(person, []).append((frame, body))
    return {person: tuple(np.stack(part) for part in zip(*found, strict=True)) for person, found in rows.items()}


def as_rows(track) -> np.ndarray:
    return np.concatenate([track.rotmat.reshape(len(track.betas), -1), track.betas, track.camera], axis=1)


def stream_track(stream: TrackStream, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return gather([*(stream.push(frame) for frame in features), stream.flush()])[0]


@pytest.mark.parametrize('length', [1, 2, 7, 8, 9, 16, 17, 40])
def test_a_stream_is_infer_track(model, features, length):
    stream = TrackStream(model)
    assert stream.latency == 7
    frames, bodies = stream_track(stream, features[:length])
    assert frames.tolist() == list(range(length))
    np.testing.assert_allclose(bodies, as_rows(infer_track(model, features[:length])), **ROUNDING)
    assert stream.ids == ()


def test_the_papers_model_to_a_millionth(body_dir):
    torch.manual_seed(0)
    options = {'model.init_from_spin': None}
    model = init_model(PICTURES, device='cpu', cfg_options=options, body_model_dir=body_dir)
    model.init_weights()
    features = np.random.default_rng(1).random((12, 2048), np.float32)
    _, bodies = stream_track(TrackStream(model), features)
    np.testing.assert_allclose(bodies, as_rows(infer_track(model, features)), atol=1e-6, rtol=0)


@pytest.mark.parametrize('early', ['global', 'repeat'])
@pytest.mark.parametrize('latency', [0, 2, 4])
def test_lower_latency_is_what_the_predictor_of_tracks_gives(model, features, latency, early):
    stream = TrackStream(model, latency, early=early)
    calls = [stream.push(frame) for frame in features[:20]]
    assert [len(ready) for ready in calls] == latency * [0] + (20 - latency) * [1]
    assert calls[-1].frame.tolist() == [19 - latency]
    _, bodies = gather([*calls, stream.flush()])[0]
    with torch.inference_mode():
        expected = LatencyPredictor(model.head, latency, early).predict_track(torch.from_numpy(features[:20]))
    np.testing.assert_allclose(bodies[:, 216:], expected.flat[:, 144:].numpy(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(('target', 'latency'), [(15, 0), (13, 2)])
def test_a_model_trained_for_it_is_exact(features, target, latency):
    model = narrow_model(target_frame=target)
    stream = TrackStream(model)
    assert stream.latency == latency
    _, bodies = stream_track(stream, features[:20])
    np.testing.assert_allclose(bodies, as_rows(infer_track(model, features[:20])), **ROUNDING)
    with pytest.raises(InputError, match=f'latency=7: expected a number of frames from 0 to {latency}'):
        TrackStream(model, latency=7)


def test_a_model_can_be_tested_at_a_lower_latency(features):
    """As `tools/test.py --cfg-options model.latency=2` does."""
    options = {**NARROW, 'model.latency': 2, 'model.early': 'repeat'}
    torch.manual_seed(0)
    model = init_model(LANDMARKS, device='cpu', cfg_options=options)
    _, bodies = stream_track(TrackStream(model, 2, early='repeat'), features[:20])
    np.testing.assert_allclose(bodies, as_rows(infer_track(model, features[:20])), **ROUNDING)
    with pytest.raises(InputError, match='latency=9: expected a number of frames from 0 to 7'):
        infer_track(init_model(LANDMARKS, device='cpu', cfg_options={**options, 'model.latency': 9}), features)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_a_gpu_gives_the_same(features):
    """In CUDA graphs, for a number of people that changes."""
    found = {}
    for device in ('cpu', 'cuda'):
        stream = TrackStream(narrow_model().to(device), latency=4)
        calls = [stream.push(features[number : number + 1 + number % 3]) for number in range(20)]
        state = stream.state_dict()
        assert state['frames'].device.type == device
        stream.load_state_dict({**state, 'frames': state['frames'].cpu()})
        found[device] = gather([*calls, stream.flush()])
    for person, (frames, bodies) in found['cpu'].items():
        assert found['cuda'][person][0].tolist() == frames.tolist()
        np.testing.assert_allclose(found['cuda'][person][1], bodies, atol=1e-2)


def test_bf16_is_near(model, features):
    _, bodies = stream_track(TrackStream(model, mode='bf16'), features[:12])
    exact = as_rows(infer_track(model, features[:12]))
    assert 0 < np.abs(bodies - exact).max() < 0.2


def test_people_come_and_go(model, features):
    """Each person's bodies are those of their own frames, whoever else is there, also where a frame is missing."""
    there = {'anna': range(0, 30), 7: [*range(5, 12), *range(14, 24)], 'ben': range(28, 40)}
    stream = TrackStream(model)
    calls = []
    for number in range(40):
        ids = [person for person, frames in there.items() if number in frames]
        offsets = {'anna': 0.0, 7: 1.0, 'ben': -1.0}
        calls.append(stream.push(np.stack([features[number] + offsets[person] for person in ids]), ids))
    assert calls[39].ids == (*[7] * 7, 'ben')  # 7 has left, after 16 pushes without them
    assert set(stream.ids) == {'anna', 'ben'}
    found = gather([*calls, stream.flush(['ben']), stream.flush()])
    for person, frames in there.items():
        assert found[person][0].tolist() == list(frames), person
        expected = as_rows(infer_track(model, features[list(frames)] + {'anna': 0.0, 7: 1.0, 'ben': -1.0}[person]))
        np.testing.assert_allclose(found[person][1], expected, **ROUNDING)


def test_frames_are_projected_once_and_people_predicted_together(model, features, monkeypatch):
    projected, windows, predict = [], [], WindowPredictor.__call__
    embed = model.head.global_branch.transformer.embed
    hook = embed.register_forward_hook(lambda module, inputs, output: projected.append(len(inputs[0])))

    def counted(predictor: WindowPredictor, embedded: torch.Tensor, *args) -> SmplParams:
        windows.append(len(embedded))
        return predict(predictor, embedded, *args)

    monkeypatch.setattr(WindowPredictor, '__call__', counted)
    stream = TrackStream(model, latency=4)
    projected.clear()  # of the first look at widths
    for number in range(10):
        stream.push(features[number : number + 3], [1, 2, 3])
    assert projected == [3] * 10
    assert windows == [3] * 6
    stream.flush()
    hook.remove()
    assert (len(projected), windows[6:]) == (10, [12])


def test_nobody_in_the_picture(model, features):
    stream = TrackStream(model, latency=0, patience=2)
    empty = np.zeros((0, 126), np.float32)
    assert len(stream.push(empty)) == 0
    ready = stream.push(features[0])
    assert ready.frame.tolist() == [1]
    assert ready.bodies.rotmat.shape == (1, 24, 3, 3)
    assert len(stream.push(empty, [])) == 0
    assert stream.ids == (0,)
    stream.push(empty)
    assert stream.ids == ()


def test_one_id_again_is_a_new_track(model, features):
    stream = TrackStream(model)
    first = gather([*(stream.push(frame) for frame in features[:5]), stream.flush()])[0]
    again = gather([*(stream.push(frame) for frame in features[:5]), stream.flush()])[0]
    np.testing.assert_allclose(again[1], first[1], **ROUNDING)
    assert again[0].tolist() == [5, 6, 7, 8, 9]


def test_a_saved_state_goes_on(model, features):
    whole = TrackStream(model, latency=4)
    expected = [whole.push(features[number : number + 2], ['a', 3]) for number in range(20)]
    begun = TrackStream(model, latency=4)
    for number in range(9):
        begun.push(features[number : number + 2], ['a', 3])
    file = io.BytesIO()
    torch.save(begun.state_dict(), file)
    assert len(file.getvalue()) < 2 * 16 * 1000 * 4  # two people, 16 frames
    file.seek(0)
    continued = TrackStream(model, latency=4)
    continued.load_state_dict(torch.load(file, weights_only=True))
    assert continued.ids == ('a', 3)
    found = [continued.push(features[number : number + 2], ['a', 3]) for number in range(9, 20)]
    found.append(continued.flush())
    expected = gather([*expected[9:], whole.flush()])
    for person, (frames, bodies) in gather(found).items():
        assert frames.tolist() == expected[person][0].tolist()
        np.testing.assert_allclose(bodies, expected[person][1], **ROUNDING)


def test_states_that_do_not_fit(model, features):
    stream = TrackStream(model)
    stream.push(features[0])
    state = stream.state_dict()
    for change, message in (
        ({'format': 'another'}, 'not the state of a TrackStream'),
        ({'latency': 4}, 'the state of a stream with latency=4; this one has 7'),
        (
            {'frames': state['frames'][:, :8]},
            r'frames of the state are \(1, 8, 174\), expected finite numbers \(1, 16, 174\)',
        ),
        ({'ids': [0, 0], 'frames': state['frames'].repeat(2, 1, 1)}, 'ids: 0 is there twice'),
        ({'waiting': []}, 'damaged: it does not say what is waiting'),
        ({'waiting': [list(range(9))]}, 'damaged: more frames are waiting'),
    ):
        with pytest.raises(InputError, match=message):
            stream.load_state_dict({**state, **change})
    assert stream.ids == (0,)
    with pytest.raises(InputError, match='not the state of a TrackStream'):
        stream.load_state_dict(None)


def test_bad_input_takes_nothing(model, features):
    stream = TrackStream(model)
    broken = features[:2].copy()
    broken[1, 5] = np.nan
    for arguments, message in (
        ((features[0, :100],), r'features are \(100,\), expected \(126,\) of one person, or \(people, 126\)'),
        ((features[:2, None],), r'features are \(2, 1, 126\)'),
        ((broken,), 'features of person 1 in this push are not finite'),
        (('text',), 'features is str, expected a float array'),
        ((features[:2], ['a']), '1 ids for the features of 2 people'),
        ((features[:2], ['a', 'a']), "ids: 'a' is there twice"),
        ((features[:1], [1.5]), 'ids: 1.5 is a float, expected whole numbers or texts'),
    ):
        with pytest.raises(InputError, match=message):
            stream.push(*arguments)
    assert stream.ids == ()
    assert stream.push(features[0]).ids == ()
    with pytest.raises(InputError, match=r"'x' is not in the stream; those who are: \[0\]"):
        stream.flush(['x'])
    with pytest.raises(InputError, match='inference mode fast: waits for several frames'):
        TrackStream(model, mode='fast')


class MeanColour:
    """An extractor whose features are the mean of the crop's red, green and blue."""

    crop_size, feature_dim = 8, 126

    def __call__(self, crops):
        return crops.float().mean(dim=(1, 2)).repeat(1, 42) / 255


def test_pictures(model):
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, 30:] = 255
    stream = TrackStream(model, latency=0, extractor=MeanColour())
    found = gather([stream.push_picture(image, np.array([[15, 20, 10, 10], [45, 20, 10, 10.0]]), ['dark', 'bright'])])
    expected = TrackStream(model, latency=0)
    expected = gather([expected.push(np.stack([np.zeros(126), np.ones(126)]), ['dark', 'bright'])])
    for person in ('dark', 'bright'):
        np.testing.assert_allclose(found[person][1], expected[person][1], **ROUNDING)
    assert len(stream.push_picture(image, np.zeros((0, 4)))) == 0
    assert len(TrackStream(model, latency=0, extractor=MeanColour()).push_picture(image)) == 1
    for arguments, message in (
        ((image[..., 0],), r'the picture is uint8 \(40, 60\), expected uint8 \(height, width, 3\)'),
        ((image, np.zeros((1, 3))), r'boxes are \(1, 3\), expected \(people, 4\)'),
        ((image, np.zeros((1, 4))), 'person 0 of the picture: the box is'),
    ):
        with pytest.raises(InputError, match=message):
            stream.push_picture(*arguments)
    with pytest.raises(InputError, match='push_picture needs an extractor'):
        TrackStream(model).push_picture(image)
