"""Motions at even times: what was seen is unchanged, gaps are filled, uneven clips are resampled."""

import dataclasses

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from glot_plugin.errors import InputError
from glot_plugin.export.motion import CAMERA_TO_Y_UP, CAMERA_TO_Z_UP, evenly_timed, person_motion


def test_axes_turn_points_as_they_turn_the_root(clip, body):
    track = clip.people[0]
    for axes in (CAMERA_TO_Y_UP, CAMERA_TO_Z_UP):
        assert np.linalg.det(axes) == pytest.approx(1)
        motion = person_motion(track, body, axes)
        np.testing.assert_allclose(motion.rotmat[:, 0], axes @ track.rotmat[:, 0], atol=1e-6)
        np.testing.assert_array_equal(motion.rotmat[:, 1:], track.rotmat[:, 1:])
    up = np.array([0, -1, 0])  # of the camera
    assert (CAMERA_TO_Y_UP @ up).tolist() == [0, 1, 0]
    assert (CAMERA_TO_Z_UP @ up).tolist() == [0, 0, 1]


def test_frames_that_were_seen_are_unchanged(clip, body):
    for track in clip.people:
        motion = person_motion(track, body, CAMERA_TO_Y_UP)
        even = evenly_timed(motion, clip)
        assert even.frame.tolist() == list(range(clip.num_frames))
        np.testing.assert_allclose(even.rotmat[track.frame], motion.rotmat, atol=1e-6)
        np.testing.assert_allclose(even.pelvis[track.frame], motion.pelvis, atol=1e-9)


def test_gaps_are_interpolated_and_ends_held(clip, body):
    first, second = (evenly_timed(person_motion(track, body, CAMERA_TO_Y_UP), clip) for track in clip.people)
    # Frames 4 and 5 of the first person lie between 3 and 6.
    np.testing.assert_allclose(first.pelvis[4], (2 * first.pelvis[3] + first.pelvis[6]) / 3)
    step = [Rotation.from_matrix(first.rotmat[i, 7].T @ first.rotmat[i + 1, 7]).as_rotvec() for i in (3, 4, 5)]
    np.testing.assert_allclose(step, [step[0]] * 3, atol=1e-6)
    assert np.ptp(second.rotmat[:3], axis=0).max() < 1e-6
    assert np.ptp(second.rotmat[6:], axis=0).max() < 1e-6


def test_uneven_times_are_resampled(clip, body):
    """A person who moves evenly in time does so after a clip whose frames come unevenly, too."""
    times = np.array([0, 1, 2, 3, 3.5, 4, 7, 8, 8.5, 9]) / clip.fps
    track = clip.people[0]
    translation = np.stack([times[track.frame], 0 * track.frame, 4 + 0 * track.frame], axis=1).astype(np.float32)
    track = dataclasses.replace(track, translation=translation)
    even = evenly_timed(
        person_motion(track, body, CAMERA_TO_Y_UP), dataclasses.replace(clip, times=times, people=(track,))
    )
    np.testing.assert_allclose(np.diff(even.pelvis[:, 0]), 1 / clip.fps, atol=1e-6)


def test_one_frame_is_held(clip, body):
    track = clip.people[1]
    still = dataclasses.replace(track, **{name: value[:1] for name, value in vars(track).items() if name != 'person'})
    even = evenly_timed(person_motion(still, body, CAMERA_TO_Y_UP), clip)
    assert np.ptp(even.rotmat, axis=0).max() == 0
    assert len(even.pelvis) == clip.num_frames


def test_times_that_do_not_rise(clip, body):
    motion = person_motion(clip.people[0], body, CAMERA_TO_Y_UP)
    with pytest.raises(InputError, match=r'times of clip.mp4: expected finite seconds that rise'):
        evenly_timed(motion, dataclasses.replace(clip, times=clip.times[::-1]))
