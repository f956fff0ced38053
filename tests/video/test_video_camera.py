"""The full picture's camera: people stand where the crop's camera saw them, at depths that follow from their size."""

import numpy as np
import pytest
from PIL import Image

from glot_plugin.errors import InputError
from glot_plugin.video.camera import (
    LEAST_DEPTH,
    crop_orientation,
    crop_pixels,
    crop_to_picture,
    exif_focal_length,
    fitted_translation,
    guess_focal_length,
    project_to_picture,
)

SIZE = (1920, 1080)
FOCAL = guess_focal_length(SIZE)


@pytest.fixture
def joints3d() -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.8, 0.8, (3, 49, 3)) * [0.4, 1, 0.2]


def full_translation(joints3d, camera, box, focal_length=FOCAL):
    pixels = crop_pixels(joints3d, camera, box)
    return fitted_translation(joints3d, pixels, np.ones(pixels.shape[:2]), focal_length, SIZE)


def crop_camera(joints3d, translation):
    """Boxes around the projected joints, and the weak-perspective cameras that put the joints there."""
    pixels = project_to_picture(joints3d, translation, FOCAL, SIZE)
    low, high = pixels.min(axis=1), pixels.max(axis=1)
    box = np.concatenate([(low + high) / 2, high - low], axis=1)
    half = 0.6 * box[:, 2:].max(axis=1)
    scale = FOCAL / translation[:, 2] / half
    centre = (FOCAL * translation[:, :2] / translation[:, 2:] + np.array(SIZE) / 2 - box[:, :2]) / half[:, None]
    return box, np.concatenate([scale[:, None], centre / scale[:, None]], axis=1)


def test_translation_is_found_again(joints3d):
    """People far enough away that weak perspective hardly differs, anywhere in the picture."""
    flat = joints3d * [1, 1, 0.05]
    translation = np.array([[-3.0, 0.5, 12.0], [2.0, -1.0, 9.0], [0.0, 0.0, 15.0]])
    box, camera = crop_camera(flat, translation)
    found = full_translation(flat, camera, box)
    assert np.allclose(found, translation, rtol=0.01, atol=0.03)
    assert np.argsort(found[:, 2]).tolist() == [1, 0, 2]


def test_joints_land_where_the_crop_shows_them(joints3d):
    translation = np.array([[-1.0, 0.3, 4.0], [0.4, -0.2, 3.5], [0.0, 0.1, 6.0]])
    box, camera = crop_camera(joints3d, translation)
    found = full_translation(joints3d, camera, box)
    pixels = project_to_picture(joints3d, found, FOCAL, SIZE)
    in_crop = camera[:, None, :1] * (joints3d[..., :2] + camera[:, None, 1:])
    apart = np.linalg.norm(pixels - crop_to_picture(in_crop, box), axis=-1)
    assert np.median(apart / (1.2 * box[:, None, 2:].max(axis=-1))) < 0.01


def test_translation_that_pixels_tell(joints3d):
    """The exact one of exact pixels, whatever those of weight 0 are."""
    translation = np.array([[-1.0, 0.3, 4.0], [0.4, -0.2, 3.5], [0.0, 0.1, 6.0]])
    pixels = project_to_picture(joints3d, translation, FOCAL, SIZE)
    weight = np.random.default_rng(1).uniform(0.1, 1, (3, 49))
    weight[:, :9], pixels[:, :9] = 0, 1e4
    assert np.allclose(fitted_translation(joints3d, pixels, weight, FOCAL, SIZE), translation)


def test_crop_s_axis_is_turned_to_the_ray_through_its_middle():
    box = np.array([[960, 540, 9, 9], [1500, 300, 9, 9], [960, 0, 9, 9], [100, 900, 9, 9]])
    turn = crop_orientation(box, FOCAL, SIZE)
    assert np.allclose(turn[0], np.eye(3))
    assert np.allclose(turn @ turn.swapaxes(1, 2), np.eye(3))
    rays = turn @ [0, 0, 1]
    assert np.allclose(FOCAL * rays[:, :2] / rays[:, 2:] + np.array(SIZE) / 2, box[:, :2])
    assert np.allclose(turn[2] @ [1, 0, 0], [1, 0, 0])  # the shortest way: nothing but up


def test_nobody_stands_behind_the_lens(joints3d):
    found = full_translation(joints3d, np.tile([-0.9, 0.1, 0.1], (3, 1)), np.tile([9, 9, 50, 50], (3, 1)))
    assert (joints3d[..., 2] + found[:, None, 2] >= LEAST_DEPTH - 1e-9).all()


def test_bad_focal_length(joints3d):
    with pytest.raises(InputError, match='focal length 0: expected a positive number'):
        full_translation(joints3d, np.ones((3, 3)), np.ones((3, 4)), 0)


def test_focal_length_of_a_photo(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = 27
    Image.new('RGB', (400, 300)).save(tmp_path / 'photo.jpg', exif=exif)
    assert exif_focal_length(tmp_path / 'photo.jpg') == pytest.approx(300)
    Image.new('RGB', (400, 300)).save(tmp_path / 'plain.png')
    assert exif_focal_length(tmp_path / 'plain.png') is None
    (tmp_path / 'no_photo.jpg').write_text('no photo')
    assert exif_focal_length(tmp_path / 'no_photo.jpg') is None
    assert guess_focal_length((300, 400)) == 500
