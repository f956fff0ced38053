"""NeckHead: any neck over windows with any head on its frames, trained and tested like `GLoTHead`."""

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from glot_plugin.errors import InputError
from glot_plugin.registry import MODELS
from glot_plugin.structures import HeadOutput, SmplParams, rotmat_to_rot6d
from glot_plugin.windows import clamped_windows, disjoint_windows, frames_around, resolve_target_frame

PREDICTED_FRAMES = ('mid', 'all')
HEAD_KEYS = ('pred_pose', 'pred_shape', 'pred_cam')


def smpl_params_of(output: Any) -> SmplParams:
    """Convert a head's output to SMPL parameters (...).

    Args:
        output: `SmplParams`, or a dict with HMR's `pred_pose` (..., J, 3, 3) rotation matrices, `pred_shape` (..., 10)
            and `pred_cam` (..., 3).

    Raises:
        InputError: The output is neither of them.
    """
    if isinstance(output, SmplParams):
        return output
    if not isinstance(output, Mapping):
        raise InputError(
            f'the head returns {type(output).__name__}, expected SmplParams or a dict of {", ".join(HEAD_KEYS)}'
        )
    missing = [key for key in HEAD_KEYS if key not in output]
    if missing:
        raise InputError(f'the head returns no {", ".join(missing)}; found {", ".join(map(str, output))}')
    rotmat, betas, camera = (output[key] for key in HEAD_KEYS)
    if rotmat.shape[-2:] != (3, 3):
        raise InputError(f'the head returns pred_pose {tuple(rotmat.shape)}, expected (..., joints, 3, 3)')
    return SmplParams(rotmat_to_rot6d(rotmat.float()), betas.float(), camera.float())


