"""Pages as files: whole, self-contained, and none where something is wrong."""

import dataclasses
import json
import re

import numpy as np
import pytest

from glot_plugin.errors import InputError
from glot_plugin.viewer import write_viewer


def content_of(path) -> dict:
    (content,) = re.findall(r'<script type="application/json" id="content">(.*?)</script>', path.read_text(), re.DOTALL)
    return json.loads(content)


def test_page_is_one_small_file_with_everything_in_it(make_result, body, tmp_path):
    path = write_viewer(make_result(), body, tmp_path / 'new' / 'viewer.html')
    text = path.read_text()
    assert path.stat().st_size < 1.5e6
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert not re.search(r'/\* (STYLE|CONTENT|SCRIPTS) \*/', text)
    assert 'Copyright © 2010-2026 three.js authors' in text
    content = content_of(path)
    assert content['title'] == '</script> & clip.mp4'
    assert [shown['frames']['shape'] for shown in content['bodies']] == [[24], [20]]
    assert content['video'] is None


def test_ground_is_under_the_feet(make_result, body, tmp_path):
    result = make_result()
    ground = content_of(write_viewer(result, body, tmp_path / 'a.html'))['ground']
    ankles = max(track.joints3d[:, [19, 24, 30, 25]][..., 1].max() for track in result.people)
    assert -0.1 < ground - ankles < 0.3


def test_clip_without_people_has_a_page(make_result, body, tmp_path):
    result = dataclasses.replace(make_result(), people=())
    assert content_of(write_viewer(result, body, tmp_path / 'viewer.html'))['bodies'] == []


def test_video_goes_into_the_page(make_result, body, clip, tmp_path):
    path = write_viewer(make_result(), body, tmp_path / 'viewer.html', video=clip)
    assert content_of(path)['video'].startswith('data:video/mp4;base64,')


def test_nothing_is_written_of_what_cannot_be_shown(make_result, body, clip, tmp_path):
    result, path = make_result(), tmp_path / 'viewer.html'
    shorter = dataclasses.replace(result, times=np.append(result.times, 9.0))
    with pytest.raises(InputError, match=r'clip.mp4: 24 frames, but .* has 25; expected the video that the bodies'):
        write_viewer(shorter, body, path, video=clip)
    first = result.people[0]
    broken = dataclasses.replace(first, translation=np.full_like(first.translation, np.nan))
    with pytest.raises(InputError, match='NaN or infinite'):
        write_viewer(dataclasses.replace(result, people=(broken,)), body, path)
    assert list(tmp_path.iterdir()) == []
