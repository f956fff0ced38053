"""A clip of two people: one is there in every frame but two, the other comes late and leaves early."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from glot_plugin.body_model import SMPLBody
from glot_plugin.video import PersonTrack, VideoResult

FPS, NUM_FRAMES = 25.0, 10


def make_person(body: SMPLBody, person: int, frame: list[int], place: tuple[float, float, float]) -> PersonTrack:
    generator = np.random.default_rng(person)
    frame = np.array(frame)
    start, end = generator.normal(scale=0.6, size=(2, 24, 3))
    share = (frame / NUM_FRAMES)[:, None, None]
    rotmat = Rotation.from_rotvec(((1 - share) * start + share * end).reshape(-1, 3)).as_matrix()
    rotmat = rotmat.reshape(-1, 24, 3, 3).astype(np.float32)
    rotmat[:, 0] = np.diag([1, -1, -1]) @ rotmat[:, 0]  # upright for a camera whose y points down
    betas = np.repeat(generator.normal(size=(1, 10)), len(frame), axis=0).astype(np.float32)
    translation = (np.array(place) + 0.02 * frame[:, None]).astype(np.float32)
    joints3d = body.joints(torch.from_numpy(rotmat), torch.from_numpy(betas)).numpy()
    return PersonTrack(
        person=person,
        frame=frame,
        box=np.tile(np.float32([320, 240, 100, 200]), (len(frame), 1)),
        rotmat=rotmat,
        betas=betas,
        camera=np.tile(np.float32([0.9, 0, 0]), (len(frame), 1)),
        translation=translation,
        joints3d=joints3d,
        joints2d=generator.random((len(frame), 49, 2), np.float32),
    )


@pytest.fixture(scope='session')
def clip(body) -> VideoResult:
    people = (
        make_person(body, 0, [0, 1, 2, 3, 6, 7, 8, 9], (-0.5, 0.1, 4)),
        make_person(body, 2, [2, 3, 4, 5, 6], (0.6, 0, 5)),
    )
    return VideoResult('clip.mp4', (640, 480), FPS, 3 + np.arange(NUM_FRAMES) / FPS, 600.0, people, 'test')
