"""Our HumanVideoDataset against mmhuman3d's, on the same HumanData."""

import time

import numpy as np
import pytest
import roma
import torch
from human_data_files import make_tracks, write_human_data

import glot_plugin.framework  # noqa: F401 - before mmhuman3d

# isort: split
from mmcv.parallel import collate
from mmhuman3d.data.datasets import build_dataset

from glot_plugin.body_model import SMPLBody
from glot_plugin.datasets import TrackStoreWriter
from glot_plugin.errors import InputError
from glot_plugin.framework.for_mmhuman3d.clips import clip_table

KEYS = ['features', 'keypoints2d', 'keypoints3d', 'smpl_body_pose', 'smpl_global_orient', 'smpl_betas', 'has_smpl',
        'sample_idx']  # fmt: skip
FRAME_STEPS = [
    {'type': 'GetRandomScaleRotation', 'rot_factor': 0, 'scale_factor': 0},
    {'type': 'MeshAffine', 'img_res': 224},
]
WINDOW_STEPS = [{'type': 'ToTensor', 'keys': KEYS}, {'type': 'Collect', 'keys': KEYS, 'meta_keys': []}]


@pytest.fixture(scope='module')
def tracks(body):
    return [track for track in make_tracks(body, 200, seed=11) if len(track.features) >= 16]


@pytest.fixture(scope='module')
def human_data(tracks, tmp_path_factory):
    folder = tmp_path_factory.mktemp('human_data')
    write_human_data(folder / 'preprocessed_datasets' / 'people.npz', tracks)
    return folder


def gendered(body_dir):
    return {
        'type': 'GenderedSMPL',
        'model_path': str(body_dir),
        'keypoint_src': 'h36m',
        'keypoint_dst': 'h36m',
        'joints_regressor': str(body_dir / 'J_regressor_h36m.npy'),
    }


def data_set(folder, ours, **options):
    kind = 'glot.HumanVideoDataset' if ours else 'HumanVideoDataset'
    return build_dataset(dict(type=kind, data_prefix=str(folder), ann_file='people.npz', seq_len=16, **options))


@pytest.mark.parametrize('convention', ['smpl_49', 'smpl_54'])
@pytest.mark.parametrize('overlap', [0.0, 0.5])
def test_training_samples_are_mmhuman3ds(human_data, convention, overlap):
    options = {'dataset_name': 'pw3d', 'convention': convention, 'overlap': overlap}
    theirs = data_set(human_data, ours=False, pipeline=[*FRAME_STEPS, *WINDOW_STEPS], **options)
    ours = data_set(human_data, ours=True, pipeline=WINDOW_STEPS, **options)
    assert len(ours) == len(theirs)
    for index in (0, len(ours) // 2, len(ours) - 1):
        expected, found = theirs[index], ours[index]
        for key in KEYS:
            assert found[key].shape == expected[key].shape, key
            tolerance = 0.02 if key == 'keypoints2d' else 1e-5  # theirs are fitted to corners in float32
            torch.testing.assert_close(found[key].double(), expected[key].double(), atol=tolerance, rtol=1e-5)


def test_a_batch_is_its_samples(human_data):
    ours = data_set(human_data, ours=True)
    together, alone = collate(ours.__getitems__([2, 0]), 2), [ours[2], ours[0]]
    assert together['features'].shape == (2, 16, 2048)
    for key in ours[0]:
        if key != 'img_metas':
            assert torch.equal(together[key], torch.stack([sample[key] for sample in alone])), key


def predictions(dataset, tracks, noise):
    """Perturbed targets as predictions of every frame, in batches of test samples."""
    rng = np.random.default_rng(0)
    pose = np.concatenate([track.smpl_pose for track in tracks])
    betas = np.concatenate([track.smpl_betas for track in tracks])
    pose = pose + noise * rng.standard_normal(pose.shape).astype(np.float32)
    rotmat = roma.rotvec_to_rotmat(torch.from_numpy(pose).view(-1, 24, 3)).numpy()
    betas = betas + noise * rng.standard_normal(betas.shape).astype(np.float32)
    joints = rng.standard_normal((len(pose), 17, 3)).astype(np.float32)
    outputs = []
    for index in range(len(dataset)):
        frames = dataset[index]['sample_idx'].flatten().numpy()
        outputs.append(
            {'keypoints_3d': joints[frames], 'smpl_pose': rotmat[frames], 'smpl_beta': betas[frames],
             'image_idx': frames}
        )  # fmt: skip
    return outputs


def test_evaluate_gives_mmhuman3ds_numbers(human_data, tracks, body_dir, tmp_path):
    options = {'dataset_name': 'pw3d', 'body_model': gendered(body_dir), 'test_mode': True}
    test_steps = [{'type': 'ToTensor', 'keys': ['features', 'sample_idx']},
                  {'type': 'Collect', 'keys': ['features', 'sample_idx'], 'meta_keys': []}]  # fmt: skip
    theirs = data_set(human_data, ours=False, pipeline=test_steps, **options)
    ours = data_set(human_data, ours=True, pipeline=test_steps, **options)
    assert [s['sample_idx'].tolist() for s in theirs] == [s['sample_idx'].tolist() for s in ours]
    ours.body_model.chunk = 33  # several pieces
    metrics = ['pa-mpjpe', 'mpjpe', 'pve', '3dpck', '3dauc', 'pa-3dpck', 'pa-3dauc']
    outputs = predictions(ours, tracks, noise=0.2)
    expected = theirs.evaluate(outputs, res_folder=str(tmp_path), metric=metrics)
    found = ours.evaluate(outputs, res_folder=tmp_path, metric=metrics)
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-3), name


