"""Pages in headless Chromium: they load without a complaint, show the bodies where they are, and play."""

import copy
import io

import numpy as np
import pytest
import torch
from matplotlib.image import imread

from glot_plugin.viewer import TrueJoints, ViewerScene, write_page, write_viewer


def picture(page, selector: str = '#stage') -> np.ndarray:
    page.wait_for_timeout(150)  # the next frames of the animation
    return imread(io.BytesIO(page.locator(selector).screenshot()))[..., :3]


def shown_frame(page) -> int:
    return int(page.inner_text('#counter b'))


@pytest.fixture
def path(make_result, body, tmp_path):
    return write_viewer(make_result(), body, tmp_path / 'viewer.html')


def test_plays_and_stops(path, open_page):
    page = open_page(path)
    before = picture(page)
    assert before.std() > 0.05  # not an empty canvas
    page.keyboard.press('Space')
    page.wait_for_function('Number(document.querySelector("#counter b").textContent) > 3')
    page.keyboard.press('Space')
    stopped = shown_frame(page)
    assert np.abs(picture(page) - before).mean() > 0.001
    assert shown_frame(page) == stopped
    page.keyboard.press('ArrowRight')
    page.wait_for_function(f'Number(document.querySelector("#counter b").textContent) === {stopped + 1}')


def test_bodies_are_where_the_model_puts_them(path, open_page, make_result, body):
    """Vertices in the browser against skinning here, without pose correctives in both."""
    page, frame = open_page(path), 13
    plain = copy.deepcopy(body)
    plain.posedirs.zero_()
    vertices = """(frame) => {
        viewer.seek(frame);
        viewer.show(frame);
        viewer.stage.draw();
        return viewer.bodies.map(({ mesh }) => {
            const points = [];
            for (let index = 0; index < 6890; index += 53) {
                points.push(mesh.getVertexPosition(index, new THREE.Vector3()).toArray());
            }
            return points;
        });
    }"""
    for track, found in zip(make_result().people, page.evaluate(vertices, frame), strict=True):
        row = int(np.flatnonzero(track.frame == frame)[0])
        with torch.no_grad():
            expected = plain.vertices(torch.from_numpy(track.rotmat[row]), torch.from_numpy(track.betas[row]))
        expected = expected.numpy()[::53] + track.translation[row]
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_people_are_switched_on_and_off(path, open_page):
    page = open_page(path)
    both = picture(page)
    page.locator('#people input').nth(0).uncheck()
    one = picture(page)
    page.locator('#people input').nth(1).uncheck()
    nobody = picture(page)
    changes = [np.abs(one - both).mean(), np.abs(nobody - one).mean()]
    assert min(changes) > 0.001
    page.locator('#people input').nth(0).check()
    page.locator('#people input').nth(1).check()
    page.evaluate('viewer.seek(8)')  # the second person is away
    picture(page)
    assert page.locator('#people label.absent').all_inner_texts() == ['Person 2']


def test_views_differ(path, open_page):
    page = open_page(path)
    views = []
    for name in ('front', 'side', 'top'):
        page.click(f'[data-view={name}]')
        views.append(picture(page))
    assert min(np.abs(views[0] - views[1]).mean(), np.abs(views[1] - views[2]).mean()) > 0.005


def test_video_and_bodies_go_together(make_result, body, clip, tmp_path, open_page):
    page = open_page(write_viewer(make_result(), body, tmp_path / 'viewer.html', video=clip))
    if page.locator('#video-pane').is_hidden():
        pytest.skip('this Chromium has no H.264')
    for frame in (20, 4):
        page.evaluate('(frame) => viewer.seek(frame)', frame)
        page.wait_for_function('!document.getElementById("video").seeking')
        assert abs(255 * picture(page, '#video').mean() - 10 * frame) < 12
        assert shown_frame(page) == frame
    page.select_option('#speed', '0.5')
    page.click('#play')
    page.wait_for_function('Number(document.querySelector("#counter b").textContent) > 6')
    time, rate = page.evaluate(
        '[document.getElementById("video").currentTime, document.getElementById("video").playbackRate]'
    )
    assert time > 6 / 12
    assert rate == 0.5


def test_error_curve_beside_the_true_bodies(make_result, body, tmp_path, open_page):
    page = open_page(
        write_viewer(make_result(), body, tmp_path / 'viewer.html', truth=make_result(seed=7)), color_scheme='dark'
    )
    assert picture(page, '#chart').std() > 0.02
    assert page.locator('#errors-now').inner_text().startswith('MPJPE')
    page.click('#chart', position={'x': 500, 'y': 50})
    page.wait_for_function('Number(document.querySelector("#counter b").textContent) > 8')
    beside = picture(page)
    page.uncheck('#beside')
    assert np.abs(picture(page) - beside).mean() > 0.001


def test_true_joints_are_sticks(body, tmp_path, open_page):
    joints = np.random.default_rng(0).uniform(-0.8, 0.8, (5, 14, 3))
    scene = ViewerScene('sticks', '', np.arange(5) / 25, (TrueJoints('True', np.arange(5), joints),))
    page = open_page(write_page(scene, body, tmp_path / 'viewer.html'))
    with_sticks = picture(page)
    page.locator('#people input').uncheck()
    assert np.abs(picture(page) - with_sticks).mean() > 0.001
