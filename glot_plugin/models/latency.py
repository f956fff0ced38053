"""Predicting a frame before all the frames have come that the head was trained to see after it."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from glot_plugin.errors import InputError
from glot_plugin.models.inference_mode import InferenceMode
from glot_plugin.structures import SmplParams
from glot_plugin.windows import windows_around

if TYPE_CHECKING:
    from glot_plugin.models.glot_head import GLoTHead

EARLY = ('global', 'repeat')


class LatencyPredictor:
    """Predicts frames that have `latency` later frames in their windows, fewer than in training or as many.

    Args:
        head: In evaluation mode.
        latency: From 0 to the head's own latency; None: the head's own, which is as published.
        early: How a lower latency is reached. `global`: the window ends early, and the global branch predicts the frame
            that is wanted, corrected by the local one where it is among the nearby frames. `repeat`: the window is
            completed with copies of the newest frame, as at the end of a track; more accurate, less smooth.
        mode: `exact` or `bf16`.

    Attributes:
        latency: In frames.
        order: (T,), the frames of a window among the newest T of a track.

    Raises:
        InputError: The latency, the way or the mode is not possible, or the head is no `GLoTHead` in evaluation mode.
    """

    def __init__(
        self, head: 'GLoTHead', latency: int | None = None, early: str = 'global', mode: InferenceMode | str = 'exact'
    ) -> None:
        _check(head, latency, early, InferenceMode.of(mode))
        self.latency = head.latency if latency is None else latency
        self._place = head.num_frames - 1 - self.latency  # of the predicted frame among the newest T
        self._num_frames, self.order = head.num_frames, torch.arange(head.num_frames)
        if early == 'repeat':
            self.order = (self.order + self._place - head.target_frame).clamp_(max=head.num_frames - 1)
        self._windows = head.window_predictor(mode, self._place if early == 'global' else None)

    def embed(self, features: Tensor) -> list[Tensor]:
        """What windows are made of, for frames (N, in_dim), each (N, ...).

        Embedded for the global branch; for the local branch, if it predicts; and the features, if the regressor starts
        from them.
        """
        start = features if self._windows.global_branch.start is not None else None
        return [part for part in (*self._windows.embed(features), start) if part is not None]

    def __call__(self, windows: list[Tensor]) -> SmplParams:
        """Parameters (B, ...) of B windows, each part of `embed` as (B, T, ...) in `order`."""
        embedded, *more = windows
        local, branch = self._windows.local_branch, self._windows.global_branch
        nearby = None if local is None else local.select(more[0])
        start = None if branch.start is None else branch.start_in(self._windows.frames, more[-1])
        return self._windows(embedded, nearby, start)[:, 0]

    def predict_track(self, features: Tensor, chunk: int = 256) -> SmplParams:
        """Parameters (N, ...) of a track (N, in_dim), as if its frames came one after another."""
        frames = torch.arange(len(features), device=features.device)
        windows = windows_around(frames, self._num_frames, len(features), self._place)[:, self.order]
        return self._windows.predict_windows(features, windows, chunk)[:, 0]


def check_early(early: str) -> None:
    """Raise an `InputError` unless it is one of `EARLY`."""
    if early not in EARLY:
        raise InputError(f'early={early!r}: expected one of {", ".join(EARLY)}')


def _check(head: nn.Module, latency: int | None, early: str, mode: InferenceMode) -> None:
    if not hasattr(head, 'window_predictor'):
        raise InputError(f'a stream or a lower latency needs a GLoTHead, found {type(head).__name__}')
    check_early(early)
    if mode.fast:
        raise InputError(f'inference mode {mode}: waits for several frames at a time; expected exact or bf16 here')
    whole = isinstance(latency, int) and not isinstance(latency, bool)
    if latency is not None and not (whole and 0 <= latency <= head.latency):
        raise InputError(
            f'latency={latency!r}: expected a number of frames from 0 to {head.latency}, the latency that the model '
            'was trained for'
        )
