"""A small clip of two people, its video, and a page opened in a browser."""

import shutil

import numpy as np
import pytest
import roma
import torch

from glot_plugin.video.result import PersonTrack, VideoResult

FRAMES, FPS = 24, 12.0
CHROMIUM = ('chromium', 'chromium-browser', 'google-chrome')
# WebGL without a graphics card, and nothing fetched.
FLAGS = (
    '--no-sandbox',
    '--disable-gpu',
    '--use-gl=angle',
    '--use-angle=swiftshader',
    '--enable-unsafe-swiftshader',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
)


@torch.no_grad()
def make_track(body, person: int, frame: np.ndarray, seed: int) -> PersonTrack:
    """Someone upright in the camera's axes, 5 m away, whose joints swing."""
    rng = np.random.default_rng(seed)
    swing = np.sin(2 * np.pi * frame / FRAMES)[:, None, None] * rng.normal(0, 0.3, (24, 3))
    rotmat = roma.rotvec_to_rotmat(torch.from_numpy(swing))
    rotmat[:, 0] = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64)) @ rotmat[:, 0]
    betas = np.repeat(rng.normal(0, 0.5, (1, 10)), len(frame), 0)
    translation = np.stack([person - 1.5 + 0.01 * frame, np.zeros(len(frame)), np.full(len(frame), 5.0)], 1)
    arrays = {'rotmat': rotmat.numpy(), 'betas': betas, 'translation': translation}
    arrays = {name: array.astype(np.float32) for name, array in arrays.items()}
    joints = body.joints(*(torch.from_numpy(arrays[name]) for name in ('rotmat', 'betas'))).numpy()
    points = joints + arrays['translation'][:, None]
    return PersonTrack(
        person,
        frame,
        box=np.ones((len(frame), 4), np.float32),
        camera=np.ones((len(frame), 3), np.float32),
        joints3d=joints,
        joints2d=300 * points[..., :2] / points[..., 2:],
        **arrays,
    )


@pytest.fixture(scope='session')
def make_result(body):
    """A function that makes a clip of two people, the second of whom leaves it for a while."""

    def make(seed: int = 0) -> VideoResult:
        everywhere, partly = np.arange(FRAMES), np.concatenate([np.arange(6), np.arange(10, FRAMES)])
        people = make_track(body, 1, everywhere, seed), make_track(body, 2, partly, seed + 1)
        times = everywhere / FPS + 3.0  # a clip may begin at any time
        return VideoResult('</script> & clip.mp4', (120, 160), FPS, times, 300.0, people, 'a test')

    return make


@pytest.fixture(scope='session')
def clip(tmp_path_factory):
    """A video whose frames become brighter, as many as the result has."""
    av = pytest.importorskip('av')
    path = tmp_path_factory.mktemp('clip') / 'clip.mp4'
    with av.open(str(path), 'w') as output:
        stream = output.add_stream('mpeg4', rate=int(FPS))
        stream.width, stream.height, stream.pix_fmt = 120, 160, 'yuv420p'
        for frame in range(FRAMES):
            image = np.full((160, 120, 3), 10 * frame, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(image, format='rgb24')))
        output.mux(stream.encode(None))
    return path


@pytest.fixture(scope='session')
def browser():
    """Headless Chromium, where there is one."""
    playwright = pytest.importorskip('playwright.sync_api', reason='playwright is not installed')
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.skip('no Chromium on this machine')
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=found, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser):
    """A function that opens a page, without a network, and waits until it is ready; it must not say anything amiss."""
    complaints, contexts = [], []

    def open_(path, **options):
        context = browser.new_context(viewport={'width': 1000, 'height': 700}, offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on('pageerror', lambda error: complaints.append(str(error)))
        page.on('console', lambda message: complaints.append(message.text) if message.type == 'error' else None)
        page.on('request', lambda request: complaints.append(request.url) if request.url.startswith('http') else None)
        page.goto(path.as_uri())
        page.wait_for_selector('body[data-ready=true]', timeout=60_000)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []
