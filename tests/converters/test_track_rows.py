"""Which rows become which track."""

import numpy as np
import pytest

from glot_plugin.converters.tracks import CHUNK_ROWS, find_tracks, frame_numbers, read_rows
from glot_plugin.errors import InputError


def rows_of(names, frames=None):
    tracks = find_tracks(np.array(names), None if frames is None else np.array(frames), 'db.pt')
    return {track.name: (track.rows.tolist(), track.frame_id.tolist()) for track in tracks}


def test_rows_of_one_name_in_frame_order():
    found = rows_of(['b', 'b', 'a', 'b', 'a'], [7, 5, 2, 6, 1])
    assert found == {'b': ([1, 3, 0], [5, 6, 7]), 'a': ([4, 2], [1, 2])}
    assert list(found) == ['b', 'a']  # by first rows, so that files are read forwards


def test_gaps_do_not_cut_a_track():
    assert rows_of(['a'] * 4, [1, 2, 90, 91]) == {'a': ([0, 1, 2, 3], [1, 2, 90, 91])}


@pytest.mark.parametrize(
    ('frames', 'message'),
    [
        ([1, 2, 3, 1, 2], 'frame_id 1 twice, in rows 2 and 5'),  # one person after the other
        ([0, 0, 1, 1], 'frame_id 0 twice, in rows 2 and 3'),  # frame by frame
        ([0, 1, 2, 2, 3], 'frame_id 2 twice, in rows 4 and 5'),
        ([0, 1, 0, 1, 2, 3, 2, 3], 'frame_id 0 twice, in rows 2 and 4'),  # clip by clip
        ([0, 1, 1, 0], 'frame_id 0 twice, in rows 2 and 5'),
    ],
)
def test_people_who_share_a_name_never_merge(frames, message):
    with pytest.raises(InputError, match=f"db.pt: vid_name 'a' has {message}: several people share the name"):
        rows_of(['b', 'b', *['a'] * len(frames)], [0, 1, *frames])


def test_without_frame_numbers_rows_keep_their_order():
    assert rows_of(['a', 'b', 'a']) == {'a': ([0, 2], [0, 2]), 'b': ([1], [1])}


def test_names_across_chunks():
    names = np.repeat(np.array([b'one', b'two']), [CHUNK_ROWS + 5, CHUNK_ROWS])
    found = find_tracks(names, None, 'db')
    assert [(track.name, len(track.rows)) for track in found] == [('one', CHUNK_ROWS + 5), ('two', CHUNK_ROWS)]


def test_objects_and_bytes_as_names():
    assert list(rows_of(np.array([b'x', 'y', 3], dtype=object))) == ['x', 'y', '3']


@pytest.mark.parametrize(
    'values',
    [
        np.array([3, 12], np.uint16),
        np.array([[3.0], [12.0]]),
        np.array(['frame_000003', 'frame_000012.jpg']),
        np.array([b'3', b'12']),
        np.array([3, 12], dtype=object),
    ],
)
def test_frame_numbers_of_every_kind(values):
    assert frame_numbers(values, 'db').tolist() == [3, 12]


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        (np.array([1.5]), 'found 1.5, expected whole'),
        (np.array([np.nan]), 'found nan, expected whole'),
        (np.array([0, 2**64 - 1], np.uint64), r'found 1.84467e\+19, .* below 2\^53'),
        (np.array([1e30]), r'found 1e\+30, .* below 2\^53'),
        (np.array(['9' * 40]), r'found 1e\+40, .* below 2\^53'),
        (np.array(['x']), "found 'x', expected a frame number"),
        (np.array(['1', None], dtype=object), 'found None, expected text'),
        (np.zeros((2, 2)), 'expected one number per row'),
    ],
)
def test_bad_frame_numbers(values, message):
    with pytest.raises(InputError, match=f'db: frame_id: .*{message}'):
        frame_numbers(values, 'db: frame_id')


def test_empty_name():
    with pytest.raises(InputError, match='db.pt: vid_name, row 1: an empty name'):
        rows_of(['a', ''])


@pytest.mark.parametrize(
    ('names', 'message'),
    [
        (np.array([None, None]), 'found None, expected text'),
        (np.array([0.0, np.nan]), 'found 0.0, expected text'),
        (np.array([['a', 'b'], ['a', 'b']]), r'found shape \(2, 2\), expected one name per row'),
    ],
)
def test_bad_names(names, message):
    with pytest.raises(InputError, match=f'db.pt: vid_name: {message}'):
        find_tracks(names, None, 'db.pt')


def test_rows_in_any_order():
    column = np.arange(20)[:, None] * 10
    rows = np.array([7, 3, 4, 5, 19, 0])
    np.testing.assert_array_equal(read_rows(column, rows), column[rows])
