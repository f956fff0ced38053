"""Extraction from folders and videos: right features, resumption, several processes, bad input."""

import importlib.util
import os
import sys

import cv2
import numpy as np
import pytest
import torch
from picture_files import FIELDS, random_picture, write_csv, write_frames, write_json, write_video

from glot_plugin.cli.image_sources import open_source
from glot_plugin.datasets import TrackStore
from glot_plugin.errors import InputError
from glot_plugin.features import Backbone, ExtractOptions, build_backbone, extract, extract_features
from glot_plugin.features.backbones import BackboneSpec
from glot_plugin.features.crops import crop_square
from glot_plugin.features.landmarks import split_landmark_features
from glot_plugin.features.processes import share

SPEC = BackboneSpec('timm:test_resnet', seed=3)
OPTIONS = ExtractOptions(batch_size=3, workers=0, progress=False)
TRACKS = {'walk': 5, 'run': 4, 'jump': 1}


def run(source, out, **changes):
    options = ExtractOptions(**{**vars(OPTIONS), **changes})
    return TrackStore(extract_features(source, SPEC, out, options))


def naive_features(image: np.ndarray, bbox: np.ndarray) -> np.ndarray:
    """The features (C,) of one RGB picture, alone."""
    backbone = build_backbone(SPEC)
    crop = torch.from_numpy(crop_square(image, bbox, backbone.crop_size))
    with torch.no_grad():
        return backbone(crop[None])[0].numpy()


def columns(store: TrackStore) -> dict[str, np.ndarray]:
    return {name: np.array(values) for name, values in store.columns.items()}


@pytest.fixture
def frames(tmp_path):
    """A folder of frames and its file of boxes, rows in no order."""
    rows = write_frames(tmp_path / 'frames', TRACKS)
    order = np.random.default_rng(1).permutation(len(rows))
    return tmp_path / 'frames', write_csv(tmp_path / 'boxes.csv', [rows[index] for index in order])


def test_folder_of_frames(tmp_path, frames):
    store = run(open_source(*frames), tmp_path / 'store')
    assert dict(zip(store.track_names, np.diff(store.track_offsets), strict=True)) == TRACKS
    assert store.feature_dim == 96
    track = store.track(list(store.track_names).index('run'))
    assert track['frame_id'].tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(track['bbox'][2], [40, 30, 21, 40])
    picture = cv2.cvtColor(random_picture(102), cv2.COLOR_BGR2RGB)  # written as OpenCV's BGR
    np.testing.assert_allclose(track['features'][2], naive_features(picture, track['bbox'][2]), atol=1e-5, rtol=1e-4)
    assert sorted(os.listdir(tmp_path)) == ['boxes.csv', 'frames', 'store']  # nothing else is left


def test_json_batches_and_workers_give_the_same(tmp_path, frames):
    first = columns(run(open_source(*frames), tmp_path / 'a'))
    rows = [line.split(',') for line in frames[1].read_text().split()[1:]]
    boxes = write_json(tmp_path / 'boxes.json', [(*row[:2], *map(float, row[2:])) for row in rows])
    second = columns(run(open_source(frames[0], boxes), tmp_path / 'b', batch_size=1, workers=2))
    for name, values in first.items():
        np.testing.assert_allclose(second[name], values, atol=1e-5, rtol=1e-4)


def test_half_precision(tmp_path, frames):
    full, half = (run(open_source(*frames), tmp_path / str(half), half=half) for half in (False, True))
    assert half.columns['features'].dtype == np.float16
    np.testing.assert_array_equal(half.columns['features'], full.columns['features'].astype(np.float16))


