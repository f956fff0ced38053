"""GLoT's head: global branch, then local branch."""

from pathlib import Path

import torch
from torch import Tensor, nn

from glot_plugin.body_model.smpl_files import MeanParams
from glot_plugin.errors import InputError
from glot_plugin.models.fused_windows import has_known_layout
from glot_plugin.models.inference_mode import InferenceMode
from glot_plugin.models.masking import mask_all_but, visible_frames
from glot_plugin.models.window_predictor import PredictorCache, WindowPredictor
from glot_plugin.registry import MODELS
from glot_plugin.structures import HeadOutput, SmplParams
from glot_plugin.windows import clamped_windows, frames_around, resolve_target_frame


@MODELS.register_module()
class GLoTHead(nn.Module):
    """Global motion modelling, then local parameter correction (the paper's Figure 2).

    Args:
        in_dim: Feature width.
        num_frames: T, the window's length; even.
        global_branch: Config of a `GlobalMotionModel`; `in_dim` and `num_frames` are filled in.
        local_branch: Config of a `LocalCorrection`, filled in likewise, or None for the global branch alone.
        detach_global: Cut gradients from the local branch's input parameters (the paper's detachment).
        mean_params: SMPL's mean parameters, or their file or folder. Checkpoints carry them, too.
        target_frame: The frame of the window that is predicted, from T // 2 (the mid frame, as published; the default)
            to T - 1 (the last one). The nearby frames move with it, and so do the frames that the local branch is
            trained on: the target and its neighbours.

    Attributes:
        target_frame: The predicted frame.
        latency: The frames after it that a window needs: 7 as published.
        local_frames: The frames that the local branch is trained on.
    """

    def __init__(
        self,
        in_dim: int = 2048,
        num_frames: int = 16,
        global_branch: dict | None = None,
        local_branch: dict | None = None,
        detach_global: bool = True,
        mean_params: MeanParams | str | Path | None = None,
        target_frame: int | None = None,
    ) -> None:
        super().__init__()
        self.target_frame = resolve_target_frame(num_frames, target_frame)
        self.latency = num_frames - 1 - self.target_frame
        self.local_frames = frames_around(num_frames, 1, self.target_frame)
        self.in_dim, self.num_frames, self.detach_global = in_dim, num_frames, detach_global
        sizes = {'in_dim': in_dim, 'num_frames': num_frames}
        global_branch = {'type': 'GlobalMotionModel', 'mean_params': mean_params, **(global_branch or {})}
        global_branch['transformer'] = {**sizes, **(global_branch.get('transformer') or {})}
        self.global_branch = MODELS.build(global_branch)
        self.local_branch = None
        if local_branch is not None:
            sizes |= {'memory_dim': self.global_branch.transformer.memory_dim, 'target_frame': self.target_frame}
            self.local_branch = MODELS.build({'type': 'LocalCorrection', **sizes, **local_branch})
        self._predictors = PredictorCache()

    def train(self, mode: bool = True) -> 'GLoTHead':
        """Switch between training and evaluation; what was made for predictions is made anew after a training."""
        if mode:  # steps replayed as a CUDA graph leave no trace that the predictors could be checked against
            self._predictors = PredictorCache()
        return super().train(mode)

    def forward(self, features: Tensor, frame_mask: Tensor | None = None) -> HeadOutput:
        """All frames of the global branch, and of the local one the target frame and its neighbours.

        Args:
            features: (B, T, in_dim).
            frame_mask: (B, T) bool, True = masked. Without it, a mask is drawn in training, and none in evaluation.
                The host waits for the device to check a mask that it is given, but not for one that is drawn.
        """
        visible = None
        if frame_mask is not None:
            visible = visible_frames(frame_mask)
        elif self.training:
            visible = self.global_branch.transformer.masking.draw_visible(
                len(features), self.num_frames, features.device
            )
            frame_mask = mask_all_but(visible, self.num_frames)
        global_params, memory = self.global_branch(features, visible)
        if self.local_branch is None:
            return HeadOutput(global_params, None, frame_mask, None)
        start = global_params[:, self.local_frames]
        start = start.detach() if self.detach_global else start
        local_params = self.local_branch(features, memory, start, around=1)
        return HeadOutput(global_params, local_params, frame_mask, self.local_frames)

    def predict(self, features: Tensor) -> SmplParams:
        """Parameters (B, ...) of the target frames of windows (B, T, in_dim), nothing masked."""
        transformer = self.global_branch.transformer
        transformer.check(features)
        embedded = None
        if self.local_branch is not None:
            embedded = self.local_branch.embed(self.local_branch.select(features))
        start = self.global_branch.start_at(self.target_frame, features)
        return self._predict(transformer.embed(features), embedded, start)

    def predict_track(self, features: Tensor, chunk: int = 256, mode: str | InferenceMode = 'exact') -> SmplParams:
        """Parameters (N, ...) of every frame of a track (N, in_dim), any N ≥ 1.

        Each frame is predicted from its own window, clamped to the track.

        Args:
            features: (N, in_dim).
            chunk: Windows in memory at a time.
            mode: `exact`, as published; `fast`, with a third of the windows; `bf16`; or `fast+bf16`. See docs/speed.md.

        Raises:
            InputError: The features do not fit, or the mode is not possible.
        """
        self._check_frames(features)
        mode = InferenceMode.of(mode)
        plain = mode == InferenceMode()
        if not plain or (self.can_fuse and not self.training and not torch.is_grad_enabled()):
            return self.window_predictor(mode).predict_track(features, chunk)
        windows = clamped_windows(self.num_frames, len(features), features.device, self.target_frame)
        return self.predict_windows(features, windows, chunk)

    def predict_windows(
        self, features: Tensor, windows: Tensor, chunk: int = 256, corrected: bool = True
    ) -> SmplParams:
        """Parameters (W, ...) of the target frames of W windows cut from frames.

        Frames are projected once, not once a window, and windows are cut from the projections.

        Args:
            features: (N, in_dim).
            windows: (W, T), the frames of each window.
            chunk: Windows in memory at a time.
            corrected: By the local branch, where there is one; False: the global branch's parameters.
        """
        self._check_frames(features)
        embedded = self.global_branch.transformer.embed(features)
        nearby = self.local_branch.embed(features) if corrected and self.local_branch is not None else None
        parts = []
        for frames in windows.split(chunk):
            near = None if nearby is None else nearby[self.local_branch.select(frames)]
            start = self.global_branch.start_at(self.target_frame, features, frames)
            parts.append(self._predict(embedded[frames], near, start))
        return SmplParams.cat(parts)

    @property
    def can_fuse(self) -> bool:
        """Whether the branches are the paper's, so that a `WindowPredictor` knows their parts."""
        return has_known_layout(self.global_branch, self.local_branch)

    def window_predictor(self, mode: str | InferenceMode = 'exact', frame: int | None = None) -> WindowPredictor:
        """What predicts windows and tracks in a mode; kept until a weight changes. In evaluation mode only.

        Args:
            mode: See `predict_track`.
            frame: A frame of the window other than the target; see `WindowPredictor`.

        Raises:
            InputError: The mode is unknown, the head is in training mode, or its branches are not the paper's.
        """
        return self._predictors.get(self, InferenceMode.of(mode), self.target_frame if frame is None else frame)

    def _check_frames(self, features: Tensor) -> None:
        if features.ndim != 2 or features.shape[1] != self.in_dim or len(features) == 0:
            raise InputError(f'features are {tuple(features.shape)}, expected (frames, {self.in_dim}), frames ≥ 1')

    def _predict(self, embedded: Tensor, nearby: Tensor | None, start: SmplParams | None) -> SmplParams:
        """Parameters of the target frames: the local branch's, or without nearby frames the global one's.

        Args:
            embedded: (B, T, embed_dim), windows.
            nearby: (B, 2 w + 1, dim), embedded nearby frames.
            start: (B, ...), what the global branch's regressor starts from.
        """
        transformer = self.global_branch.transformer
        memory = transformer.encode(embedded)
        params = self.global_branch.predict_frame(self.target_frame, memory, start)
        if nearby is None:
            return params
        return self.local_branch.correct(nearby, memory, params[:, None], around=0)[:, 0]
