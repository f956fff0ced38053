"""tools/view.py and tools/figures.py: the whole way, and what they say of bad input."""

import numpy as np
import pytest
import torch

from glot_plugin.apis import infer_track, init_model
from glot_plugin.datasets import TrackDataset
from glot_plugin.errors import InputError
from glot_plugin.experiments.paper_figures import rival_bodies
from glot_plugin.video.result import PersonTrack, VideoResult, write_result

FIGURES = ('acceleration.pdf', 'acceleration.png', 'attention.pdf', 'attention.png', 'branches.pdf', 'branches.png')


@pytest.fixture
def model(small_config, tmp_path) -> tuple:
    """A config and a checkpoint of random weights."""
    torch.manual_seed(0)
    config, checkpoint = tmp_path / 'config.py', tmp_path / 'model.pth'
    small_config().dump(config)
    torch.save({'state_dict': init_model(config, device='cpu').state_dict()}, checkpoint)
    return config, checkpoint


@pytest.fixture
def store(synthetic_data):
    return synthetic_data / 'test'


@pytest.fixture
def tracks_file(model, store, body_dir, tmp_path):
    """The prediction of the store's first track, as a result of tools/video.py."""
    item = TrackDataset(store)[0]
    track = infer_track(init_model(*model, body_model_dir=body_dir), item['features'])
    count = len(track.rotmat)
    person = PersonTrack(
        3,
        item['frame_id'],
        np.ones((count, 4)),
        track.rotmat,
        track.betas,
        track.camera,
        np.zeros((count, 3)),
        track.joints3d,
        track.joints3d[..., :2],
    )
    times = np.arange(item['frame_id'][-1] + 1) / 25
    return write_result(VideoResult('clip.mp4', (64, 64), 25.0, times, 99.0, (person,)), tmp_path / 'out/tracks.npz')


def test_page_of_a_result(run_tool, tracks_file, body_dir, tmp_path):
    out = tmp_path / 'viewer.html'
    result = run_tool('view', tracks_file.parent, '--out', out, '--body-models', body_dir)
    assert result.status == 0, result.err
    assert f'{out}: ' in result.out
    assert 'Person 3' in out.read_text()


def test_page_of_a_result_without_body_files(run_tool, tracks_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run_tool('view', tracks_file)
    assert result.status == 0, result.err
    assert 'body: a generated one' in result.out
    assert (tmp_path / 'viewer.html').is_file()


def test_page_of_a_store_and_a_checkpoint(run_tool, model, store, body_dir, tmp_path):
    out, (config, checkpoint) = tmp_path / 'viewer.html', model
    name = str(TrackDataset(store).stores[0].track_names[1])
    arguments = ('--config', config, '--checkpoint', checkpoint, '--body-models', body_dir, '--track', name)
    result = run_tool('view', store, '--out', out, *arguments)
    assert result.status == 0, result.err
    page = out.read_text()
    assert f'"title": "{name}"' in page
    assert 'predicted by model.pth' in page
    assert '"PA-MPJPE": [' in page


def test_page_of_a_store_alone(run_tool, store, body_dir, tmp_path):
    result = run_tool('view', store, '--out', tmp_path / 'viewer.html', '--body-models', body_dir)
    assert result.status == 0, result.err
    assert '"errors": []' in (tmp_path / 'viewer.html').read_text()


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (('absent',), 'absent: no such file; expected a tracks.npz of tools/video.py'),
        (('{store}', '--track', 'nobody'), '--track nobody: no such track in'),
        (('{store}', '--config', 'a.py'), '--config and --checkpoint go together'),
        (('{store}', '--truth', 'a.npz'), '--truth: not for a track store'),
        (('{tracks}', '--track', 'a'), '--track: not for a result'),
        (('{tracks}', '--video', 'absent.mp4'), 'absent.mp4: no such'),
        (('{tracks}', '--body-models', 'absent'), 'absent: no SMPL_NEUTRAL.pkl'),
    ],
)
def test_bad_input_of_a_page_is_one_message(run_tool, store, tracks_file, body_dir, tmp_path, arguments, message):
    arguments = [argument.format(store=store, tracks=tracks_file) for argument in arguments]
    if '--body-models' not in arguments:
        arguments += ['--body-models', body_dir]
    result = run_tool('view', *arguments, '--out', tmp_path / 'viewer.html')
    assert result.status == 2
    assert message in result.err
    assert not (tmp_path / 'viewer.html').exists()


def test_figures(run_tool, model, store, body_dir, tmp_path):
    out = tmp_path / 'figures'
    options = ('--store', store, '--frames', 2, '--body-models', body_dir, '--against', *model, '--out', out)
    result = run_tool('figures', *model, *options)
    assert result.status == 0, result.err
    assert tuple(sorted(path.name for path in out.iterdir())) == FIGURES
    assert result.out.count('picture: ') == len(FIGURES)


def test_rivals_are_a_checkpoint_or_the_tracks_person_in_a_result(model, store, tracks_file):
    item = TrackDataset(store)[0]
    (name, by_checkpoint), (source, in_result) = (
        next(iter(rival_bodies(against, item, 'model').items())) for against in (model, [tracks_file])
    )
    assert (name, source) == (str(model[1]), 'clip.mp4')
    for found, expected in zip(in_result, by_checkpoint, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)
    item['frame_id'] = item['frame_id'] + 1
    with pytest.raises(InputError, match='nobody in it has all'):
        rival_bodies([tracks_file], item, 'model')


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (('--start', '9999'), '--start 9999 --frames 40: track'),
        (('--against', 'a', 'b', 'c'), '--against a b c: expected a config and a checkpoint, or tracks.npz'),
        (('--against', 'absent'), 'absent: no such file'),
    ],
)
def test_bad_input_of_figures_is_one_message(run_tool, model, store, body_dir, tmp_path, arguments, message):
    out = tmp_path / 'figures'
    result = run_tool('figures', *model, '--store', store, '--body-models', body_dir, '--out', out, *arguments)
    assert result.status == 2
    assert message in result.err
    assert list(out.iterdir()) == []
