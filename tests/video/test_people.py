"""From clips to people: identities, gaps, what is dropped, and the stage that is made once."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from clip_files import write_video

from glot_plugin.datasets import TrackStore
from glot_plugin.errors import InputError
from glot_plugin.features.backbones import BackboneSpec, build_backbone
from glot_plugin.features.blazepose import PoseLandmarks, Roi
from glot_plugin.features.crops import crop_square
from glot_plugin.features.extract import ExtractOptions
from glot_plugin.features.landmarks import BLAZEPOSE21, landmark_box
from glot_plugin.video.clip import Frame, open_clip
from glot_plugin.video.clips import MULTI_PERSON, SINGLE_PERSON
from glot_plugin.video.detectors.interface import Detections
from glot_plugin.video.observers import GivenBoxObserver, PoseObserver
from glot_plugin.video.people import find_people
from glot_plugin.video.people_files import read_people, write_people
from glot_plugin.video.people_stage import PeopleOptions, build_tracker, people_stage
from glot_plugin.video.tracking import Observation, TrackingRules

needs_models = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ('mediapipe', 'ai_edge_litert', 'norfair', 'av')),
    reason='ai-edge-litert, av, norfair or mediapipe is not installed',
)
RULES = TrackingRules()
QUIET = PeopleOptions(progress=False)


class PictureClip:
    """Frames in memory."""

    def __init__(self, images: list[np.ndarray], fps: float = 10) -> None:
        self.images, self.name, self.fps, self.num_frames, self.files = images, 'clip', fps, len(images), ()
        self.size = images[0].shape[1], images[0].shape[0]

    def frames(self):
        for number, image in enumerate(self.images):
            yield Frame(number, number / self.fps, image)


def pose_at(x: float, visibility: float = 0.9, presence: float = 1.0) -> PoseLandmarks:
    """A person of 100 pixels at x."""
    points = np.random.default_rng(0).uniform(-50, 50, (33, 2)) + (x, 100)
    return PoseLandmarks(
        np.zeros((33, 3)), points, np.full(33, visibility), presence, Roi(np.array([x, 100.0]), 150.0, 0.0)
    )


def seen_at(x: float, visibility: float = 0.9) -> Observation:
    pose = pose_at(x, visibility)
    return Observation(landmark_box(pose.image[list(BLAZEPOSE21)]), pose.image[[11, 23]], pose)


def blank(count: int) -> PictureClip:
    return PictureClip([np.zeros((200, 400, 3), np.uint8)] * count)


def scripted(frames: list[dict[int, Observation]]):
    """A tracker that gives what it is told."""
    left = iter(frames)
    return lambda image: next(left)


def test_gaps_are_filled_and_short_tracks_dropped():
    script = [{7: seen_at(100 + frame)} if frame not in (4, 5, 6) else {} for frame in range(30)]
    for frame in range(12, 28):
        script[frame] = {**script[frame], 3: seen_at(300), **({5: seen_at(200)} if frame < 20 else {})}
    found = find_people(blank(30), scripted(script), RULES, progress=False)
    assert (found.fps, found.size, len(found.times)) == (pytest.approx(10), (400, 200), 30)
    assert [(one.person, len(one)) for one in found.people] == [(1, 30), (2, 16)]  # the one of 8 frames is gone
    first = found.people[0]
    assert np.flatnonzero(~first.seen).tolist() == [4, 5, 6]
    np.testing.assert_allclose(first.box[:, 0] - first.box[0, 0], np.arange(30), atol=1e-3)
    assert (first.landmarks.visibility[~first.seen] == 0).all()
    np.testing.assert_allclose(first.landmarks.visibility[first.seen], 0.9)
    expected = script[8][7].landmarks.image[list(BLAZEPOSE21)]
    np.testing.assert_allclose(first.landmarks2d[8], expected, atol=1e-3)


def test_long_gaps_stay():
    script = [{0: seen_at(100)} if not 10 <= frame < 25 else {} for frame in range(40)]
    (one,) = find_people(blank(40), scripted(script), RULES, progress=False).people
    assert one.frame.tolist() == [*range(10), *range(25, 40)]
    assert one.seen.all()


def test_short_clips_and_nobody():
    assert len(find_people(blank(4), scripted([{0: seen_at(9)}] * 4), RULES, progress=False).people) == 1
    with pytest.raises(InputError, match='clip: no person was found in any frame'):
        find_people(blank(3), scripted([{}] * 3), RULES, progress=False)
    with pytest.raises(InputError, match='long and clearly enough .* has 30 frames.* with a visibility of 0.45'):
        find_people(blank(30), scripted([{0: seen_at(9, visibility=0.4)}] * 30), RULES, progress=False)
    with pytest.raises(InputError, match='the longest track has 3 frames'):
        find_people(blank(30), scripted([{0: seen_at(9)}] * 3 + [{}] * 27), RULES, progress=False)


class Scene:
    """A detector and a landmark model that see people where they are told, frame by frame."""

    def __init__(self, frames: list[list[float]], detected: set[int] | None = None) -> None:
        self.frames, self.detected, self.now, self.detections = frames, detected, -1, 0

    def __call__(self, image: np.ndarray, roi: Roi | None = None):
        if roi is None:
            self.detections += 1
            found = self.frames[self.now] if self.detected is None or self.now in self.detected else []
            boxes = np.array([(x, 100, 100, 100) for x in found], float).reshape(-1, 4)
            return Detections(boxes, np.ones(len(boxes)))
        near = [x for x in self.frames[self.now] if abs(x - roi.center[0]) < 60]
        if not near:
            return pose_at(roi.center[0], presence=0.1)
        return pose_at(min(near, key=lambda x: abs(x - roi.center[0])))

    def run(self, observer) -> list[list[float]]:
        """Where people are observed, by frame."""
        image, seen = np.zeros((200, 400, 3), np.uint8), []
        for number in range(len(self.frames)):
            self.now = number
            seen.append(sorted(round(float(one.landmarks.roi.center[0])) for one in observer(image)))
        return seen


def observe(scene: Scene) -> list[list[float]]:
    return scene.run(PoseObserver(scene, scene, RULES, fps=12))


def test_people_are_followed_between_detections():
    frames = [[100 + 5 * frame, 300] for frame in range(9)]
    scene = Scene(frames)
    assert observe(scene) == frames
    assert scene.detections == 3  # three times a second, at 12 frames a second


def test_who_is_lost_is_looked_for_in_each_frame_and_found_again():
    frames = [[100]] * 3 + [[]] * 4 + [[100]] * 3
    scene = Scene(frames, detected={0})
    assert observe(scene) == frames
    assert scene.detections == 5  # in frame 0 and in the four without the person


def test_squares_that_come_together_are_one_person():
    frames = [[100, 190], [120, 175], [140, 160], [150], [150], [150]]
    assert observe(Scene(frames))[3:] == [[150]] * 3


def test_new_people_are_found_between_others():
    frames = [[100]] * 4 + [[100, 250]] * 4
    assert observe(Scene(frames))[6:] == [[100, 250]] * 2


def test_given_boxes():
    scene = Scene([[100], [110], [300], []])
    boxes = [{5: np.array([x, 100, 100, 100.0])} for x in (102, 112, 300, 300)]
    observer, found = GivenBoxObserver(scene, RULES), []
    for number in range(4):
        scene.now = number
        one = observer(np.zeros((200, 400, 3), np.uint8), boxes[number])
        found.append({identity: float(seen.landmarks.roi.center[0]) for identity, seen in one.items()})
    assert found == [{5: 100}, {5: 110}, {5: 300}, {}]  # a box far from the last place counts more than that place


@pytest.fixture(scope='module')
def found(tmp_path_factory) -> dict[str, tuple]:
    """The people of both clips, by the stage, and its folders."""
    root = tmp_path_factory.mktemp('people')
    result = {}
    for name, path in (('single', SINGLE_PERSON), ('multi', MULTI_PERSON)):
        result[name] = people_stage(open_clip(path), root / name, QUIET), root / name
    return result


@needs_models
def test_the_clip_of_one_person(found):
    (one,) = found['single'][0].people
    assert one.frame.tolist() == list(range(40))
    assert one.landmarks.visibility.mean() > 0.8


@needs_models
def test_the_clip_of_two_people(found):
    people = found['multi'][0].people
    assert len(people) == 2
    for one in people:
        assert one.seen.sum() >= 38
        assert np.ptp(np.sign(one.box[:, 0] - 540 / 2)) == 0  # each stays on their side of the picture
        assert np.linalg.norm(np.diff(one.box[:, :2], axis=0), axis=1).max() < 60


@needs_models
def test_the_stage_is_made_once(found, monkeypatch):
    people, folder = found['single']
    monkeypatch.setattr('glot_plugin.video.people_stage.find_people', None)  # would fail
    again = people_stage(open_clip(SINGLE_PERSON), folder, QUIET)
    assert (again.source, again.size, again.fps) == ('single_person.mp4', (540, 960), pytest.approx(12))
    np.testing.assert_array_equal(again.people[0].features, people.people[0].features)
    with TrackStore(folder / 'features') as store:
        assert (store.num_tracks, store.num_frames, store.feature_dim) == (1, 40, 126)
        np.testing.assert_array_equal(store.track(0)['bbox'], people.people[0].box)
    with pytest.raises(TypeError):
        people_stage(open_clip(SINGLE_PERSON), folder, replace(QUIET, rules=TrackingRules(gap_seconds=2)))


def few_frames(folder: Path, count: int = 6) -> Path:
    """The first frames of the clip of two people, as pictures."""
    folder.mkdir()
    for frame in open_clip(MULTI_PERSON).frames():
        if frame.number < count:
            cv2.imwrite(str(folder / f'{frame.number}.png'), frame.image[..., ::-1])
    return folder


@needs_models
def test_given_boxes_and_another_backbone(tmp_path):
    folder = few_frames(tmp_path / 'frames')
    boxes = tmp_path / 'boxes.csv'
    rows = [f'{frame}.png,anna,{460 - 5 * frame},440,90,430' for frame in range(6)]
    boxes.write_text('\n'.join(['frame,track,cx,cy,w,h', *rows]))
    options = replace(QUIET, boxes=boxes)
    (one,) = people_stage(open_clip(folder), tmp_path / 'landmarks', options).people
    assert one.frame.tolist() == list(range(6))
    assert np.abs(one.box[:, 0] - (460 - 5 * np.arange(6))).max() < 40
    assert one.features.shape == (6, 126)

    spec = BackboneSpec('timm:test_resnet', seed=1)
    extract = ExtractOptions(workers=0, progress=False)
    image = replace(options, backbone=spec, extract=extract)
    (other,) = people_stage(open_clip(folder), tmp_path / 'image', image).people
    assert other.features.shape == (6, 96)
    np.testing.assert_allclose(other.box[2], [450, 440, 90, 430])
    backbone = build_backbone(spec)
    picture = [frame.image for frame in open_clip(folder).frames()][2]
    crop = crop_square(picture, other.box[2], backbone.crop_size)
    expected = backbone(backbone.mean.new_tensor(crop[None]).byte())[0].numpy()
    np.testing.assert_allclose(other.features[2], expected, atol=1e-4)
    with pytest.raises(InputError, match='features are 96 wide, expected the 126 of landmarks'):
        _ = other.landmarks


def test_bad_files_of_boxes(tmp_path):
    clip = PictureClip([np.zeros((60, 80, 3), np.uint8)] * 3)
    boxes = tmp_path / 'boxes.csv'
    options = replace(QUIET, boxes=boxes, backbone=BackboneSpec('timm:test_resnet'))
    boxes.write_text('frame,track,cx,cy,w,h\na.png,x,9,9,9,9')
    with pytest.raises(InputError, match="boxes.csv: track 'x' has frame 'a.png', which clip does not have"):
        people_stage(clip, tmp_path / 'out', options)
    boxes.write_text('frame,track,cx,cy,w,h\n0,x,9,9,9,9\n1,x,9,9,9,9\n2,x,9,9,9,9\n7,x,9,9,9,9')
    with pytest.raises(InputError, match='boxes.csv: has a box in frame 7, and the clip ends after 3 frames'):
        people_stage(clip, tmp_path / 'out', options)
    boxes.write_text('frame,track,cx,cy,w,h\n0,x,9,9,0,9')
    with pytest.raises(InputError, match="track 'x', frame '0': the box is"):
        people_stage(clip, tmp_path / 'out', options)
    with pytest.raises(InputError, match='absent.csv: no such file'):
        people_stage(clip, tmp_path / 'out', replace(options, boxes=tmp_path / 'absent.csv'))
    assert not (tmp_path / 'out').exists()


@needs_models
def test_nobody_in_a_video(tmp_path):
    with pytest.raises(InputError, match='clip.mp4: no person was found'):
        people_stage(open_clip(write_video(tmp_path / 'clip.mp4')), tmp_path / 'out', QUIET)
    assert not (tmp_path / 'out').exists()


def test_damaged_files(tmp_path):
    script = [{0: seen_at(100)}] * 4
    people = find_people(blank(4), scripted(script), RULES, progress=False)
    write_people(people, tmp_path)
    assert len(read_people(tmp_path).people) == 1
    with pytest.raises(InputError, match='people.npz: no such file'):
        read_people(tmp_path / 'absent')
    file = tmp_path / 'people.npz'
    whole = file.read_bytes()
    file.write_bytes(whole[:200])
    with pytest.raises(InputError, match='people.npz: not a valid .npz file'):
        read_people(tmp_path)
    shorter = find_people(blank(3), scripted(script), RULES, progress=False)
    write_people(shorter, tmp_path)
    file.write_bytes(whole)
    with pytest.raises(InputError, match='features: has other frames of person 1 than people.npz'):
        read_people(tmp_path)


@needs_models
def test_boxes_of_another_detector_are_enough(monkeypatch):
    """A backbone for images needs no landmarks: the detector's boxes are joined as they are."""
    scene = Scene([[100 + 5 * frame] for frame in range(12)])
    monkeypatch.setattr('glot_plugin.video.people_stage.build_detector', lambda *_: scene)
    clip = blank(12)
    tracker = build_tracker(clip, PeopleOptions('onnx:x', backbone=BackboneSpec('timm:test_resnet')))

    def step(image):
        scene.now += 1
        return tracker(image)

    (one,) = find_people(clip, step, RULES, progress=False).people
    np.testing.assert_allclose(one.box[:, 0], 100 + 5 * np.arange(12))
    assert one.features is None