def test_evaluate_of_human36m(human_data, tracks, tmp_path):
    theirs = data_set(human_data, ours=False, dataset_name='h36m', pipeline=[], test_mode=True)
    ours = data_set(human_data, ours=True, dataset_name='h36m', test_mode=True)
    outputs = predictions(ours, tracks, noise=0.1)
    expected = theirs.evaluate(outputs, res_folder=str(tmp_path), metric=['mpjpe', 'pa-mpjpe'])
    assert ours.evaluate(outputs, tmp_path, ['mpjpe', 'pa-mpjpe']) == pytest.approx(dict(expected), abs=1e-3)


def test_evaluate_says_what_is_wrong(human_data, tracks, body_dir, tmp_path):
    ours = data_set(human_data, ours=True, dataset_name='pw3d', body_model=gendered(body_dir), test_mode=True)
    outputs = predictions(ours, tracks, noise=0.1)
    with pytest.raises(InputError, match=r'16 of \d+ frames were not predicted, frame 0 first'):
        ours.evaluate(outputs[1:], tmp_path)
    outputs[0]['keypoints_3d'] = np.zeros((31, 17, 3))
    with pytest.raises(InputError, match='predictions of 31 frames for 16 frame numbers'):
        ours.evaluate(outputs, tmp_path)
    with pytest.raises(InputError, match="dataset_name='mpi_inf_3dhp': mmhuman3d evaluates pw3d, h36m, humman"):
        data_set(human_data, ours=True, dataset_name='mpi_inf_3dhp', test_mode=True).evaluate([], tmp_path)
    with pytest.raises(InputError, match='needs the key body_model'):
        data_set(human_data, ours=True, dataset_name='pw3d', test_mode=True).evaluate([], tmp_path)
    with pytest.raises(InputError, match='a training data set'):
        data_set(human_data, ours=True, dataset_name='pw3d').evaluate([], tmp_path)


def test_gendered_bodies_need_genders(synthetic_data, body_dir, tmp_path):
    dataset = build_dataset(
        {'type': 'glot.HumanVideoDataset', 'ann_file': str(synthetic_data / 'val'), 'dataset_name': 'pw3d',
             'body_model': gendered(body_dir), 'test_mode': True}
    )  # fmt: skip
    with pytest.raises(InputError, match="has no gender, which GenderedSMPL needs.*gender='neutral'"):
        dataset.evaluate([], tmp_path)


