"""Inference against its goals: tracks and windows in every mode, beside the floor and beside the published way."""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from glot_plugin.benchmark.dispatch_counts import count_dispatches
from glot_plugin.benchmark.floor import matrix_products
from glot_plugin.benchmark.model_speed import build_model
from glot_plugin.benchmark.naive_model import as_published
from glot_plugin.benchmark.timing import Comparison, compare, seconds
from glot_plugin.models import GLoTHead
from glot_plugin.models.fused_windows import FusedWindows
from glot_plugin.models.inference_mode import MODES
from glot_plugin.models.packed_windows import PackedWindows
from glot_plugin.models.window_graph import GraphedFunction
from glot_plugin.models.window_predictor import WindowPredictor
from glot_plugin.windows import clamped_windows

FRAMES, NAIVE_BATCH = 300, 64
FRAMES_WITH_JOINTS = {'cpu': 1_000, 'cuda': 20_000}
# Of two CPU cores, and of one H100 or H200.
GOALS = {
    'cpu': {'floor': '; goal: ≥ 0.9', 'published': '; goal: ≥ 6', 'window': '; goal: ≤ 6 ms in the best mode'},
    'cuda': {'window': '; goal: ≤ 0.5 ms', 'joints': '; goal: 100,000'},
}


def compare_inference(
    config: str | Path, model_dir: str, device: str, repeats: int = 5, frames: int = FRAMES
) -> Iterator[Comparison]:
    """Tracks in each mode beside their matrix products alone and beside the published way; then single windows."""
    model = build_model(config, model_dir, device).eval()
    head, published = model.head, as_published(copy.deepcopy(model), model_dir).head
    goals = GOALS.get(torch.device(device).type, {})
    track = _random_track(head, frames, device)
    windows = track[clamped_windows(head.num_frames, frames, device, head.target_frame)]
    for mode in MODES:
        yield _beside_floor(head, mode, track, repeats)
    if isinstance(head.window_predictor('exact').predict, PackedWindows):
        yield _beside_floor(head, 'exact', track, repeats, packed=False)
    for mode in MODES:
        naive = _as_published(published, windows)
        detail = f'baseline: as published, {NAIVE_BATCH} windows at a time'
        detail += goals.get('published', '') if mode == 'fast+bf16' else ''
        yield compare(f'{frames} frames, {mode}', _whole(head, mode, track), naive, repeats, detail)
    for mode in ('exact', 'bf16'):
        ours, naive = _one_window(head, mode, windows[0]), _as_published(published, windows[:1])
        detail = f'baseline: as published{goals.get("window", "")}'
        yield compare(f'one window, {mode}', ours, naive, 10 * repeats, detail)


def _beside_floor(head: GLoTHead, mode: str, track: Tensor, repeats: int, packed: bool = True) -> Comparison:
    """A track beside its matrix products alone; `packed=False`: with the weights as modules have them."""
    predictor = WindowPredictor(head, mode)
    if not packed:
        predictor.predict = predictor.predict.windows
    elif isinstance(predictor.predict, GraphedFunction):
        predictor.predict = predictor.predict.function  # what a graph replays cannot be recorded
    floor = matrix_products(torch.inference_mode()(lambda: predictor.predict_track(track)))
    detail = f'baseline: its matrix products alone, {floor.flop / 1e9:.1f} GFLOP'
    detail += '' if packed else ', of weights that are not packed'
    detail += GOALS.get(track.device.type, {}).get('floor', '') if mode == 'exact' else ''
    return compare(f'{len(track)} frames, {mode}', _whole(head, mode, track), floor, repeats, detail)


def inference_remarks(config: str | Path, model_dir: str, device: str) -> list[str]:
    """The kernels of one window, and how many frames a second whole tracks with joints have."""
    model = build_model(config, model_dir, device).eval()
    kind = torch.device(device).type
    head, frames = model.head, FRAMES_WITH_JOINTS.get(kind, 1_000)
    track = _random_track(head, frames, device)
    kernels = window_kernels(head, track[: head.num_frames])
    remarks = [f'Kernels of one window: {kernels[0]}, module after module {kernels[1]}; goal: at most 90.']
    for mode in MODES:

        @torch.inference_mode()
        def with_joints(mode: str = mode) -> Tensor:
            params = model.predict_track(track, mode)
            return model.body_model.joints(params.rotmat, params.betas)

        with_joints()
        speed = frames / seconds(with_joints)
        remarks.append(
            f'Whole tracks with joints, {mode}: {speed:,.0f} frames/s{GOALS.get(kind, {}).get("joints", "")}.'
        )
    return remarks


def window_kernels(head: GLoTHead, window: Tensor) -> tuple[int, int]:
    """The kernels of one window (T, in_dim), from its features to its parameters: fused, and module after module.

    They are those that a GPU launches: nothing is packed.
    """
    predictor = WindowPredictor(head)
    predictor.predict = FusedWindows(head.global_branch, head.local_branch, predictor.frames)  # as on a GPU
    with torch.no_grad():  # an inference mode would hide what operations are made of
        fused = count_dispatches(lambda: _predict_window(predictor, window))
        modules = count_dispatches(lambda: head.predict(window[None]))
    return sum(fused.kernels.values()), sum(modules.kernels.values())


def _random_track(head: GLoTHead, frames: int, device: str) -> Tensor:
    return torch.rand(frames, head.in_dim, generator=torch.Generator().manual_seed(0)).to(device)


def _whole(head: GLoTHead, mode: str, track: Tensor) -> Callable[[], object]:
    return torch.inference_mode()(lambda: head.predict_track(track, mode=mode))


def _as_published(head: GLoTHead, windows: Tensor) -> Callable[[], object]:
    return torch.inference_mode()(lambda: [head.predict(batch) for batch in windows.split(NAIVE_BATCH)])


def _one_window(head: GLoTHead, mode: str, window: Tensor) -> Callable[[], object]:
    predictor = head.window_predictor(mode)
    return torch.inference_mode()(lambda: _predict_window(predictor, window))


def _predict_window(predictor: WindowPredictor, window: Tensor) -> object:
    embedded, nearby = predictor.embed(window)
    nearby = None if nearby is None else predictor.local_branch.select(nearby[None])
    return predictor(embedded[None], nearby)
