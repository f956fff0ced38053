"""GLoTEstimator: the model that mmengine's Runner trains and tests."""

from pathlib import Path

import torch
from mmengine.model import BaseModel
from torch import Tensor

from glot_plugin.adapters import as_body_model
from glot_plugin.body_model.smpl_files import load_mean_params
from glot_plugin.errors import InputError
from glot_plugin.losses import Targets
from glot_plugin.models.inference_mode import InferenceMode
from glot_plugin.models.latency import LatencyPredictor, check_early
from glot_plugin.models.mean_params import set_mean_params
from glot_plugin.registry import MODELS, WEIGHT_INITIALIZERS
from glot_plugin.structures import HeadOutput, SmplParams


@MODELS.register_module()
class GLoTEstimator(BaseModel):
    """A head that regresses SMPL parameters from windows of features, with its losses and its body model.

    Args:
        head: Config of the head: a `GLoTHead`, or any head with the methods `forward` and `predict_track` (`NeckHead`
            builds one from other parts).
        loss: Config of the loss (`GLoTLoss`). Not needed for inference.
        body_model: Config of an `SMPLBody`, or of another framework's body model that has an adapter. Without it,
            rotations, shape and camera can be predicted, but not joints.
        mean_params: Folder (or file) of the mean parameters that training starts from; by default the body model's
            `model_dir`.
        init_from_spin: SPIN's checkpoint (`spin_model_checkpoint.pth.tar`), whose regressor and mean parameters
            initialise the head's `IterativeRegressor` for training. Not needed for inference.
        chunk: Number of windows in memory at a time when tracks are predicted.
        inference: The mode in which tracks are predicted: `exact`, as published; `fast`; `bf16`; `fast+bf16`
            (docs/speed.md). Only `GLoTHead` has modes other than `exact`.
        latency: Predict tracks as a stream of that latency does (docs/live.md); None: the head's own.
        early: How: `global` or `repeat`, see `LatencyPredictor`.
        data_preprocessor, init_cfg: See mmengine's `BaseModel`.
    """

    def __init__(
        self,
        head: dict,
        loss: dict | None = None,
        body_model: dict | None = None,
        mean_params: str | Path | None = None,
        init_from_spin: str | Path | None = None,
        chunk: int = 256,
        inference: str = 'exact',
        latency: int | None = None,
        early: str = 'global',
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        # Without waiting for the copies: what uses them is launched after them, on the same stream.
        super().__init__(data_preprocessor or {'type': 'BaseDataPreprocessor', 'non_blocking': True}, init_cfg)
        self.head = MODELS.build(head)
        self.loss = None if loss is None else MODELS.build(loss)
        self.body_model = None if body_model is None else as_body_model(MODELS.build(body_model))
        if mean_params is None and body_model is not None:
            mean_params = body_model.get('model_dir', 'data/body_models')
        self._mean_params = mean_params
        self._init_from_spin = init_from_spin
        self.chunk = chunk
        self.inference = str(InferenceMode.of(inference))
        check_early(early)
        self.latency, self.early = latency, early

    def init_weights(self) -> None:
        """Load the mean parameters and SPIN's regressor for a training from scratch.

        The parts initialise themselves.
        """
        if self._mean_params is not None:
            set_mean_params(self.head, load_mean_params(self._mean_params))
        if self._init_from_spin is not None:
            WEIGHT_INITIALIZERS.build({'type': 'SPINInit', 'checkpoint': self._init_from_spin})(self.head)
        if hasattr(self.head, 'init_weights'):  # pretrained parts
            self.head.init_weights()
        if self.init_cfg is not None:  # without init_cfg, mmengine would only log every parameter
            super().init_weights()

    def forward(
        self, features: Tensor, mode: str = 'tensor', frame_mask: Tensor | None = None, **batch: Tensor
    ) -> HeadOutput | dict[str, Tensor] | list[dict]:
        """Train, predict or only run the head.

        Args:
            features: (B, T, C) windows; for `predict`, a track (N, C).
            mode: `loss` returns the loss terms by name, `predict` a list with one dict that has `params` (SmplParams of
                N frames), and `tensor` the head's output.
            frame_mask: (B, T) bool, True = masked; see `GLoTHead.forward`.
            batch: The fields of `Targets` for `loss`; ignored otherwise.
        """
        if mode == 'loss':
            return self._losses(features, frame_mask, batch)
        if mode == 'predict':
            return [{'params': self.predict_track(features)}]
        if mode == 'tensor':
            return self.head(features, frame_mask)
        raise InputError(f"mode={mode!r}: expected 'loss', 'predict' or 'tensor'")

    def predict_track(self, features: Tensor, mode: str | None = None) -> SmplParams:
        """Parameters (N, ...) of every frame of a track (N, C).

        Args:
            features: (N, C).
            mode: The inference mode; None: the one of the argument `inference`.

        Raises:
            InputError: The mode is unknown, or the head has only `exact`.
        """
        mode = InferenceMode.of(self.inference if mode is None else mode)
        if self.latency is not None:
            return LatencyPredictor(self.head, self.latency, self.early, mode).predict_track(features, self.chunk)
        if mode == InferenceMode():
            return self.head.predict_track(features, self.chunk)
        if not hasattr(self.head, 'window_predictor'):
            raise InputError(
                f'inference mode {mode}: {type(self.head).__name__} has only exact, GLoTHead has the others'
            )
        return self.head.predict_track(features, self.chunk, mode)

    def parse_losses(self, losses: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The sum of all terms, and the sum (as `loss`) and the terms by name.

        mmengine's adds term after term; the values and names are the same.
        """
        loss = torch.stack(list(losses.values())).sum()
        return loss, {'loss': loss, **losses}

    def _losses(self, features: Tensor, frame_mask: Tensor | None, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        if self.loss is None or self.body_model is None:
            raise InputError('training needs the keys loss and body_model of GLoTEstimator')
        missing = [name for name in Targets.__dataclass_fields__ if name not in batch]
        if missing:
            raise InputError(f'the batch has no {", ".join(missing)}; check the train pipeline and the stores columns')
        targets = Targets(**{name: batch[name] for name in Targets.__dataclass_fields__})
        return self._supervise(features, frame_mask, targets)

    def _supervise(self, features: Tensor, frame_mask: Tensor | None, targets: Targets) -> dict[str, Tensor]:
        return self.loss(self.head(features, frame_mask), targets, self.body_model)

    def compile_losses(self, **options: object) -> None:
        """Compile head, body model and losses into one graph, for `forward` with `mode='loss'`.

        The batch must not have a `frame_mask`: how many frames it leaves visible is not known to a graph.

        Args:
            options: Of `torch.compile`.
        """
        supervise = type(self)._supervise.__get__(self)

        def under_autocast(features: Tensor, targets: Targets, dtype: torch.dtype | None) -> dict[str, Tensor]:
            with torch.autocast(features.device.type, dtype, enabled=dtype is not None):
                return supervise(features, None, targets)

        compiled = torch.compile(under_autocast, **{'fullgraph': True, 'dynamic': False, **options})

        def compiled_losses(features: Tensor, frame_mask: Tensor | None, targets: Targets) -> dict[str, Tensor]:
            if frame_mask is not None:
                raise InputError('compile=True: the batch has a frame_mask; take MaskFrames out of the train pipeline')
            device = features.device.type
            dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
            # Inside of the graph: compilers apply an autocast around it to its gradients, too, also to those of parts
            # that are in float32.
            with torch.autocast(device, enabled=False):
                return compiled(features, targets, dtype)

        self._supervise = compiled_losses
