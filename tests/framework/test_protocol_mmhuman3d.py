"""The mmhuman3d protocol gives what mmhuman3d itself reports for the same predictions."""

from pathlib import Path

import numpy as np
import pytest
import roma
import torch

import glot_plugin.framework  # noqa: F401  (makes mmhuman3d importable)
from glot_plugin.body_model.joint_sets import MPI17
from glot_plugin.datasets import TrackDataset, TrackStoreWriter
from glot_plugin.evaluation import MMHuman3DMetric
from glot_plugin.evaluation.joint_scores import JOINT_METRICS, joint_scores
from glot_plugin.structures import SmplParams, rotmat_to_rot6d

TOLERANCE = 1e-3  # mm, and percent
ALL_METRICS = [*JOINT_METRICS, 'PVE']
LENGTHS = (30, 17, 21, 16)
GENDERS = ('m', 'f', 'n', 'm')
NUM_FRAMES = sum(LENGTHS)


@pytest.fixture(scope='module')
def motion() -> dict[str, np.ndarray]:
    """Targets and predictions of all frames: pose (N, 24, 3) rotation vectors, betas (N, 10), 49 joints in metres."""
    rng = np.random.default_rng(0)
    pose = rng.normal(0, 0.4, (NUM_FRAMES, 24, 3)).astype(np.float32)
    betas = rng.normal(0, 1, (NUM_FRAMES, 10)).astype(np.float32)
    return {
        'pose': pose,
        'betas': betas,
        'pred_pose': pose + rng.normal(0, 0.25, pose.shape).astype(np.float32),
        'pred_betas': betas + rng.normal(0, 0.5, betas.shape).astype(np.float32),
        'keypoints3d': rng.normal(0, 0.3, (NUM_FRAMES, 49, 3)).astype(np.float32),
    }


def frames_of_tracks() -> list[slice]:
    ends = np.cumsum(LENGTHS)
    return [slice(int(end - length), int(end)) for end, length in zip(ends, LENGTHS, strict=True)]


@pytest.fixture(scope='module')
def our_dataset(tmp_path_factory, motion) -> TrackDataset:
    path = tmp_path_factory.mktemp('ours') / 'store'
    with TrackStoreWriter(path, 'test', ('smpl_pose', 'smpl_betas', 'keypoints3d'), feature_dim=4) as writer:
        for number, rows in enumerate(frames_of_tracks()):
            writer.add_track(
                f'video{number}',
                np.zeros((LENGTHS[number], 4), np.float32),
                keypoints3d=motion['keypoints3d'][rows],
                smpl_pose=motion['pose'][rows].reshape(-1, 72),
                smpl_betas=motion['betas'][rows],
                gender=GENDERS[number],
            )
    return TrackDataset(path)


@pytest.fixture(scope='module')
def human_data(tmp_path_factory, motion) -> Path:
    """The same targets as an annotation file of mmhuman3d, written by its own class; gives the data prefix."""
    from mmhuman3d.core.conventions.keypoints_mapping import convert_kps
    from mmhuman3d.data.data_structures.human_data import HumanData

    prefix = tmp_path_factory.mktemp('theirs')
    (prefix / 'preprocessed_datasets').mkdir()
    track_of_frame = np.repeat(np.arange(len(LENGTHS)), LENGTHS)
    data = HumanData.new(key_strict=False)
    data['image_path'] = [f'video{track}/{frame:06d}.jpg' for frame, track in enumerate(track_of_frame)]
    data['bbox_xywh'] = np.ones((NUM_FRAMES, 5))
    keypoints3d = np.concatenate([motion['keypoints3d'], np.ones((NUM_FRAMES, 49, 1), np.float32)], axis=-1)
    data['keypoints3d'], data['keypoints3d_mask'] = convert_kps(keypoints3d, src='smpl_49', dst='human_data')
    data['smpl'] = {
        'body_pose': motion['pose'][:, 1:],
        'global_orient': motion['pose'][:, 0],
        'betas': motion['betas'],
    }
    data['meta'] = {'gender': [GENDERS[track] for track in track_of_frame]}
    data.compress_keypoints_by_mask()
    data.dump(str(prefix / 'preprocessed_datasets' / 'test.npz'))
    return prefix


def body_config(kind: str, body_dir: Path) -> dict:
    """A body model as mmhuman3d's own configs for these data sets have it."""
    return {
        'type': kind,
        'keypoint_src': 'h36m',
        'keypoint_dst': 'h36m',
        'model_path': str(body_dir),
        'joints_regressor': str(body_dir / 'J_regressor_h36m.npy'),
    }


def pred_rotmat(motion: dict) -> torch.Tensor:
    return roma.rotvec_to_rotmat(torch.from_numpy(motion['pred_pose']))


@torch.no_grad()
def their_outputs(motion: dict, body_dir: Path, windows: list[np.ndarray]) -> list[dict]:
    """What a mmhuman3d estimator gives at test time, a batch a window, the joints from its own body model."""
    from mmhuman3d.models.body_models.builder import build_body_model

    body, rotmat, betas = build_body_model(body_config('SMPL', body_dir)), pred_rotmat(motion), motion['pred_betas']
    outputs = []
    for index in windows:
        shape = torch.from_numpy(betas[index])
        result = body(betas=shape, body_pose=rotmat[index, 1:], global_orient=rotmat[index, :1], pose2rot=False)
        outputs.append(
            {
                'keypoints_3d': result['joints'].numpy(),
                'smpl_pose': rotmat[index].numpy(),
                'smpl_beta': betas[index],
                'image_idx': index,
            }
        )
    return outputs


