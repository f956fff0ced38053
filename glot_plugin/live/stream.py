"""Bodies of people whose frames come one after another."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from glot_plugin.engine.inference import TrackPrediction, as_tensor
from glot_plugin.errors import InputError
from glot_plugin.features.backbones import FrameExtractor
from glot_plugin.features.crops import check_box_size, crop_squares
from glot_plugin.live.frame_rings import FrameRings
from glot_plugin.live.stream_state import STATE_FORMAT, PersonId, check_ids, check_state
from glot_plugin.models import GLoTEstimator
from glot_plugin.models.latency import LatencyPredictor
from glot_plugin.structures import SmplParams

NUM_PARAMS = 157  # SMPL parameters of a body as `SmplParams.flat`


@dataclass(frozen=True)
class ReadyBodies:
    """The bodies that a call has completed, one a row; of one person they are in the order of their frames.

    Attributes:
        ids: Whose they are.
        frame: (R,) in which frame: the number of the push, from 0.
        bodies: `rotmat` (R, 24, 3, 3), `betas` (R, 10), `camera` (R, 3), and on request `joints3d` and `vertices()`.
    """

    ids: tuple[PersonId, ...]
    frame: np.ndarray
    bodies: TrackPrediction

    def __len__(self) -> int:
        return len(self.ids)


@dataclass
class _Person:
    """Where a person's frames are, which of them (numbers of pushes) wait for later ones, and pushes without them."""

    row: int
    waiting: list[int] = field(default_factory=list)
    missing: int = 0


class _Windows(NamedTuple):
    """Windows to predict.

    Attributes:
        ids, frames: Whose, and which frame's: R of each.
        windows: (R, T, width).
    """

    ids: list[PersonId]
    frames: list[int]
    windows: Tensor


