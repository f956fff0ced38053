"""Speed and memory of scoring predictions."""

from dataclasses import dataclass

import numpy as np
import roma
import torch
from torch import Tensor

from glot_plugin.benchmark.timing import Comparison, compare, peak_memory_mb, seconds
from glot_plugin.body_model import SMPLBody
from glot_plugin.body_model.joint_sets import H36M14, LSP14_HIPS
from glot_plugin.body_model.smpl_files import load_joint_regressor
from glot_plugin.evaluation import BodyMetric, MMHuman3DMetric
from glot_plugin.evaluation.pose_errors import M_TO_MM
from glot_plugin.evaluation.track_metric import TrackMetric
from glot_plugin.structures import SmplParams, rotmat_to_rot6d

TRACK_FRAMES = 300
Track = tuple[SmplParams, dict]


def random_tracks(poses: int, device: str, seed: int = 0) -> list[Track]:
    """Predictions and SMPL targets of `poses` frames in tracks of 300 frames, predictions some centimetres off."""
    generator = torch.Generator().manual_seed(seed)
    tracks = []
    for start in range(0, poses, TRACK_FRAMES):
        length = min(TRACK_FRAMES, poses - start)
        steps = 0.01 * torch.randn(length, 24, 3, generator=generator)
        pose = 0.3 * torch.randn(24, 3, generator=generator) + steps.cumsum(0)
        betas = torch.randn(1, 10, generator=generator).expand(length, 10)
        off = roma.rotvec_to_rotmat(pose + 0.1 * torch.randn(length, 24, 3, generator=generator))
        params = SmplParams(rotmat_to_rot6d(off), betas, torch.ones(length, 3)).map(lambda t: t.to(device))
        targets = {
            'track_name': f'track {start // TRACK_FRAMES}',
            'gender': 'mf'[start // TRACK_FRAMES % 2],
            'has_smpl': True,
            'has_keypoints3d': False,
            'smpl_pose': pose.flatten(1),
            'smpl_betas': betas,
            'frame_valid': torch.ones(length, dtype=torch.bool),
        }
        tracks.append((params, targets))
    return tracks


def score(metric: TrackMetric, tracks: list[Track]) -> dict[str, float]:
    """Score predictions as a test run does."""
    for params, targets in tracks:
        metric.process(targets, [{'params': params}])
    return metric.evaluate(len(tracks))


@torch.no_grad()
def naive_score(body: SMPLBody, regressor: Tensor, tracks: list[Track]) -> dict[str, float]:
    """The same four metrics, computed as evaluation scripts usually do.

    All meshes are in memory at once, joints are regressed from them, and the poses are aligned one by one.
    """
    device = regressor.device
    rotmat = torch.cat([params.rotmat for params, _ in tracks])
    betas = torch.cat([params.betas for params, _ in tracks])
    target_rotvec = torch.cat([targets['smpl_pose'] for _, targets in tracks]).to(device).unflatten(-1, (24, 3))
    target_betas = torch.cat([targets['smpl_betas'] for _, targets in tracks]).to(device)
    pred_mesh = body.vertices(rotmat, betas)
    target_mesh = body.vertices(roma.rotvec_to_rotmat(target_rotvec), target_betas)
    pred, target = (
        torch.einsum('jv,nvc->njc', regressor, mesh)[:, H36M14].double().cpu().numpy()
        for mesh in (pred_mesh, target_mesh)
    )
    pred, target = (joints - joints[:, LSP14_HIPS].mean(axis=1, keepdims=True) for joints in (pred, target))
    pairs = zip(pred, target, strict=True)
    aligned_errors = [np.linalg.norm(align_one_pose(p, t) - t, axis=-1).mean() for p, t in pairs]
    accelerations, start = [], 0
    for params, _ in tracks:
        difference = (pred - target)[start : start + len(params.betas)]
        second = difference[:-2] - 2 * difference[1:-1] + difference[2:]
        accelerations.append(np.linalg.norm(second, axis=-1).mean(axis=-1))
        start += len(params.betas)
    return {
        'PA-MPJPE': M_TO_MM * np.mean(aligned_errors),
        'MPJPE': M_TO_MM * np.linalg.norm(pred - target, axis=-1).mean(),
        'PVE': M_TO_MM * float((pred_mesh - target_mesh).norm(dim=-1).mean()),
        'ACCEL': M_TO_MM * np.concatenate(accelerations).mean(),
    }


def align_one_pose(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    """A pose (J, 3) after the similarity transform that brings it closest to its target (Umeyama 1991)."""
    pred_mean, target_mean = pred.mean(axis=0), target.mean(axis=0)
    pred_centred, target_centred = pred - pred_mean, target - target_mean
    u, values, vt = np.linalg.svd(pred_centred.T @ target_centred)
    signs = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
    rotation = vt.T @ np.diag(signs) @ u.T
    scale = (values * signs).sum() / (pred_centred**2).sum()
    return scale * pred_centred @ rotation.T + target_mean


def compare_metrics(model_dir: str, device: str, poses: int = 2_000, repeats: int = 5) -> Comparison:
    """The paper's four metrics against their naive baseline, on the same poses.

    The baseline takes about 1 MB per pose, so the number is small; `measure_scoring` measures a complete test set.
    """
    tracks = random_tracks(poses, device)
    config = {'type': 'SMPLBody', 'model_dir': model_dir}
    metric = BodyMetric(config)
    body = SMPLBody(model_dir).to(device)
    regressor = load_joint_regressor(f'{model_dir}/J_regressor_h36m.npy', 17)
    regressor = torch.as_tensor(regressor, dtype=torch.float32, device=device)
    ours, naive = score(metric, tracks), naive_score(body, regressor, tracks)
    for name, value in naive.items():
        torch.testing.assert_close(ours[name], float(value), atol=1e-2, rtol=1e-4)
    return compare(
        'metrics',
        lambda: score(metric, tracks),
        lambda: naive_score(body, regressor, tracks),
        repeats,
        f'{poses} poses, 4 metrics; the baseline aligns one pose at a time and holds all meshes',
    )


@dataclass
class Scoring:
    """Time and memory of scoring a test set.

    Attributes:
        poses: Frames scored.
        seconds: Wall-clock time.
        peak_mb: Largest resident memory of the process while scoring, libraries and predictions included.
        metrics: The scores, mm.
    """

    poses: int
    seconds: float
    peak_mb: float
    metrics: dict[str, float]


def measure_scoring(model_dir: str, device: str, poses: int = 35_000, protocol: str = 'paper') -> Scoring:
    """Time and peak memory of scoring a set as large as 3DPW's test set, joints and meshes, in either protocol."""
    kinds = {'paper': BodyMetric, 'mmhuman3d': MMHuman3DMetric}
    metric = kinds[protocol]({'type': 'SMPLBody', 'model_dir': model_dir})
    tracks, metrics = random_tracks(poses, device), {}
    peak_memory_mb(reset=True)
    elapsed = seconds(lambda: metrics.update(score(metric, tracks)))
    return Scoring(poses, elapsed, peak_memory_mb(), metrics)