def our_result(dataset: TrackDataset, motion: dict, body_dir: Path, **settings: object) -> dict[str, float]:
    metric = MMHuman3DMetric({'type': 'SMPLBody', 'model_dir': str(body_dir)}, chunk=7, **settings)
    pose6d, betas = rotmat_to_rot6d(pred_rotmat(motion)), torch.from_numpy(motion['pred_betas'])
    params = SmplParams(pose6d, betas, torch.ones(NUM_FRAMES, 3))
    for item, rows in zip(dataset, frames_of_tracks(), strict=True):
        metric.process(item, [{'params': params[rows]}])
    result = metric.evaluate(len(dataset))
    assert all(name.startswith('mmhuman3d/') for name in result)
    return {name.removeprefix('mmhuman3d/'): value for name, value in result.items()}


def windows_of_video(dataset) -> list[np.ndarray]:
    """Frames of each window that HumanVideoDataset cuts: without overlap, but for the last one of a video."""
    return [np.arange(first, last + 1) for first, last, *_ in dataset.vid_indices]


@pytest.mark.parametrize('kind', ['HumanImageDataset', 'HumanVideoDataset'])
@pytest.mark.parametrize(('dataset_name', 'metrics'), [('pw3d', ALL_METRICS), ('h36m', ALL_METRICS)])
def test_equals_their_evaluate(our_dataset, human_data, motion, body_dir, tmp_path, kind, dataset_name, metrics):
    from mmhuman3d.data.datasets import build_dataset

    config = {
        'type': kind,
        'dataset_name': dataset_name,
        'data_prefix': str(human_data),
        'pipeline': [],
        'ann_file': 'test.npz',
        'body_model': body_config('GenderedSMPL', body_dir),
        'test_mode': True,
    }
    dataset = build_dataset(config)
    windows = [np.arange(NUM_FRAMES)] if kind == 'HumanImageDataset' else windows_of_video(dataset)
    outputs = their_outputs(motion, body_dir, windows)
    expected = dataset.evaluate(outputs, str(tmp_path), metric=[name.lower() for name in metrics])
    actual = our_result(our_dataset, motion, body_dir, dataset_name=dataset_name, metrics=metrics)
    assert actual.keys() == expected.keys()
    assert {name: float(value) for name, value in expected.items()} == pytest.approx(actual, abs=TOLERANCE)
    assert 20 < actual['PA-MPJPE'] < actual['MPJPE']  # the comparison is of something


def test_genders_matter(our_dataset, motion, body_dir):
    """Otherwise the comparison above would not see a wrong body."""
    results = [our_result(our_dataset, motion, body_dir, gender=gender) for gender in ('track', 'neutral')]
    for name in ('MPJPE', 'PVE'):
        assert abs(results[0][name] - results[1][name]) > 100 * TOLERANCE


def test_mpi_inf_3dhp_equals_their_evaluate(our_dataset, motion, body_dir, body):
    """Their only evaluation of it, HybrIK's: pelvis first, predictions in units of 2 m, targets in mm."""
    from mmhuman3d.core.conventions.keypoints_mapping import convert_kps
    from mmhuman3d.data.datasets import HybrIKHumanImageDataset

    pelvis_first = [14, 11, 12, 13, 8, 9, 10, 15, 1, 16, 0, 5, 6, 7, 2, 3, 4]
    pred = body.joints(pred_rotmat(motion), torch.from_numpy(motion['pred_betas']), 'mpi17').numpy()
    targets, _ = convert_kps(1000 * motion['keypoints3d'][:, MPI17], src='mpi_inf_3dhp_test', dst='human_data')
    dataset = HybrIKHumanImageDataset.__new__(HybrIKHumanImageDataset)
    dataset.dataset_name, dataset.num_data = 'mpi_inf_3dhp', NUM_FRAMES
    dataset.data_infos = [{'joint_relative_17': target} for target in targets]
    result = {'keypoints': pred[:, pelvis_first] / 2}
    expected = {}
    for metric in ('mpjpe', 'pa-mpjpe'):
        expected.update(dataset._report_mpjpe(result, metric))
    for metric in ('3dpck', 'pa-3dpck'):
        expected.update(dataset._report_3d_pck(result, metric))
    for metric in ('3dauc', 'pa-3dauc'):
        expected.update(dataset._report_3d_auc(result, metric))
    names = list(JOINT_METRICS)
    actual = our_result(our_dataset, motion, body_dir, dataset_name='mpi_inf_3dhp', metrics=names)
    assert {name: float(value) for name, value in expected.items()} == pytest.approx(actual, abs=TOLERANCE)


def test_joint_metrics_equal_their_functions():
    from mmhuman3d.core.evaluation import keypoint_3d_auc, keypoint_3d_pck, keypoint_mpjpe

    rng = np.random.default_rng(1)
    target = rng.normal(0, 0.3, (200, 14, 3))
    # From nearly right to far off, mirrored poses among them, so that every threshold is passed by some joints.
    pred = target + rng.uniform(0.001, 0.2, (200, 1, 1)) * rng.normal(size=target.shape)
    pred[:20] *= [-1, 1, 1]
    scores = joint_scores(torch.from_numpy(pred), torch.from_numpy(target), JOINT_METRICS)
    mask = np.ones((200, 14), bool)
    functions = {'MPJPE': keypoint_mpjpe, '3DPCK': keypoint_3d_pck, '3DAUC': keypoint_3d_auc}
    for name, score in scores.items():
        alignment = 'procrustes' if name.startswith('PA-') else 'none'
        expected = functions[name.removeprefix('PA-')](1000 * pred, 1000 * target, mask, alignment)
        assert score.double().mean().item() == pytest.approx(float(expected), abs=1e-4), name