def small_store(path, lengths, valid=None):
    """A store whose features are the frames' numbers, through all tracks."""
    with TrackStoreWriter(path, 'counting', columns=('features',), feature_dim=1) as writer:
        start = 0
        for number, length in enumerate(lengths):
            features = np.arange(start, start + length, dtype=np.float32)[:, None]
            writer.add_track(f't{number}', features, valid=None if valid is None else valid[start : start + length])
            start += length
    return str(path)


def test_clips_cover_tracks_of_any_length(tmp_path):
    store = small_store(tmp_path / 'store', (10, 3, 4))
    dataset = build_dataset({'type': 'glot.HumanVideoDataset', 'ann_file': store, 'seq_len': 4, 'test_mode': True})
    clips = [sample['sample_idx'].flatten().tolist() for sample in dataset]
    # The last clip of the long track goes back to fit; the short track begins with its first frame twice.
    assert clips == [[0, 1, 2, 3], [4, 5, 6, 7], [6, 7, 8, 9], [10, 10, 11, 12], [13, 14, 15, 16]]
    for sample in dataset:
        assert torch.equal(sample['features'][:, 0].long(), sample['sample_idx'][:, 0])


def test_clips_with_context(tmp_path):
    store = small_store(tmp_path / 'store', (7, 2))
    dataset = build_dataset(
        {'type': 'glot.HumanVideoDataset', 'ann_file': store, 'seq_len': 4, 'context': 4, 'test_mode': True}
    )
    features = [sample['features'].flatten().tolist() for sample in dataset]
    # Two frames before and one after, clamped to the track.
    assert features[0] == [0, 0, 0, 1, 2, 3, 4]
    assert features[1] == [1, 2, 3, 4, 5, 6, 6]
    assert features[2] == [7, 7, 7, 7, 7, 8, 8]
    assert [len(sample['sample_idx']) for sample in dataset] == [4, 4, 4]


def test_invalid_frames_are_dropped_before_clips_are_cut(tmp_path):
    valid = np.array([1, 1, 0, 1, 1, 0, 0, 1, 1], bool)
    store = small_store(tmp_path / 'store', (5, 2, 2), valid)
    dataset = build_dataset({'type': 'glot.HumanVideoDataset', 'ann_file': store, 'seq_len': 2, 'test_mode': True})
    assert dataset.num_data == 6
    assert [sample['features'].flatten().tolist() for sample in dataset] == [[0, 1], [3, 4], [7, 8]]
    assert [sample['sample_idx'].flatten().tolist() for sample in dataset] == [[0, 1], [2, 3], [4, 5]]


def test_clip_table_by_brute_force():
    rng = np.random.default_rng(2)
    for _ in range(50):
        offsets = np.cumsum([0, *rng.integers(1, 30, 5)])
        length, stride = int(rng.integers(1, 12)), int(rng.integers(1, 12))
        table = clip_table(offsets, length, min(stride, length))
        last = {}
        for clip in range(len(table.start)):
            for place in range(length):
                # what `evaluate` keeps of a frame: its last prediction; it must be the one at its own place
                last[int(table.frames(clip, np.array(place)))] = int(table.start[clip] + place)
        assert last == {frame: frame for frame in range(offsets[-1])}


def test_short_tracks_train_without_targets_in_their_padding(body, tmp_path):
    track = max(make_tracks(body, 60, seed=1), key=lambda each: len(each.features))
    with TrackStoreWriter(tmp_path / 'store', 'short') as writer:
        columns = {key: value[:6] for key, value in vars(track).items() if isinstance(value, np.ndarray)}
        columns.pop('camera')
        writer.add_track('short', **columns)
    sample = build_dataset({'type': 'glot.HumanVideoDataset', 'ann_file': str(tmp_path / 'store')})[0]
    assert sample['frame_valid'].flatten().tolist() == [1] * 6 + [0] * 10
    assert sample['has_smpl'].flatten().tolist() == [1] * 6 + [0] * 10
    assert sample['keypoints2d'][6:, :, 2].max() == 0
    assert sample['keypoints3d'][6:, :, 3].max() == 0
    assert sample['keypoints3d'][:6, :, 3].min() == 1