@MODELS.register_module()
class NeckHead(nn.Module):
    """A neck over a window's features, and a head that regresses SMPL parameters from each of the neck's output frames.

    VIBE, for example, is a GRU with HMR's regressor. The parts are run on one window of zeros when they are built, so
    that widths and outputs that do not fit are reported immediately.

    With a `correction`, the layout is GLoT's: the head gives the global parameters of all frames, and the correction
    gives the local ones, which are the prediction.

    Args:
        neck: Config of a module from (B, T, in_dim) to (B, T, C), or to a tuple that begins with it. If its `forward`
            takes a `frame_mask`, it is masked in training (our `GlobalTransformer` draws its own mask).
        head: Config of a module from (B * T, C) to `SmplParams`, or to a dict with `pred_pose`, `pred_shape` and
            `pred_cam`.
        correction: Config of a module from (features (..., C), SmplParams) to SmplParams, such as `HSCR`, or None. It
            is trained on the target frame and its neighbours.
        in_dim: Feature width.
        num_frames: T, the window's length; even.
        per_frame: The head takes frames (B * T, C); False: complete windows (B, T, C), for temporal heads.
        predicted_frames: How tracks are predicted. `mid`: each frame from its own window, clamped to the track, as
            GLoT is tested. `all`: all T frames of windows that do not overlap, as VIBE is tested in its own repository
            and all models in mmhuman3d; 16 times faster, but the first frames of a window have little context.
        detach_global: Detach the parameters that the correction starts from.
        target_frame: The frame of a window that `mid` predicts; see `GLoTHead`.

    Raises:
        InputError: The parts do not fit each other or the features.
    """

    def __init__(
        self,
        neck: dict,
        head: dict,
        correction: dict | None = None,
        in_dim: int = 2048,
        num_frames: int = 16,
        per_frame: bool = True,
        predicted_frames: str = 'mid',
        detach_global: bool = True,
        target_frame: int | None = None,
    ) -> None:
        super().__init__()
        self.target_frame = resolve_target_frame(num_frames, target_frame)
        self.local_frames = frames_around(num_frames, 1, self.target_frame)
        if predicted_frames not in PREDICTED_FRAMES:
            raise InputError(f'predicted_frames={predicted_frames!r}: expected one of {", ".join(PREDICTED_FRAMES)}')
        self.in_dim, self.num_frames, self.per_frame = in_dim, num_frames, per_frame
        self.predicted_frames, self.detach_global = predicted_frames, detach_global
        self.neck = MODELS.build(neck)
        self.head = MODELS.build(head)
        self.correction = None if correction is None else MODELS.build(correction)
        self.masks_frames = 'frame_mask' in inspect.signature(self.neck.forward).parameters
        self._try_out()

    def init_weights(self) -> None:
        """Load the pretrained weights that the parts' `init_cfg` name; parts without one initialise themselves."""
        for part in (self.neck, self.head, self.correction):
            if getattr(part, 'init_cfg', None):
                part.init_weights()

    def forward(self, features: Tensor, frame_mask: Tensor | None = None) -> HeadOutput:
        """Parameters of all frames and, with a correction, also those of the target frame and its neighbours.

        Args:
            features: (B, T, in_dim).
            frame_mask: (B, T) bool, True = masked, for necks that mask. By default such a neck draws its own mask in
                training if it can (`masking.draw`).
        """
        self._check(features, ndim=3)
        frame_mask = self._frame_mask(features, frame_mask)
        encoded = self._encode(features, frame_mask)
        params = self._regress(encoded)
        if self.correction is None:
            return HeadOutput(params, None, frame_mask, None)
        near = self.local_frames
        start = params[:, near].detach() if self.detach_global else params[:, near]
        return HeadOutput(params, self.correction(encoded[:, near], start), frame_mask, near)

    def predict_track(self, features: Tensor, chunk: int = 256) -> SmplParams:
        """Parameters (N, ...) of every frame of a track (N, in_dim), any N ≥ 1; see `predicted_frames`.

        Args:
            features: (N, in_dim).
            chunk: Windows in memory at a time.
        """
        self._check(features, ndim=2)
        if self.predicted_frames == 'mid':
            windows = clamped_windows(self.num_frames, len(features), features.device, self.target_frame)
            return self.predict_windows(features, windows, chunk)
        windows, kept = disjoint_windows(self.num_frames, len(features), features.device)
        parts = zip(windows.split(chunk), kept.split(chunk), strict=True)
        return SmplParams.cat([self._predict_all(features[frames])[keep] for frames, keep in parts])

    def predict_windows(self, features: Tensor, windows: Tensor, chunk: int = 256) -> SmplParams:
        """Parameters (W, ...) of the target frames of W windows cut from frames.

        Args:
            features: (N, in_dim).
            windows: (W, T), the frames of each window.
            chunk: Windows in memory at a time.
        """
        self._check(features, ndim=2)
        return SmplParams.cat([self._predict_target(features[frames]) for frames in windows.split(chunk)])

    def _predict_target(self, windows: Tensor) -> SmplParams:
        """Parameters (B, ...) of the target frames of windows (B, T, in_dim)."""
        target = self.target_frame
        encoded = self._encode(windows)
        # Only a temporal head needs the other frames.
        params = self._regress(encoded[:, target]) if self.per_frame else self._regress(encoded)[:, target]
        return params if self.correction is None else self.correction(encoded[:, target], params)

    def _predict_all(self, windows: Tensor) -> SmplParams:
        """Parameters (B, T, ...) of all frames of windows (B, T, in_dim)."""
        encoded = self._encode(windows)
        params = self._regress(encoded)
        return params if self.correction is None else self.correction(encoded, params)

    def _frame_mask(self, features: Tensor, frame_mask: Tensor | None) -> Tensor | None:
        if not self.masks_frames and frame_mask is not None:
            raise InputError(
                f'the batch has a frame_mask, but {type(self.neck).__name__} cannot mask frames; take MaskFrames out '
                'of the pipeline'
            )
        masking = getattr(self.neck, 'masking', None)
        if self.masks_frames and frame_mask is None and self.training and masking is not None:
            return masking.draw(len(features), self.num_frames, features.device)
        return frame_mask

    def _encode(self, features: Tensor, frame_mask: Tensor | None = None) -> Tensor:
        """The neck's features (B, T, C)."""
        encoded = self.neck(features, frame_mask=frame_mask) if self.masks_frames else self.neck(features)
        encoded = encoded[0] if isinstance(encoded, tuple | list) else encoded
        if encoded.ndim != 3 or encoded.shape[:2] != features.shape[:2]:
            raise InputError(
                f'{type(self.neck).__name__} makes {tuple(encoded.shape)} of windows {tuple(features.shape)}, '
                'expected (clips, frames, channels) of the same clips and frames'
            )
        return encoded

    def _regress(self, encoded: Tensor) -> SmplParams:
        """The head's parameters (..., ) of encoded frames (..., C)."""
        lead = encoded.shape[:-1]
        # Heads orthonormalise rotations, which half precision would make inaccurate.
        with torch.autocast(encoded.device.type, enabled=False):
            params = smpl_params_of(self.head((encoded.flatten(0, -2) if self.per_frame else encoded).float()))
        expected = {'pose6d': 24 * 6, 'betas': 10, 'camera': 3}
        for name, width in expected.items():
            tensor = getattr(params, name)
            if tensor.shape[-1] != width or tensor.numel() != lead.numel() * width:
                raise InputError(
                    f'{type(self.head).__name__} gives {name} {tuple(tensor.shape)} for {lead.numel()} frames, '
                    f'expected {width} numbers a frame (24 joints, 10 betas, 3 of the camera)'
                )
        return params.map(lambda tensor: tensor.reshape(*lead, -1))

    def _check(self, features: Tensor, ndim: int) -> None:
        frames = f'{self.num_frames} frames' if ndim == 3 else 'frames ≥ 1'
        fits = features.ndim == ndim and features.shape[-1] == self.in_dim and len(features) > 0
        if not fits or (ndim == 3 and features.shape[1] != self.num_frames):
            clips = 'clips, ' if ndim == 3 else ''
            raise InputError(f'features are {tuple(features.shape)}, expected ({clips}{frames}, {self.in_dim})')

    @torch.no_grad()
    def _try_out(self) -> None:
        """Run the parts on one window of zeros, so that parts that do not fit give an error that names them."""
        self.eval()
        try:
            self(torch.zeros(1, self.num_frames, self.in_dim))
        except Exception as error:  # third-party parts can raise anything
            parts = {'neck': self.neck, 'head': self.head, 'correction': self.correction}
            names = ', '.join(f'{name} {type(part).__name__}' for name, part in parts.items() if part is not None)
            raise InputError(
                f'NeckHead: {names}: do not work on windows of {self.num_frames} frames x {self.in_dim} channels '
                f'({type(error).__name__}: {error})'
            ) from error
        self.train()
