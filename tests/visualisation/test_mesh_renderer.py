"""Drawn meshes: where the projection says they are, the near one in front, in their colours."""

import numpy as np
import pytest

from glot_plugin.visualisation.mesh_renderer import MeshRenderer
from glot_plugin.visualisation.palette import person_colour

FOCAL = 200.0
SQUARE = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32)
FACES = np.array([[0, 2, 1], [0, 3, 2]])
RED, BLUE = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)


@pytest.fixture(scope='module')
def renderer():
    renderer = MeshRenderer(FACES, 160, 120, background=0.2)
    yield renderer
    renderer.close()


def test_meshes_are_where_the_projection_puts_them(renderer):
    square = 0.2 * SQUARE + np.array([0.1, 0.05, 2.0], np.float32)
    picture, covered = renderer.render([square], [RED], FOCAL, (80, 60))
    rows, columns = np.nonzero(covered)
    corners = FOCAL * square[:, :2] / square[:, 2:] + (80, 60)
    assert np.allclose([columns.min(), columns.max() + 1], [corners[:, 0].min(), corners[:, 0].max()], atol=1)
    assert np.allclose([rows.min(), rows.max() + 1], [corners[:, 1].min(), corners[:, 1].max()], atol=1)
    inside, outside = picture[covered > 0].mean(axis=0), picture[covered == 0]
    assert inside[0] > 50
    assert inside[1:].max() < 5
    assert (outside == 51).all()


def test_the_near_one_is_in_front_whatever_the_order(renderer):
    near, far = 0.1 * SQUARE + (0, 0, 1), 0.4 * SQUARE + (0, 0, 2)
    for meshes, colours in (([near, far], [RED, BLUE]), ([far, near], [BLUE, RED])):
        picture, _ = renderer.render(meshes, colours, FOCAL, (80, 60))
        assert picture[60, 80].argmax() == 0
        assert picture[60, 50].argmax() == 2


def test_the_centre_may_lie_outside(renderer):
    """A window onto a part of a larger picture."""
    square = 0.1 * SQUARE + (1.0, 0, 2.0)
    _, covered = renderer.render([square], [RED], FOCAL, (-20, 60))
    _, columns = np.nonzero(covered)
    assert columns.mean() == pytest.approx(79.5, abs=1)


def test_nobody(renderer):
    picture, covered = renderer.render([], [], FOCAL, (80, 60))
    assert (picture == 51).all()
    assert not covered.any()
    assert renderer.render([SQUARE + (0, 0, 4)], [BLUE], FOCAL, (80, 60))[1].any()  # and somebody again


def test_people_differ_in_colour():
    assert len({person_colour(person) for person in range(6)}) == 6
    assert person_colour(7) == person_colour(1)