def test_pools_part_the_windows(synthetic_data):
    make = {'type': 'glot.HumanVideoDataset', 'ann_file': str(synthetic_data / 'train')}
    everything, flat, solid = (build_dataset(dict(pool=pool, **make)) for pool in (None, '2d', '3d'))
    assert len(flat) + len(solid) == len(everything)
    assert len(flat) > 0
    assert all(sample['has_smpl'].sum() == 0 for sample in flat)
    assert all(sample['has_smpl'].sum() > 0 for sample in solid)
    mixed = build_dataset({'type': 'MixedDataset', 'configs': [dict(pool='2d', **make), dict(pool='3d', **make)],
                               'partition': [0.0, 1.0], 'num_data': 5})  # fmt: skip
    assert all(mixed[index]['has_smpl'].sum() > 0 for index in range(5))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'pipeline': [*FRAME_STEPS, *WINDOW_STEPS]}, 'GetRandomScaleRotation works on single frames'),
        ({'seq_len': 0}, 'seq_len is 0'),
        ({'context': 3}, 'context is 3, expected an even number'),
        ({'pool': '4d'}, "pool is '4d'"),
        ({'convention': 'smpl_50'}, "convention is 'smpl_50'"),
        ({'overlap': 1.0}, 'overlap is 1.0'),
        ({'ann_file': 'nowhere'}, 'nowhere: no such file'),
    ],
)
def test_bad_arguments(synthetic_data, options, message):
    with pytest.raises(InputError, match=message):
        build_dataset({'type': 'glot.HumanVideoDataset', 'ann_file': str(synthetic_data / 'train'), **options})


def test_full_speed(tmp_path):
    """2,000 windows a second is the aim on an idle core; a tenth of it passes on any, and mmhuman3d does 8."""
    rng = np.random.default_rng(0)
    with TrackStoreWriter(tmp_path / 'store', 'random') as writer:
        for number in range(4):
            length = 500
            writer.add_track(
                str(number),
                features=rng.standard_normal((length, 2048), dtype=np.float32),
                keypoints2d=rng.random((length, 49, 3), dtype=np.float32),
                bbox=np.ones((length, 4), np.float32),
                keypoints3d=rng.random((length, 49, 3), dtype=np.float32),
                smpl_pose=rng.random((length, 72), dtype=np.float32),
                smpl_betas=rng.random((length, 10), dtype=np.float32),
            )
    dataset = build_dataset({'type': 'glot.HumanVideoDataset', 'ann_file': str(tmp_path / 'store'), 'overlap': 0.75})
    indices = rng.permutation(len(dataset))[:256]
    start = time.perf_counter()
    for batch in np.split(indices, 8):
        collate(dataset.__getitems__(batch.tolist()), 32)
    assert 256 / (time.perf_counter() - start) > 200


def test_h36m_view_needs_the_49_joints(synthetic_data, tmp_path):
    dataset = build_dataset(
        {
            'type': 'glot.HumanVideoDataset',
            'ann_file': str(synthetic_data / 'val'),
            'dataset_name': 'h36m',
            'test_mode': True,
        }
    )
    with pytest.raises(InputError, match='h36m needs 3D keypoints of the 49 joints'):
        _ = dataset.human_data


def test_smplbody_and_evaluation_agree_on_joints(body_dir):
    """`GLoTVideoEstimator` gives `evaluate` the joints that mmhuman3d's own body model has."""
    from mmhuman3d.models.body_models.builder import build_body_model

    model = build_body_model({**gendered(body_dir), 'type': 'SMPL', 'gender': 'neutral'})
    pose, betas = torch.randn(3, 24, 3) * 0.3, torch.randn(3, 10)
    rotmat = roma.rotvec_to_rotmat(pose)
    expected = model(betas=betas, body_pose=rotmat[:, 1:], global_orient=rotmat[:, :1], pose2rot=False)['joints']
    torch.testing.assert_close(SMPLBody(body_dir).joints(rotmat, betas, 'h36m17'), expected, atol=1e-5, rtol=1e-5)
