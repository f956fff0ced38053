"""Pictures: what is drawn lies where it should, and bad arrays are named."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from glot_plugin.body_model.joint_sets import LSP14
from glot_plugin.errors import InputError
from glot_plugin.visualisation import (
    draw_learning_curves,
    draw_loss_curves,
    draw_mesh,
    draw_skeletons_over_time,
    draw_track_error,
    draw_training_curve,
)
from glot_plugin.visualisation.canvas import COLOURS
from glot_plugin.visualisation.curves import _label_few, _running_mean
from glot_plugin.visualisation.skeletons import lsp14_of


@pytest.fixture
def joints() -> np.ndarray:
    """Standing people (5, 49, 3), y down, a little different in each frame."""
    rng = np.random.default_rng(0)
    return rng.uniform((-0.3, -0.8, -0.2), (0.3, 0.8, 0.2), (5, 49, 3))


def share_of(picture: np.ndarray, colour: tuple[float, float, float]) -> float:
    return float((np.abs(picture[..., :3] - colour) < 0.05).all(-1).mean())


def test_lsp14_of_49_joints_is_centred_between_the_hips(joints):
    joints[:, 27], joints[:, 28] = (1.0, 2.0, 3.0), (3.0, 2.0, 1.0)
    centred = lsp14_of(joints)
    np.testing.assert_allclose(centred, joints[:, list(LSP14)] - (2.0, 2.0, 2.0))
    np.testing.assert_allclose(lsp14_of(joints[:, list(LSP14)]), centred)


def test_skeletons_of_49_and_14_joints_share_a_picture(joints, tmp_path):
    path = draw_skeletons_over_time(joints, joints[:, list(LSP14)] + 0.3, [0, 2, 4], tmp_path / 'new' / 'skeletons.png')
    picture = imread(path)
    red, grey = (0xD1 / 255, 0x49 / 255, 0x5B / 255), (0x40 / 255,) * 3
    assert share_of(picture, red) > 0.001
    assert share_of(picture, grey) > 0.001
    assert picture.shape[1] > picture.shape[0] / 2


@pytest.mark.parametrize(
    ('change', 'frames', 'message'),
    [
        (lambda j: j[:, :20], [0], r'shape \(5, 20, 3\), expected \(N, 14, 3\) or \(N, 49, 3\)'),
        (lambda j: j[:4], [0], '4 predicted and 5 true frames'),
        (lambda j: j, [1, 5], r'frames \[5\]: expected frames between 0 and 4'),
        (lambda j: j, [], 'expected frames between 0 and 4'),
    ],
)
def test_skeletons_that_do_not_fit_are_refused(joints, tmp_path, change, frames, message):
    with pytest.raises(InputError, match=message):
        draw_skeletons_over_time(change(joints), joints, frames, tmp_path / 'skeletons.png')
    assert not (tmp_path / 'skeletons.png').exists()


def test_track_error_shades_hidden_frames(tmp_path):
    errors = {'GLoT': np.full(50, 40.0), 'mean pose': np.full(50, 90.0)}
    hidden = np.arange(50) >= 25
    plain = imread(draw_track_error(errors, tmp_path / 'plain.png'))
    shaded = imread(draw_track_error(errors, tmp_path / 'shaded.png', shaded=hidden))
    assert share_of(shaded, (0.85,) * 3) > share_of(plain, (0.85,) * 3) + 0.2
    with pytest.raises(InputError, match=r'\(49,\), \(50,\)\], expected one shape'):
        draw_track_error(errors | {'other': np.zeros(49)}, tmp_path / 'bad.png')


def test_training_curve_with_and_without_validation(tmp_path):
    iterations, loss = np.arange(0, 300, 3), np.linspace(30, 3, 100)
    alone = imread(draw_training_curve(iterations, loss, tmp_path / 'alone.png'))
    both = imread(draw_training_curve(iterations, loss, tmp_path / 'both.png', [100, 200], [90.0, 60.0]))
    red = (0xD1 / 255, 0x49 / 255, 0x5B / 255)
    assert share_of(alone, red) == 0
    assert share_of(both, red) > 0.0005
    with pytest.raises(InputError, match=r'iterations \(100,\) and losses \(99,\)'):
        draw_training_curve(iterations, loss[1:], tmp_path / 'bad.png')
    with pytest.raises(InputError, match=r'validation: \(3,\) iterations and \(2,\) errors'):
        draw_training_curve(iterations, loss, tmp_path / 'bad.png', [1, 2, 3], [90.0, 60.0])


def test_learning_curves_show_the_mean_and_the_range_of_seeds(tmp_path):
    steps, flat = np.arange(1, 6), np.full(5, 50.0)
    one = imread(draw_learning_curves({'a': (steps, flat[None])}, tmp_path / 'one.png', 'error (mm)'))
    seeds = {'a': (steps, np.stack([flat - 20, flat + 20]))}
    several = imread(draw_learning_curves(seeds, tmp_path / 'several.png', 'error (mm)'))
    alone, band = ((np.abs(p[..., :3] - p[..., :1]).max(-1) > 0.05).mean() for p in (one, several))
    assert 0 < alone < 0.03  # a line
    assert band > 0.3  # from 30 to 70 mm, which is most of the panel
    with pytest.raises(InputError, match='no learning curves'):
        draw_learning_curves({}, tmp_path / 'bad.png', 'error (mm)')
    with pytest.raises(InputError, match=r'a: iterations \(5,\) and errors \(1, 4\), expected \(K,\) and \(S, K\)'):
        draw_learning_curves({'a': (steps, flat[None, :4])}, tmp_path / 'bad.png', 'error (mm)')


def test_running_mean_is_centred_and_keeps_constants():
    np.testing.assert_allclose(_running_mean(np.full(150, 7.0)), 7.0)
    impulse = np.zeros(150)  # 2 % of 150 is 3 iterations
    impulse[50] = 3.0
    np.testing.assert_allclose(_running_mean(impulse)[48:53], [0, 1, 1, 1, 0])
    assert [_label_few(value) for value in (2.0, 3.0, 0.5, 40.0, 20.0)] == ['2', '', '0.5', '', '20']


def test_mesh_shows_the_nearer_face_upright(tmp_path):
    """Two squares, the nearer one small and turned away from the light, high up: it is drawn over the far one."""
    corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], dtype=float)
    near = corners * 0.3 + (0, 0.5, 0.5)
    vertices, square = np.concatenate([corners, near]), np.array([[0, 1, 2], [0, 2, 3]])
    one = imread(draw_mesh(vertices, square, tmp_path / 'one.png', views=('front',)))
    slanted = vertices.copy()
    slanted[4:, 2] += np.array([-0.4, -0.4, 0.4, 0.4])  # leans out of the light from above, so it is darker
    faces = np.concatenate([square + 4, square])
    both = imread(draw_mesh(slanted, faces, tmp_path / 'two.png', views=('front',)))
    in_camera = slanted * (1, -1, -1)
    flipped = imread(draw_mesh(in_camera, faces, tmp_path / 'flipped.png', views=('front',), y_down=True))
    changed = np.argwhere((both - one)[..., :3].sum(-1) < -0.1)
    assert len(changed) > 1000
    assert changed[:, 0].mean() < one.shape[0] / 2  # rows count from the top: the small one is high up
    np.testing.assert_array_equal(both, flipped)


def test_mesh_arguments_are_checked(tmp_path):
    with pytest.raises(InputError, match=r"views \['above'\]: expected some of front, back"):
        draw_mesh(np.zeros((3, 3)), np.array([[0, 1, 2]]), tmp_path / 'mesh.png', views=('above',))
    with pytest.raises(InputError, match=r'shape \(3, 2\), expected'):
        draw_mesh(np.zeros((3, 2)), np.array([[0, 1, 2]]), tmp_path / 'mesh.png')


def test_a_picture_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(InputError, match='curve.docx.*cannot be written'):
        draw_training_curve(np.arange(3), np.ones(3), tmp_path / 'curve.docx')


def test_loss_curves_of_several_trainings(tmp_path):
    losses = {'float32': np.linspace(30, 3, 100), 'bfloat16': np.linspace(32, 4, 100)}
    one = imread(draw_loss_curves({'float32': losses['float32']}, tmp_path / 'one.png'))
    both = imread(draw_loss_curves(losses, tmp_path / 'both.png'))
    second = to_rgb(COLOURS[1])
    assert share_of(one, second) == 0
    assert share_of(both, second) > 0.0005
    with pytest.raises(InputError, match='expected one shape'):
        draw_loss_curves(losses | {'cut': np.ones(99)}, tmp_path / 'bad.png')
