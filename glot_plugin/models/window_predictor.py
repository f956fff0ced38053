"""Windows and whole tracks of a `GLoTHead` in one of the inference modes."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_post_hook

from glot_plugin.errors import InputError
from glot_plugin.models.fused_windows import FusedRegressors, FusedWindows
from glot_plugin.models.inference_mode import InferenceMode
from glot_plugin.models.packed_windows import PackedWindows, can_pack
from glot_plugin.models.window_graph import GraphedFunction
from glot_plugin.structures import SmplParams
from glot_plugin.windows import windows_around

if TYPE_CHECKING:
    from glot_plugin.models.glot_head import GLoTHead

# Windows at a time on a CPU, at most: fewer do not fill its cores, and the activations of more leave its caches.
CPU_CHUNK = 100


class WindowPredictor:
    """Predicts windows of embedded frames, and tracks; `GLoTHead.window_predictor` makes it.

    The weights are those of the moment when it is made. On a GPU, calls are replayed as CUDA graphs; on a CPU,
    layers are packed.

    Args:
        head: In evaluation mode.
        mode: How.
        frame: Predict this frame of a window in place of the head's target; not in the fast mode. The local branch
            corrects it if it is one of its nearby frames; beyond them, the global branch's parameters are the result.

    Attributes:
        frames: Which Q frames of a window are predicted: its target, or in the fast mode what the cross-fade needs.
        step: Frames of a track from one window to the next.

    Raises:
        InputError: The head is in training mode, or a branch is not the paper's, so that its parts are unknown.
    """

    def __init__(self, head: 'GLoTHead', mode: InferenceMode | str = 'exact', frame: int | None = None) -> None:
        self.mode = InferenceMode.of(mode)
        self.num_frames, self.global_branch, self.local_branch = head.num_frames, head.global_branch, head.local_branch
        _check_head(head, self.mode)
        frame = head.target_frame if frame is None else frame
        self.step, self.frames = fast_frames(head) if self.mode.fast else (1, slice(frame, frame + 1))
        if self.local_branch is not None and frame not in self.local_branch.select.frames:
            self.local_branch = None
        dtype = torch.bfloat16 if self.mode.bf16 else None
        windows = FusedWindows(self.global_branch, self.local_branch, self.frames, dtype)
        self.predict = _fastest(windows)

    def embed(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        """Frames (N, in_dim) for both branches: (N, embed_dim), and (N, dim) or None without a local branch."""
        nearby = None if self.local_branch is None else self.local_branch.embed(features)
        return self.global_branch.transformer.embed(features), nearby

    def __call__(self, embedded: Tensor, nearby: Tensor | None = None, start: SmplParams | None = None) -> SmplParams:
        """Parameters (B, Q, ...) of Q `frames` of each of B windows.

        Args:
            embedded: (B, T, embed_dim), windows of what `embed` gives first.
            nearby: (B, 2 w + 1, dim), the nearby frames (`local_branch.select`) of what it gives second.
            start: (B, Q, ...) from `GlobalMotionModel.start_in`; None where the regressor starts from the mean.
        """
        return SmplParams.from_flat(self.predict(embedded, nearby, None if start is None else start.flat))

    def predict_track(self, features: Tensor, chunk: int = 256) -> SmplParams:
        """Parameters (N, ...) of every frame of a track (N, in_dim), any N ≥ 1, from `chunk` windows at a time."""
        length, middle = len(features), (self.frames.start + self.frames.stop - 1) // 2
        centres = torch.arange(0, length - 1 + self.step, self.step, device=features.device).clamp_(max=length - 1)
        windows = windows_around(centres, self.num_frames, length, middle)
        params = self.predict_windows(features, windows, chunk)
        return params[:, 0] if self.step == 1 else cross_fade(params, centres, length, self.step)

    def predict_windows(self, features: Tensor, windows: Tensor, chunk: int = 256) -> SmplParams:
        """Parameters (W, Q, ...) of W windows (W, T) of frames (N, in_dim), from `chunk` windows at a time."""
        embedded, nearby = self.embed(features)
        parts = []
        for frames in _in_chunks(windows, chunk):
            near = None if nearby is None else nearby[self.local_branch.select(frames)]
            start = self.global_branch.start_in(self.frames, features, frames)
            parts.append(self(embedded[frames], near, start))
        return SmplParams.cat(parts)


def _fastest(windows: FusedWindows) -> Callable[..., Tensor]:
    """How the windows run on their device."""
    weight = windows.tower.from_memory.weight
    if weight.is_cuda:  # regressors of other classes may do what cannot be recorded
        return GraphedFunction(windows) if isinstance(windows.regress, FusedRegressors) else windows
    return PackedWindows(windows) if weight.is_cpu and can_pack(weight.dtype) else windows


def _in_chunks(windows: Tensor, chunk: int) -> Sequence[Tensor]:
    """Windows (W, T) in parts of at most `chunk`; on a CPU in equal ones, as a small last one would be slow."""
    if windows.is_cuda:
        return windows.split(chunk)
    return windows.chunk(-(-len(windows) // min(chunk, CPU_CHUNK)))


def cross_fade(params: SmplParams, centres: Tensor, length: int, step: int) -> SmplParams:
    """Parameters (N, ...) of a track from those of windows (W, 2 step - 1, ...), `step` or fewer frames apart.

    Between the central frames of two windows, both predict every frame. Their shares change linearly from one central
    frame to the other, so that what the windows disagree about fades in and out instead of jumping.

    Args:
        params: The frames around each window's central one.
        centres: (W,), the central frames in the track; the first is frame 0, and the last the track's last frame.
        length: N.
        step: Frames between central frames; between the last two there may be fewer.
    """
    frame = torch.arange(length, device=centres.device)
    before = frame // step
    after = (before + 1).clamp_(max=len(centres) - 1)
    since, until = frame - centres[before], centres[after] - frame
    middle, flat = step - 1, params.flat
    share = since[:, None].to(flat) / (since + until).clamp_(min=1)[:, None]  # of the later window
    return SmplParams.from_flat(torch.lerp(flat[before, middle + since], flat[after, middle - until], share))


def fast_frames(head: 'GLoTHead') -> tuple[int, slice]:
    """The step of the fast mode and the 2 step - 1 frames of a window that it predicts.

    A window stands for as many frames as the local branch was trained on: three as published, two if the target is the
    last frame. The frames are the nearby ones around the target or, near the window's end, as close to it as they fit.
    """
    near = range(head.num_frames) if head.local_branch is None else head.local_branch.select.frames
    step = min(head.local_frames.stop - head.local_frames.start, (len(near) + 1) // 2)
    first = min(max(head.target_frame - step + 1, near.start), near.stop - (2 * step - 1))
    return step, slice(first, first + 2 * step - 1)


@cache
def _version_fused_steps() -> None:
    """Make fused optimizers count in the versions of the weights that they change, as all others do."""

    def count(optimizer: torch.optim.Optimizer, *_: object) -> None:
        for group in optimizer.param_groups:
            if group.get('fused'):
                for weight in group['params']:
                    torch.autograd.graph.increment_version(weight)

    register_optimizer_step_post_hook(count)


class PredictorCache:
    """The predictors of a head by mode, made anew when any of its weights has changed, been replaced or moved."""

    def __init__(self) -> None:
        self._made: dict[tuple[InferenceMode, int], WindowPredictor] = {}
        self._weights: list[tuple] = []

    def get(self, head: 'GLoTHead', mode: InferenceMode, frame: int) -> WindowPredictor:
        """The predictor of a frame of the window in a mode."""
        _check_head(head, mode)
        _version_fused_steps()
        tensors = [*head.parameters(), *head.buffers()]
        weights = [(tensor.data_ptr(), 0 if tensor.is_inference() else tensor._version) for tensor in tensors]
        if weights != self._weights:
            self._made, self._weights = {}, weights
        if (mode, frame) not in self._made:
            # Usable in every later context, also outside of an inference mode that this call is in.
            with torch.inference_mode(False), torch.no_grad():
                self._made[mode, frame] = WindowPredictor(head, mode, frame)
        return self._made[mode, frame]

    def __deepcopy__(self, memo: dict) -> 'PredictorCache':
        return PredictorCache()

    def __getstate__(self) -> dict:
        return {'_made': {}, '_weights': []}


def _check_head(head: 'GLoTHead', mode: InferenceMode) -> None:
    if head.training:
        raise InputError(f'inference mode {mode}: the head is in training mode; call eval() of the model first')
    if not head.can_fuse:
        branches = ', '.join(type(x).__name__ for x in (head.global_branch, head.local_branch) if x is not None)
        raise InputError(f'inference mode {mode}: expected GlobalMotionModel and LocalCorrection, found {branches}')
