"""HumanData of a clip, read by mmhuman3d's own class."""

import numpy as np
import pytest

from glot_plugin.errors import InputError
from glot_plugin.export.human_data import write_human_data


def test_their_own_class_reads_it(clip, tmp_path):
    pytest.importorskip('mmcv')
    import glot_plugin.framework  # noqa: F401 - before mmhuman3d

    pytest.importorskip('mmhuman3d')
    from mmhuman3d.core.conventions.keypoints_mapping import convert_kps
    from mmhuman3d.data.data_structures.human_data import HumanData

    data = HumanData.fromfile(str(write_human_data(clip, tmp_path / 'people.npz')))
    assert data.data_len == 13
    assert data.check_keypoints_compressed()
    data.decompress_keypoints()
    first, second = clip.people
    assert len(data['image_path']) == 13
    assert data['image_path'][4] == 'person_0/000006.jpg'
    assert data['image_path'][-1] == 'person_2/000006.jpg'
    pose = np.concatenate([first.pose, second.pose])
    np.testing.assert_array_equal(data['smpl']['global_orient'], pose[:, :3])
    np.testing.assert_array_equal(data['smpl']['body_pose'], pose[:, 3:].reshape(-1, 23, 3))
    np.testing.assert_array_equal(data['smpl']['transl'], np.concatenate([first.translation, second.translation]))
    joints3d = np.concatenate([track.joints3d + track.translation[:, None] for track in clip.people])
    for key, expected in {
        'keypoints3d': joints3d,
        'keypoints2d': np.concatenate([first.joints2d, second.joints2d]),
    }.items():
        spin49, mask = convert_kps(data[key], src='human_data', dst='smpl_49', mask=data[f'{key}_mask'])
        assert mask.all()
        np.testing.assert_allclose(spin49[..., :-1], expected, rtol=1e-6)
        assert (spin49[..., -1] == 1).all()
    np.testing.assert_allclose(data['bbox_xywh'][0], [260, 120, 120, 240, 1])
    assert data['meta']['gender'] == ['n'] * 13


def test_bad_path(clip, tmp_path):
    with pytest.raises(InputError, match=r'people.pkl: a HumanData file ends in .npz'):
        write_human_data(clip, tmp_path / 'people.pkl')
    assert list(tmp_path.iterdir()) == []