class TrackStream:
    """Predicts people frame by frame, `latency` frames behind the newest.

    At the model's own latency (7 as published), a person's bodies are those of `infer_track` for the same frames, the
    start and the end included. A frame is projected once, and all people go through the network in one batch.

        stream = TrackStream(model, latency=4)
        for features in camera:  # (2048,) of one person, or (P, 2048) with ids
            ready = stream.push(features)
            ready.ids, ready.frame, ready.bodies.rotmat
        ready = stream.flush()

    Args:
        model: From `init_model`, with a `GLoTHead`.
        latency: Frames that a body waits for after its own; from 0 to what the model was trained for (7 as published;
            `target_frame` of the head), which is the default.
        mode: `exact`, or `bf16`. `fast` predicts several frames at a time, which would have to wait for each other.
        early: How a lower latency than the model's own is reached, `global` or `repeat`: see `LatencyPredictor`.
        patience: A person who is not in this many pushes in a row has left: the remaining bodies come out, and the same
            id begins a new track. None: people leave by `flush` alone.
        extractor: Computes the features of pictures for `push_picture`; from `build_backbone`.

    Raises:
        InputError: The head is not a `GLoTHead`, or the latency, the mode or `early` is not possible.
    """

    def __init__(
        self,
        model: GLoTEstimator,
        latency: int | None = None,
        mode: str = 'exact',
        early: str = 'global',
        patience: int | None = 16,
        extractor: FrameExtractor | None = None,
    ) -> None:
        self._predictor = LatencyPredictor(model.head, latency, early, mode)
        self._model, self._extractor, self.patience = model, extractor, patience
        self._settings = {'latency': self._predictor.latency, 'early': early, 'num_frames': model.head.num_frames}
        self._device = next(model.parameters()).device
        with torch.inference_mode():
            parts = self._predictor.embed(torch.zeros(1, model.head.in_dim, device=self._device))
        self._widths = [part.shape[-1] for part in parts]
        self._rings = FrameRings(model.head.num_frames, sum(self._widths), self._device)
        self._people: dict[PersonId, _Person] = {}
        self._pushes = 0

    @property
    def latency(self) -> int:
        """Frames that a body waits for."""
        return self._predictor.latency

    @property
    def in_dim(self) -> int:
        """Width of the features."""
        return self._model.head.in_dim

    @property
    def ids(self) -> tuple[PersonId, ...]:
        """Who is in the stream."""
        return tuple(self._people)

    @torch.inference_mode()
    def push(self, features: np.ndarray | Tensor, ids: Sequence[PersonId] | None = None) -> ReadyBodies:
        """Take the next frame, and give the bodies that it completes.

        Args:
            features: (P, C) of the people in the frame, or (C,) of one; nobody: (0, C).
            ids: Who they are, numbers or texts; by default 0 … P - 1. Others than before come and go.

        Raises:
            InputError: Another shape, values that are not finite, ids that are not P different ones. Nothing was taken.
        """
        features = self._checked(features)
        ids = list(range(len(features)) if ids is None else ids)
        check_ids(ids, len(features))
        number, self._pushes = self._pushes, self._pushes + 1
        left = self._end(self._count_missing(ids))
        self._append(ids, features)
        for person in ids:
            self._people[person].waiting.append(number)
        ready = [person for person in ids if len(self._people[person].waiting) > self.latency]
        frames = [self._people[person].waiting.pop(0) for person in ready]
        windows = self._windows([self._people[person].row for person in ready])
        return self._bodies([*left, _Windows(ready, frames, windows)])

    def push_picture(
        self, image: np.ndarray, boxes: np.ndarray | None = None, ids: Sequence[PersonId] | None = None
    ) -> ReadyBodies:
        """Take the next frame as a picture; see `push`.

        Args:
            image: (H, W, 3) uint8 RGB.
            boxes: (P, 4) centre x, centre y, width, height in pixels of the people; None: one, who fills the picture.
            ids: Who they are.

        Raises:
            InputError: The stream has no extractor, or a picture, box or id is not as it should be.
        """
        if self._extractor is None:
            raise InputError('push_picture needs an extractor: TrackStream(model, …, extractor=build_backbone(…))')
        image = np.asarray(image)
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise InputError(f'the picture is {image.dtype} {image.shape}, expected uint8 (height, width, 3)')
        height, width = image.shape[:2]
        boxes = np.array([[width / 2, height / 2, width, height]]) if boxes is None else np.asarray(boxes, np.float64)
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise InputError(f'boxes are {boxes.shape}, expected (people, 4)')
        for number, box in enumerate(boxes):
            check_box_size(box, f'person {number} of the picture')
        if len(boxes) == 0:
            return self.push(np.zeros((0, self.in_dim), np.float32), ids)
        crops = crop_squares(image, boxes, self._extractor.crop_size)
        return self.push(self._extractor(torch.from_numpy(crops)), ids)

    @torch.inference_mode()
    def flush(self, ids: Sequence[PersonId] | None = None) -> ReadyBodies:
        """End the tracks of some people, by default of all, and give the bodies that are left.

        Raises:
            InputError: Somebody is not in the stream.
        """
        ids = list(self._people if ids is None else ids)
        check_ids(ids, len(ids))
        unknown = [person for person in ids if person not in self._people]
        if unknown:
            raise InputError(f'{unknown[0]!r} is not in the stream; those who are: {list(self._people)}')
        return self._bodies(self._end(ids))

    def state_dict(self) -> dict:
        """What the stream remembers, as plain tensors, numbers and texts: a few dozen kB a person.

        `torch.load` reads it with `weights_only`, and `load_state_dict` of another stream continues from it.
        """
        people = list(self._people.items())
        return {
            'format': STATE_FORMAT,
            **self._settings,
            'pushes': self._pushes,
            'ids': [person for person, _ in people],
            'waiting': [list(one.waiting) for _, one in people],
            'missing': [one.missing for _, one in people],
            'frames': self._rings.windows([one.row for _, one in people]),
        }

    def load_state_dict(self, state: dict) -> None:
        """Continue from what `state_dict` gave, in place of what the stream knows.

        Raises:
            InputError: It is not the state of a stream, or that of one with another latency or model.
        """
        check_state(state, {**self._settings, 'width': sum(self._widths)})
        rings = FrameRings(self._rings.length, sum(self._widths), self._device)
        rows = []
        if state['ids']:
            frames = state['frames'].to(self._device, torch.float32).unbind(1)
            rows = rings.add(frames[0])
            for vectors in frames:
                rings.append(rows, vectors)
        details = zip(state['ids'], rows, state['waiting'], state['missing'], strict=True)
        self._rings, self._pushes = rings, state['pushes']
        self._people = {person: _Person(row, list(waiting), missing) for person, row, waiting, missing in details}

    def _checked(self, features: np.ndarray | Tensor) -> Tensor:
        """Features (P, C) on the model's device."""
        features = as_tensor(features)
        given, width = tuple(features.shape), self.in_dim
        features = features[None] if features.ndim == 1 else features
        if features.ndim != 2 or features.shape[1] != width:
            raise InputError(f'features are {given}, expected ({width},) of one person, or (people, {width})')
        finite = torch.isfinite(features).all(dim=1)
        if not finite.all():
            raise InputError(f'features of person {int((~finite).nonzero()[0])} in this push are not finite')
        return features.to(self._device, torch.float32)

    def _count_missing(self, ids: Sequence[PersonId]) -> list[PersonId]:
        """Note who is in a push; gives those who have left."""
        here = set(ids)
        for person, one in self._people.items():
            one.missing = 0 if person in here else one.missing + 1
        gone = [] if self.patience is None else [p for p, one in self._people.items() if one.missing >= self.patience]
        return [person for person in gone if person not in here]

    def _append(self, ids: list[PersonId], features: Tensor) -> None:
        """Project the frame of each person, and add it to what is known of them."""
        if not ids:
            return
        vectors = torch.cat(self._predictor.embed(features), dim=-1)
        new = [index for index, person in enumerate(ids) if person not in self._people]
        known = [index for index, person in enumerate(ids) if person in self._people]
        if known:
            self._rings.append([self._people[ids[index]].row for index in known], vectors[known])
        if new:
            rows = self._rings.add(vectors[new])
            self._people |= {ids[index]: _Person(row) for index, row in zip(new, rows, strict=True)}

    def _end(self, ids: Sequence[PersonId]) -> list[_Windows]:
        """The windows that are left of people who leave: their last frame repeated, as at the end of a track."""
        people = [self._people.pop(person) for person in ids]
        rows, left = [one.row for one in people], []
        # A track that is shorter than the latency has to be made longer before it has its first window.
        first = [self.latency + 1 - len(one.waiting) for one in people]
        for repeat in range(1, self.latency + 1 if people else 1):
            self._rings.append(rows, self._rings.newest(rows))
            now = [index for index, start in enumerate(first) if repeat >= start]
            frames = [people[index].waiting.pop(0) for index in now]
            left.append(_Windows([ids[index] for index in now], frames, self._windows([rows[index] for index in now])))
        self._rings.remove(rows)
        return left

    def _windows(self, rows: list[int]) -> Tensor:
        return self._rings.windows(rows, self._predictor.order)

    def _bodies(self, batches: list[_Windows]) -> ReadyBodies:
        """Predict windows in one batch."""
        ids = tuple(person for batch in batches for person in batch.ids)
        frame = np.array([number for batch in batches for number in batch.frames], np.int64)
        if not ids:
            params = SmplParams.from_flat(torch.zeros(0, NUM_PARAMS))
        else:
            windows = torch.cat([batch.windows for batch in batches]).split(self._model.chunk)
            params = SmplParams.cat([self._predictor(list(chunk.split(self._widths, dim=-1))) for chunk in windows])
        return ReadyBodies(ids, frame, TrackPrediction(params, self._model.body_model))
