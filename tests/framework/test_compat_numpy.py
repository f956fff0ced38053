"""mmhuman3d's uses of numpy names that are gone: rotating images, and the 3DPW and SPIN-SMPLX converters."""

import pickle

import cv2
import numpy as np


def test_rotation_of_an_image_moves_its_keypoints():
    from mmhuman3d.data.datasets.builder import PIPELINES

    rotate = PIPELINES.build({'type': 'Rotation'})
    results = {
        'rotation': 90.0,
        'img': np.zeros((40, 60, 3), np.uint8),
        'center': np.array([30.0, 20.0]),
        'keypoints2d': np.array([[30.0, 20.0, 1.0], [40.0, 25.0, 1.0]]),
    }
    rotated = rotate(results)
    assert rotated['img'].shape == (60, 40, 3)
    # A quarter turn about the centre (30, 20), which moves to (20, 30); whole pixels, one up by its own rounding.
    np.testing.assert_array_equal(rotated['keypoints2d'], [[21, 31, 1], [26, 21, 1]])


def test_3dpw_converter_keeps_valid_frames(tmp_path):
    from mmhuman3d.data.data_converters import build_data_converter
    from mmhuman3d.data.data_structures.human_data import HumanData

    generator = np.random.default_rng(0)
    sequence = {
        'sequence': 'walk',
        'poses': [generator.normal(0, 0.1, (3, 72))],
        'betas': [generator.normal(0, 1, 300)],
        'poses2d': [np.ones((3, 3, 18))],
        'cam_poses': np.stack([np.eye(4)] * 3),
        'genders': ['m'],
        'campose_valid': [[1, 0, 1]],
        'cam_intrinsics': np.eye(3),
    }
    (tmp_path / 'sequenceFiles' / 'test').mkdir(parents=True)
    (tmp_path / 'sequenceFiles' / 'test' / 'walk.pkl').write_bytes(pickle.dumps(sequence, protocol=2))
    (tmp_path / 'imageFiles' / 'walk').mkdir(parents=True)
    for i in range(3):
        cv2.imwrite(str(tmp_path / 'imageFiles' / 'walk' / f'image_{i:05d}.jpg'), np.zeros((8, 8, 3), np.uint8))

    converter = build_data_converter({'type': 'Pw3dConverter', 'modes': ['test']})
    converter.convert(str(tmp_path), str(tmp_path / 'out'))
    data = HumanData.fromfile(str(tmp_path / 'out' / 'pw3d_test.npz'))
    assert [path.rsplit('_')[-1] for path in data['image_path']] == ['00000.jpg', '00002.jpg']
    poses = sequence['poses'][0][[0, 2], 3:].reshape(2, 23, 3)
    np.testing.assert_allclose(data['smpl']['body_pose'], poses)


def test_numpy_itself_is_not_changed():
    import mmhuman3d.data.data_converters.expose_spin_smplx as converter

    assert np.asarray([0, 2]).astype(converter.np.bool).tolist() == [False, True]
    assert not hasattr(np, 'int')
    assert hasattr(np, 'bool') == (np.lib.NumpyVersion(np.__version__) >= '2.0.0')
