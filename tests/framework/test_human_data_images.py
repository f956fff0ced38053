"""Features for a HumanData file, whose annotations stay."""

import cv2
import numpy as np
import pytest
from human_data_files import make_tracks, write_human_data

from glot_plugin.cli.image_sources import open_source
from glot_plugin.datasets import TrackStore
from glot_plugin.errors import InputError
from glot_plugin.features import ExtractOptions, build_backbone, extract_features
from glot_plugin.features.backbones import BackboneSpec
from glot_plugin.features.crops import crop_square

pytest.importorskip('mmhuman3d')


def random_picture(seed: int) -> np.ndarray:
    """(60, 80, 3) uint8, smooth."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    return cv2.resize(noise, (80, 60), interpolation=cv2.INTER_CUBIC)


SPEC = BackboneSpec('timm:test_resnet')
OPTIONS = ExtractOptions(batch_size=64, workers=0, progress=False)


@pytest.fixture
def human_data(tmp_path, body):
    """A file of two people, with pictures in `images`; boxes are moved into the pictures."""
    tracks = make_tracks(body, 60, seed=2)[:2]
    path = write_human_data(tmp_path / 'people.npz', tracks)
    with np.load(path, allow_pickle=True) as file:
        arrays = dict(file)
    arrays['bbox_xywh'] = np.tile([20.0, 10, 30, 40, 1], (len(arrays['image_path']), 1))
    np.savez(path, **arrays)
    for index, name in enumerate(arrays['image_path']):
        (tmp_path / 'images' / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / 'images' / name), random_picture(index))
    return path, tracks


def test_features_and_annotations(tmp_path, human_data):
    path, tracks = human_data
    store = TrackStore(
        extract_features(open_source(path, image_root=tmp_path / 'images'), SPEC, tmp_path / 's', OPTIONS)
    )
    assert store.num_frames == sum(len(track.frame_id) for track in tracks)
    assert store.track_gender.tolist() == ['m', 'f']
    assert store.feature_dim == 96  # not the 2048 of the file
    backbone = build_backbone(SPEC)
    for index, track in enumerate(tracks):
        rows = store.track(index)
        np.testing.assert_array_equal(rows['frame_id'], track.frame_id)
        np.testing.assert_allclose(rows['smpl_pose'], track.smpl_pose, atol=1e-6)
        np.testing.assert_allclose(rows['bbox'], np.tile([35, 30, 30 / 1.2, 40 / 1.2], (len(track.frame_id), 1)))
        confident = track.keypoints2d[..., 2] > 0
        np.testing.assert_allclose(rows['keypoints2d'][confident], track.keypoints2d[confident], rtol=1e-6)
    picture = cv2.imread(str(tmp_path / 'images' / f'video_1/image_{tracks[1].frame_id[3]:05d}.jpg'))
    crop = crop_square(picture[..., ::-1].copy(), np.array([35, 30, 30, 40]), 160, box_scale=1)  # the file's box
    features = backbone(backbone.mean.new_tensor(crop[None])).detach().numpy()[0]
    np.testing.assert_allclose(store.track(1)['features'][3], features, atol=1e-5, rtol=1e-4)


def test_without_keypoints_boxes_stay(tmp_path, human_data):
    path, tracks = human_data
    with np.load(path, allow_pickle=True) as file:
        arrays = {key: file[key] for key in ('image_path', 'bbox_xywh')}
    np.savez(path, **arrays)
    store = TrackStore(
        extract_features(open_source(path, image_root=tmp_path / 'images'), SPEC, tmp_path / 's', OPTIONS)
    )
    assert set(store.columns) == {'features', 'bbox', 'frame_id', 'valid'}
    assert store.num_tracks == 2


def test_people_that_alternate_keep_their_boxes_and_targets(tmp_path, human_data):
    path, tracks = human_data
    with np.load(path, allow_pickle=True) as file:
        arrays = dict(file)
    length = min(len(track.frame_id) for track in tracks)
    rows = np.array([0, len(tracks[0].frame_id)] * length) + np.arange(length).repeat(2)
    names = arrays['image_path'][:length].repeat(2)  # both in the pictures of the first
    boxes = arrays['bbox_xywh'][rows] + np.tile([[0], [1]], (length, 1))
    np.savez(
        path,
        image_path=names,
        bbox_xywh=boxes,
        track_id=np.tile([1, 0], length),
        **{key: arrays[key] for key in arrays if key.startswith(('keypoints2d_', '__keypoints'))},
        keypoints2d=arrays['keypoints2d'][rows],
    )
    source = open_source(path, image_root=tmp_path / 'images')
    store = TrackStore(extract_features(source, SPEC, tmp_path / 's', OPTIONS))
    assert store.track_offsets.tolist() == [0, length, 2 * length]
    for number, found in enumerate(source.tracks(tmp_path)):
        columns = store.track(number)
        assert [str(name) for name in found.frames.paths] == [str(tmp_path / 'images' / name) for name in names[::2]]
        np.testing.assert_allclose(columns['bbox'][0, :2], [35 + 1.5 * number, 30 + 1.5 * number])
        confident = tracks[number].keypoints2d[:length, :, 2] > 0
        np.testing.assert_allclose(
            columns['keypoints2d'][confident], tracks[number].keypoints2d[:length][confident], rtol=1e-6
        )


def test_errors_name_the_users_file(tmp_path, human_data):
    path, _ = human_data
    with np.load(path, allow_pickle=True) as file:
        arrays = dict(file)
    arrays['keypoints2d'][7] = np.nan
    np.savez(path, **arrays)
    with pytest.raises(InputError, match=r'people.npz: keypoints2d, row 7: NaN'):
        extract_features(open_source(path, image_root=tmp_path / 'images'), SPEC, tmp_path / 's', OPTIONS)


def test_files_that_will_not_do(tmp_path, human_data):
    path, _ = human_data
    with pytest.raises(InputError, match=r"track 'video_0': .*video_0.image_\d+.jpg: no such picture"):
        extract_features(open_source(path), SPEC, tmp_path / 's', OPTIONS)  # pictures beside the file
    boxes = tmp_path / 'b.csv'
    boxes.touch()
    with pytest.raises(InputError, match=r'--boxes .*b.csv: a HumanData file contains its boxes'):
        open_source(path, boxes)
    np.savez(tmp_path / 'bare.npz', image_path=np.array(['a/1.jpg']))
    with pytest.raises(InputError, match=r'bare.npz: no bbox_xywh, found image_path'):
        open_source(tmp_path / 'bare.npz')
    np.savez(tmp_path / 'empty.npz', image_path=np.array([], str), bbox_xywh=np.zeros((0, 5)))
    with pytest.raises(InputError, match=r'empty.npz: image_path has no rows'):
        extract_features(open_source(tmp_path / 'empty.npz'), SPEC, tmp_path / 's', OPTIONS)
    np.savez(tmp_path / 'zero.npz', image_path=np.array(['a/1.jpg']), bbox_xywh=np.zeros((1, 5)))
    with pytest.raises(InputError, match=r"track 'a', .*1.jpg: the box is \(0, 0, 0, 0\)"):
        extract_features(open_source(tmp_path / 'zero.npz'), SPEC, tmp_path / 's', OPTIONS)
