"""The paper's figures: both formats, text that stays text, and what lies where."""

import numpy as np
import pytest
from matplotlib.image import imread

from glot_plugin.errors import InputError
from glot_plugin.visualisation import draw_acceleration_errors, draw_attention_maps, draw_branch_meshes
from glot_plugin.visualisation.canvas import PAPER_WIDTH, PRINT_DPI

YELLOW, PURPLE = (253 / 255, 231 / 255, 37 / 255), (68 / 255, 1 / 255, 84 / 255)  # the ends of viridis


def share_of(picture: np.ndarray, colour) -> float:
    return float((np.abs(picture[..., :3] - np.array(colour)) < 0.03).all(-1).mean())


def check_formats(pictures: list) -> np.ndarray:
    pdf, png = pictures
    assert (pdf.suffix, png.suffix) == ('.pdf', '.png')
    content = pdf.read_bytes()
    assert content.startswith(b'%PDF')
    assert b'/Type3' not in content
    picture = imread(png)
    assert picture.shape[1] == pytest.approx(PAPER_WIDTH * PRINT_DPI, abs=2)
    return picture


def test_attention_maps_show_where_the_attention_is(tmp_path):
    encoder, local, cross = np.eye(16), np.eye(9), np.zeros((30, 16))
    cross[:, :8] = 1 / 8  # the frames before
    picture = check_formats(draw_attention_maps([encoder] * 2, [local] * 3, cross, tmp_path / 'attention', 100, 115))
    bottom = picture[int(0.75 * len(picture)) :]
    panel = bottom[:, : int(0.8 * bottom.shape[1])]  # without the scale of colours
    yellow, purple = (np.argwhere((np.abs(panel[..., :3] - colour) < 0.03).all(-1)) for colour in (YELLOW, PURPLE))
    assert min(len(yellow), len(purple)) > 50_000
    assert np.percentile(yellow[:, 0], 95) < np.percentile(purple[:, 0], 5)  # rows count from the top
    top = picture[: int(0.3 * len(picture))]
    assert share_of(top, PURPLE) > 10 * share_of(top, YELLOW) > 0


def test_attention_maps_of_causal_windows(tmp_path):
    """Frames that the cross-attention attends to are counted from the predicted one, here the window's last."""
    titles = {}
    for name, before in (('mid', ()), ('last', (15, 8))):
        maps = draw_attention_maps([np.eye(16)], [np.eye(9)], np.ones((3, 16)), tmp_path / name, 100, 115, *before)
        titles[name] = check_formats(maps)
    assert not np.array_equal(titles['mid'], titles['last'])


def test_attention_maps_are_checked(tmp_path):
    with pytest.raises(InputError, match=r'Local encoder: maps \[\(9, 8\)\], expected square ones'):
        draw_attention_maps([np.eye(16)], [np.ones((9, 8))], np.ones((3, 16)), tmp_path / 'attention')
    with pytest.raises(InputError, match='Global encoder: maps'):
        draw_attention_maps([], [np.eye(9)], np.ones((3, 16)), tmp_path / 'attention')
    with pytest.raises(InputError, match=r'cross-attention is \(3, 1, 16\)'):
        draw_attention_maps([np.eye(16)], [np.eye(9)], np.ones((3, 1, 16)), tmp_path / 'attention')
    assert list(tmp_path.iterdir()) == []


def test_meshes_are_coloured_by_their_error(tmp_path):
    square = np.array([[-0.5, -0.5, 0], [0.5, -0.5, 0], [0.5, 0.5, 0], [-0.5, 0.5, 0]]) * (1, -1, -1)  # y down
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    meshes = {'global branch': square[None], 'after local correction': square[None]}
    errors = {'global branch': np.full((1, 4), 200.0), 'after local correction': np.zeros((1, 4))}
    captions = {'global branch': ['200 mm'], 'after local correction': ['0 mm']}
    pictures = draw_branch_meshes(meshes, faces, [7], tmp_path / 'branches', errors, captions, 'MPJPE')
    picture = check_formats(pictures)
    upper, lower = np.array_split(picture[:, : int(0.7 * picture.shape[1]), :3], 2)
    red = [float(((half[..., 0] - half[..., 1]) > 0.3).mean()) for half in (upper, lower)]
    assert red[0] > 0.3 > 0.01 > red[1]


def test_meshes_are_checked(tmp_path):
    with pytest.raises(InputError, match=r"2 frames and meshes \{'global branch': 1\}"):
        draw_branch_meshes({'global branch': np.zeros((1, 4, 3))}, np.zeros((0, 3), int), [1, 2], tmp_path / 'branches')


def test_acceleration_has_a_line_a_result(tmp_path):
    errors = {'GLoT': np.array([np.nan, 4.0, 5.0, np.nan]), 'other': np.array([np.nan, 9.0, 8.0, np.nan])}
    picture = check_formats(draw_acceleration_errors(errors, tmp_path / 'acceleration', 10))
    for colour in ((0xD1 / 255, 0x49 / 255, 0x5B / 255), (0, 0x79 / 255, 0x8C / 255)):
        assert share_of(picture, colour) > 0.0005
    with pytest.raises(InputError, match='expected one shape'):
        draw_acceleration_errors({**errors, 'short': np.zeros(3)}, tmp_path / 'bad')