def test_goes_on_after_an_interruption(tmp_path, frames, monkeypatch):
    """What is finished is not computed again, and the store is the same to the bit."""
    expected = columns(run(open_source(*frames), tmp_path / 'whole'))
    save, saved = extract.FeatureCache.save, []

    def save_once(self, track, features):
        if saved:
            raise KeyboardInterrupt
        saved.append(track)
        save(self, track, features)

    monkeypatch.setattr(extract.FeatureCache, 'save', save_once)
    with pytest.raises(KeyboardInterrupt):
        run(open_source(*frames), tmp_path / 'store')
    assert not (tmp_path / 'store').exists()

    def save_others(self, track, features):
        assert track not in saved
        saved.append(track)
        save(self, track, features)

    monkeypatch.setattr(extract.FeatureCache, 'save', save_others)
    store = run(open_source(*frames), tmp_path / 'store')
    assert sorted(saved) == [0, 1, 2]
    for name, values in columns(store).items():
        np.testing.assert_array_equal(values, expected[name])
    run(open_source(*frames), tmp_path / 'store')  # it is there: nothing to do
    assert len(saved) == 3


def test_other_boxes_start_anew(tmp_path, frames, monkeypatch):
    folder, boxes = frames
    monkeypatch.setattr(extract, '_assemble', lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run(open_source(folder, boxes), tmp_path / 'store')
    monkeypatch.undo()
    write_csv(boxes, [('walk/000001.png', 'walk', 20, 20, 10, 10)])
    store = run(open_source(folder, boxes), tmp_path / 'store')
    assert store.num_frames == 1
    picture = cv2.cvtColor(random_picture(1), cv2.COLOR_BGR2RGB)
    np.testing.assert_allclose(
        store.columns['features'][0], naive_features(picture, np.array([20, 20, 10, 10])), atol=1e-5, rtol=1e-4
    )
    with pytest.raises(InputError, match='store: already exists, but from other files, weights or options'):
        run(open_source(folder, boxes), tmp_path / 'store', half=True)
    assert run(open_source(folder, boxes), tmp_path / 'store', half=True, overwrite=True).num_frames == 1


def test_video(tmp_path):
    video = write_video(tmp_path / 'clip.avi', 7)
    capture = cv2.VideoCapture(str(video))
    pictures = [cv2.cvtColor(capture.read()[1], cv2.COLOR_BGR2RGB) for _ in range(7)]
    whole = run(open_source(video), tmp_path / 'whole', workers=2)
    assert (whole.track_names.tolist(), whole.num_frames) == (['clip'], 7)
    box = whole.columns['bbox'][5]
    np.testing.assert_allclose(box, [40, 30, 80 / 1.2, 50])  # whose crop is 80 x 80 pixels
    np.testing.assert_allclose(whole.columns['features'][5], naive_features(pictures[5], box), atol=1e-5, rtol=1e-4)

    rows = [(6, 'b', 40, 30, 20, 20), (2, 'a', 40, 30, 20, 30), (4, 'a', 41, 30, 20, 30)]
    people = run(open_source(video, write_csv(tmp_path / 'boxes.csv', rows)), tmp_path / 'people')
    assert people.track_names.tolist() == ['b', 'a']
    assert people.columns['frame_id'].tolist() == [6, 2, 4]
    for row, (frame, _, *box) in enumerate(rows):
        expected = naive_features(pictures[frame], np.array(box))
        np.testing.assert_allclose(people.columns['features'][row], expected, atol=1e-5, rtol=1e-4)


def test_shares_are_even_and_complete():
    lengths = [5, 100, 30, 30, 40, 1]
    shares = [share(lengths, [0, 1, 2, 3, 4], rank, 2) for rank in range(2)]
    assert shares == [[0, 1], [2, 3, 4]]  # 105 and 100 frames


def test_two_processes_give_the_same_store(tmp_path, frames, run_process):
    expected = columns(run(open_source(*frames), tmp_path / 'one'))
    command = ['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', 2, 'tools/extract_features.py']
    command += [frames[0], tmp_path / 'two', '--boxes', frames[1], '--backbone', SPEC.name, '--random-weights']
    done = run_process(*command, '--seed', 3, '--batch-size', 3, '--workers', 0)
    assert done.status == 0, done.err
    for name, values in columns(TrackStore(tmp_path / 'two')).items():
        np.testing.assert_allclose(values, expected[name], atol=1e-5, rtol=1e-4)


ROW = ('walk/000000.png', 'walk', 40, 30, 20, 20)
BAD_BOXES = {
    'has no box, expected': [],
    r'row 1: no track; expected': [ROW, ('a', '', 1, 1, 1, 1)],
    r"row 0: a box of \['40', 'x'": [('walk/000000.png', 'walk', 40, 'x', 20, 20)],
    r"track 'walk', .*walk/000000.png: the box is \(40, 30, 0, 20\)": [(*ROW[:4], 0, 20)],
    r"track 'walk' has frame 'walk/000000.png' twice": [ROW, ROW],
    r"track 'walk': .*/absent.png: no such picture": [('absent.png', *ROW[1:])],
    r"track 'walk': .*broken.png: not a readable picture": [('broken.png', *ROW[1:])],
    r"track 'walk': .*000000.png: the box \(400, 30, 20, 20\) lies outside": [(*ROW[:2], 400, 30, 20, 20)],
}


@pytest.mark.parametrize('workers', [0, 1])
@pytest.mark.parametrize('message', BAD_BOXES)
def test_bad_boxes_and_pictures(tmp_path, frames, message, workers):
    (frames[0] / 'broken.png').write_bytes(b'\x89PNG no')
    boxes = write_csv(tmp_path / 'bad.csv', BAD_BOXES[message])
    with pytest.raises(InputError, match=message) as error:
        run(open_source(frames[0], boxes), tmp_path / 'store', workers=workers)
    assert 'Traceback' not in str(error.value)
    assert not (tmp_path / 'store').exists()


def test_bad_sources(tmp_path, frames):
    text = tmp_path / 'clip.mp4'
    text.write_text('no video')
    with pytest.raises(InputError, match=r'clip.mp4: not a video that OpenCV can decode'):
        run(open_source(text), tmp_path / 'store')
    with pytest.raises(InputError, match='absent: no such folder of frames, HumanData .npz or video'):
        open_source(tmp_path / 'absent')
    with pytest.raises(InputError, match='frames: a folder of frames needs --boxes FILE'):
        open_source(frames[0])
    with pytest.raises(InputError, match='boxes.csv.gz: no such file; expected a .csv or .json'):
        open_source(frames[0], f'{frames[1]}.gz')
    with pytest.raises(InputError, match='--image-root x: only for HumanData files'):
        open_source(*frames, 'x')
    with pytest.raises(InputError, match='clip.mp4: expected boxes as .csv or .json'):
        run(open_source(frames[0], text), tmp_path / 'store')
    (tmp_path / 'bad.json').write_text('{"frame": 1')
    with pytest.raises(InputError, match='bad.json: not readable as JSON'):
        run(open_source(frames[0], tmp_path / 'bad.json'), tmp_path / 'store')
    video = write_video(tmp_path / 'clip.avi', 3)
    boxes = write_csv(tmp_path / 'b.csv', [(5, 'a', 40, 30, 20, 20)])
    with pytest.raises(InputError, match='frame 5 cannot be decoded: the video ends after 3 frames'):
        run(open_source(video, boxes), tmp_path / 'store')
    with pytest.raises(InputError, match="track 'a' has frame 'x.png', expected frame numbers from 0"):
        run(open_source(video, write_csv(boxes, [('x.png', 'a', 1, 1, 1, 1)])), tmp_path / 'store')
    boxes.write_text(','.join(FIELDS[:5]) + '\na,b,1,2,3\n')
    with pytest.raises(InputError, match='row 0: no h; expected'):
        run(open_source(video, boxes), tmp_path / 'store')


def test_wrong_width_and_damaged_parts(tmp_path, frames, monkeypatch):
    with pytest.raises(InputError, match='--backbone timm:test_resnet: features are 96 wide, expected 2048'):
        run(open_source(*frames), tmp_path / 'store', feature_dim=2048)
    monkeypatch.setattr(
        extract.FeatureCache, 'has', lambda self, track: np.save(self._file(track), np.zeros((2, 3))) or 1
    )
    with pytest.raises(InputError, match=r'0000000.npy: found shape \(2, 3\), expected \(\d, 96\); remove it'):
        run(open_source(*frames), tmp_path / 'store')


def test_features_that_are_not_finite(tmp_path, frames, monkeypatch):
    monkeypatch.setattr(Backbone, 'forward', lambda self, crops: torch.full((len(crops), 96), 1e6))
    assert run(open_source(*frames), tmp_path / 'full').num_frames == 10
    with pytest.raises(InputError, match="track '(walk|run|jump)': .*png: .* not finite as float16"):
        run(open_source(*frames), tmp_path / 'half', half=True)


@pytest.fixture
def tool(repository):
    """tools/extract_features.py, as a module."""
    spec = importlib.util.spec_from_file_location('extract_features_tool', repository / 'tools/extract_features.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tool(tmp_path, frames, tool, monkeypatch, capsys):
    command = ['extract_features.py', str(frames[0]), str(tmp_path / 'store'), '--boxes', str(frames[1])]
    command += ['--backbone', 'timm:test_resnet', '--workers', '0']
    cases = {
        r'--backbone timm:test_resnet: expected --weights FILE \(nothing is downloaded\), or --random-weights': (),
        r'--weights x and --random-weights: expected one of them': ('--weights', 'x', '--random-weights'),
        r'--weights x: no such file; expected the checkpoint of timm:test_resnet': ('--weights', 'x'),
        r'--weights data.*spin_model_checkpoint.pth.tar: no such file': ('--backbone', 'spin'),
        r'--device tpu: cannot be used': ('--random-weights', '--device', 'tpu'),
        r'batch_size is 0, expected at least 1': ('--random-weights', '--batch-size', '0'),
        r'--backbone blazepose: its weights are in the package': ('--backbone', 'blazepose', '--random-weights'),
    }
    monkeypatch.chdir(tmp_path)
    for message, arguments in cases.items():
        monkeypatch.setattr(sys, 'argv', [*command, *arguments])
        with pytest.raises(InputError, match=message):
            tool.main()
    monkeypatch.setattr(sys, 'argv', [*command, '--random-weights', '--seed', '3', '--device', 'cpu'])
    tool.main()
    assert capsys.readouterr().out.endswith(f'frames in frames: {tmp_path / "store"}\n')
    expected = run(open_source(*frames), tmp_path / 'expected').columns['features']
    np.testing.assert_allclose(TrackStore(tmp_path / 'store').columns['features'], expected, atol=1e-5, rtol=1e-4)


def test_landmarks_of_a_video(tmp_path, tool, monkeypatch):
    """`--backbone blazepose` with boxes and with the whole frame finds the same person."""
    for package in ('mediapipe', 'ai_edge_litert'):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f'{package} is not installed')
    from glot_plugin.video.clips import SINGLE_PERSON

    rows = [(frame, 'a', 430 - 6 * frame, 500, 300, 560) for frame in range(3)]
    boxes = write_csv(tmp_path / 'boxes.csv', rows)
    command = ['extract_features.py', str(SINGLE_PERSON), str(tmp_path / 'store'), '--boxes', str(boxes)]
    monkeypatch.setattr(sys, 'argv', [*command, '--backbone', 'blazepose', '--workers', '0'])
    tool.main()
    store = TrackStore(tmp_path / 'store')
    assert (store.num_frames, store.feature_dim) == (3, 126)
    found = split_landmark_features(np.array(store.columns['features']))
    assert (found.visibility.mean(axis=1) > 0.7).all()
    pixels = store.columns['bbox'][:, None, :2] + found.crop * 1.2 * 560 / 2
    assert ((pixels > 150) & (pixels < (540, 800))).all()
