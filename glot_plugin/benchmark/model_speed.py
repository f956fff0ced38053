"""Speed of a training step and of track inference."""

import copy
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from glot_plugin.benchmark.dispatch_counts import count_dispatches
from glot_plugin.benchmark.naive_model import as_published
from glot_plugin.benchmark.timing import Comparison, compare, peak_memory_mb
from glot_plugin.config import load_config
from glot_plugin.models.estimator import GLoTEstimator
from glot_plugin.registry import MODELS
from glot_plugin.windows import clamped_windows


def build_model(config: str | Path, model_dir: str, device: str) -> GLoTEstimator:
    """The config's model with freshly initialised weights."""
    cfg = load_config(config).model
    cfg.body_model.model_dir = model_dir
    torch.manual_seed(0)
    model = MODELS.build(cfg)
    model.init_weights()
    return model.to(device)


def random_batch(batch_size: int, num_frames: int, device: str, num_2d: int) -> dict[str, Tensor]:
    """A batch with the shapes of training; `num_2d` of the clips have 2D targets only."""
    generator = torch.Generator().manual_seed(0)
    lead = (batch_size, num_frames)
    has_3d = torch.arange(batch_size) >= num_2d
    batch = {
        'features': torch.rand(*lead, 2048, generator=generator),
        'keypoints2d': torch.rand(*lead, 49, 3, generator=generator),
        'keypoints3d': torch.randn(*lead, 49, 3, generator=generator),
        'smpl_pose': 0.3 * torch.randn(*lead, 72, generator=generator),
        'smpl_betas': torch.randn(*lead, 10, generator=generator),
        'has_keypoints3d': has_3d,
        'has_smpl': has_3d,
        'frame_valid': torch.ones(lead, dtype=torch.bool),
    }
    return {name: tensor.to(device) for name, tensor in batch.items()}


def train_step(model: GLoTEstimator, batch: dict[str, Tensor], amp: bool = False) -> Callable[[], None]:
    """A training step: forward, losses, backward, Adam."""
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, fused=True)
    device = batch['features'].device.type

    def step() -> None:
        with torch.autocast(device, dtype=torch.bfloat16, enabled=amp):
            loss, _ = model.parse_losses(model(mode='loss', **batch))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def compare_train_step(
    config: str | Path, model_dir: str, device: str, batch_size: int = 64, repeats: int = 5, amp: bool = False
) -> Comparison:
    """A training step against one in float32 that builds the mesh and runs the network as published."""
    model = build_model(config, model_dir, device)
    naive = as_published(copy.deepcopy(model), model_dir)
    batch = random_batch(batch_size, model.head.num_frames, device, num_2d=int(0.6 * batch_size))
    name = f'training step, {"bfloat16" if amp else "float32"}'
    detail = f'batch {batch_size}; float32 and the 6890-vertex mesh in the baseline'
    return compare(name, train_step(model, batch, amp), train_step(naive, batch), repeats, detail)


def train_step_remarks(config: str | Path, model_dir: str, device: str, batch_size: int = 64) -> list[str]:
    """What a training step asks of its device, and the memory that it takes."""
    model = build_model(config, model_dir, device)
    step = train_step(model, random_batch(batch_size, model.head.num_frames, device, num_2d=int(0.6 * batch_size)))
    step()
    counts = count_dispatches(step)
    before = peak_memory_mb(reset=True) if torch.device(device).type == 'cpu' else 0.0
    if not before:
        torch.cuda.reset_peak_memory_stats(device)
    step()
    peak = peak_memory_mb() if before else torch.cuda.max_memory_allocated(device) / 2**20
    return [
        f'A training step: {counts.kernels.total()} kernels, {counts.host_reads.total()} values that the host reads, '
        f'{counts.copies.total()} copies between devices; peak memory {peak / 1000:.2f} GB at batch {batch_size}.'
    ]


def compare_track_inference(
    config: str | Path, model_dir: str, device: str, length: int = 300, repeats: int = 5
) -> Comparison:
    """A complete track at once against one window at a time; both give rotations, shape, camera and 49 joints."""
    model = build_model(config, model_dir, device).eval()
    track = torch.rand(length, 2048, generator=torch.Generator().manual_seed(0)).to(device)
    windows = clamped_windows(model.head.num_frames, length, device, model.head.target_frame)

    @torch.inference_mode()
    def whole_track() -> Tensor:
        params = model.predict_track(track)
        return model.body_model.joints(params.rotmat, params.betas)

    @torch.inference_mode()
    def one_window_at_a_time() -> Tensor:
        joints = []
        for window in windows:
            params = model.head.predict(track[window][None])
            joints.append(model.body_model.joints(params.rotmat, params.betas))
        return torch.cat(joints)

    torch.testing.assert_close(whole_track(), one_window_at_a_time(), atol=1e-4, rtol=0)
    return compare('track inference', whole_track, one_window_at_a_time, repeats, f'{length} frames, no mesh')
