"""mmhuman3d's video data set on track stores: windows at full speed, every frame of every track in tests."""

import os
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from mmhuman3d.core.conventions.keypoints_mapping import KEYPOINTS_FACTORY, get_mapping
from mmhuman3d.core.evaluation import vertice_pve
from mmhuman3d.data.datasets.builder import DATASETS as MMHUMAN3D_DATASETS
from mmhuman3d.data.datasets.human_image_dataset import HumanImageDataset
from mmhuman3d.data.datasets.pipelines import Compose
from mmhuman3d.models.body_models.builder import build_body_model
from mmhuman3d.models.body_models.smpl import GenderedSMPL

from glot_plugin.datasets.window_dataset import WindowDataset
from glot_plugin.errors import InputError
from glot_plugin.framework.for_mmhuman3d.clips import ScoredFrames, clip_table
from glot_plugin.framework.for_mmhuman3d.ground_truth import BodyInChunks, check_genders, ground_truth
from glot_plugin.framework.for_mmhuman3d.human_data_store import annotation_path, open_source
from glot_plugin.framework.for_mmhuman3d.registries import child_registry
from glot_plugin.framework.for_mmhuman3d.window_targets import window_targets

DATASETS = child_registry(MMHUMAN3D_DATASETS)

EVALUATED = ('pw3d', 'h36m', 'humman')
POOLS = (None, '2d', '3d')
TRAIN_KEYS = (
    'features', 'keypoints2d', 'keypoints3d', 'has_keypoints2d', 'has_keypoints3d', 'smpl_body_pose',
    'smpl_global_orient', 'smpl_betas', 'smpl_transl', 'has_smpl', 'frame_valid', 'sample_idx',
)  # fmt: skip
TEST_KEYS = ('features', 'sample_idx')
META_KEYS = ('frame_idx', 'dataset_name')
# Steps of mmhuman3d's that work on whole windows as they do on single frames.
WINDOW_STEPS = ('ToTensor', 'Collect')


@DATASETS.register_module()
class HumanVideoDataset(HumanImageDataset):
    """Takes the place of mmhuman3d's `HumanVideoDataset`: the same samples and `evaluate`, from memory-mapped columns.

    Differences: the pipeline runs once on the complete sample, so the steps for single frames
    (`GetRandomScaleRotation`, `MeshAffine`) are left out: 2D keypoints are in crops of 224 pixels already. Two people
    in one video are two tracks. Tracks shorter than a window are used, too: they are padded at the end in training
    (`frame_valid` is 0 there, without a target) and at the beginning in tests. In tests every valid frame is predicted.

    Args:
        ann_file: HumanData `.npz` with `features`, or the folder of a track store, or several. A HumanData file is
            converted once, beside itself.
        dataset_name: The data set whose evaluation is used: `pw3d`, `h36m` or `humman`; any name in training.
        data_prefix: `ann_file` is looked up in its folder `preprocessed_datasets`, as in mmhuman3d, then as given.
        pipeline: Steps on whole windows: mmhuman3d's `ToTensor` and `Collect`, and steps of your own. Without a
            pipeline, all keys are returned as tensors.
        seq_len: Frames of a sample.
        overlap: Share of a sample's frames that the next sample also has.
        context: T of a model that predicts a frame from the T frames around it (`GLoTVideoEstimator`): in tests, the
            features then include T // 2 more frames before and T // 2 - 1 after, clamped to the track.
        only_vid_name: `image_path` of a HumanData file holds only the name of the video (and person).
        pool: `2d`: windows with only 2D targets, `3d`: windows with 3D keypoints or SMPL, for use in a `MixedDataset`.
        box_scale: Side of the crop divided by the larger side of the box; 1.2 for track stores, 1 for HumanData.
        body_model: Config of the body model that `evaluate` uses.
        convention: Convention of the keypoints, such as `smpl_49` or `smpl_54`; its joints that are not among the 49
            have confidence 0.
        cache_dir: Where converted HumanData files are kept.
        test_mode: Return clips for testing, with features only.

    Raises:
        InputError: A file lacks something, or an argument is invalid; when samples are read, NaN or infinite values.
    """

    def __init__(
        self,
        ann_file: str | os.PathLike | Sequence[str | os.PathLike],
        dataset_name: str = '',
        data_prefix: str | os.PathLike = '',
        pipeline: Sequence[dict] | None = None,
        seq_len: int = 16,
        overlap: float = 0.0,
        context: int = 0,
        only_vid_name: bool = False,
        pool: str | None = None,
        box_scale: float | None = None,
        body_model: dict | None = None,
        convention: str = 'smpl_49',
        cache_dir: str | os.PathLike | None = None,
        test_mode: bool = False,
    ) -> None:
        _check_arguments(seq_len, overlap, context, pool, convention)
        files = [ann_file] if isinstance(ann_file, str | os.PathLike) else list(ann_file)
        paths = [annotation_path(data_prefix, file) for file in files]
        self.sources = [open_source(path, only_vid_name, cache_dir, box_scale) for path in paths]
        self.ann_file, self.data_prefix, self.dataset_name = ann_file, data_prefix, dataset_name
        self.convention, self.test_mode, self.seq_len = convention, test_mode, seq_len
        self.pipeline = _window_pipeline(pipeline, TEST_KEYS if test_mode else TRAIN_KEYS)
        self.body_model = None if body_model is None else BodyInChunks(build_body_model(body_model))
        stride = max(1, int(seq_len * (1 - overlap)))
        stores = [source.store for source in self.sources]
        if test_mode:
            self._use_clips(stores, stride, context)
        else:
            self._use_windows(stores, stride, pool)

    def _use_clips(self, stores: list, stride: int, context: int) -> None:
        self.frames = ScoredFrames(stores)
        if not len(self.frames):
            raise InputError(f'{stores[0].path}: no valid frame to test on')
        self.num_data = len(self.frames)
        self.clips = clip_table(self.frames.offsets, self.seq_len, stride)
        self._length = len(self.clips.start)
        before, after = (context // 2, context // 2 - 1) if context else (0, 0)
        self._places = np.arange(-before, self.seq_len + after)

    def _use_windows(self, stores: list, stride: int, pool: str | None) -> None:
        self.windows = WindowDataset([store.path for store in stores], self.seq_len, stride)
        self._indices = np.arange(len(self.windows)) if pool is None else self.windows.pool_indices[pool]
        if not len(self._indices):
            raise InputError(f'{", ".join(str(store.path) for store in stores)}: no window in pool={pool!r}')
        self._first = np.cumsum([0, *(store.num_frames for store in stores)])
        self.num_data, self._length = int(self._first[-1]), len(self._indices)
        joints, columns, _ = get_mapping('smpl_49', self.convention)
        self._joints, self._columns = list(joints), list(columns)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> dict:
        """One sample: tensors (T, …), and `img_metas`."""
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[dict]:
        """The samples of a batch, read together."""
        outside = [index for index in indices if not 0 <= index < self._length]
        if outside:
            raise IndexError(f'sample {outside[0]} is out of range: the data set has {self._length}')
        samples = [self._clip(index) for index in indices] if self.test_mode else self._window_samples(indices)
        return [self.pipeline(sample) for sample in samples]

    def _clip(self, index: int) -> dict[str, Any]:
        frames = self.clips.frames(index, self._places)
        scored = self.clips.frames(index, np.arange(self.seq_len))
        metas = self._metas(scored)
        return {'features': self.frames.read('features', frames), 'sample_idx': scored[:, None], **metas}

    def _window_samples(self, indices: Sequence[int]) -> list[dict[str, Any]]:
        windows = self._indices[list(indices)]
        stores, rows = self.windows.window_rows(windows)
        batch = window_targets(self.windows.fetch(windows), self.sources, stores, rows)
        for key in ('keypoints2d', 'keypoints3d'):
            batch[key] = self._in_convention(batch[key])
        batch['sample_idx'] = (self._first[stores][:, None] + rows)[..., None]
        metas = [self._metas(frames[:, 0]) for frames in batch['sample_idx']]
        return [{**{key: values[i] for key, values in batch.items()}, **metas[i]} for i in range(len(windows))]

    def _in_convention(self, keypoints: np.ndarray) -> np.ndarray:
        if self.convention == 'smpl_49':
            return keypoints
        shape = (*keypoints.shape[:2], len(KEYPOINTS_FACTORY[self.convention]), keypoints.shape[-1])
        converted = np.zeros(shape, np.float32)
        converted[:, :, self._joints] = keypoints[:, :, self._columns]
        return converted

    def _metas(self, frames: np.ndarray) -> dict[str, Any]:
        ends = [int(frames[0]), int(frames[-1])]
        return {'frame_idx': ends * 2, 'dataset_name': self.dataset_name}

    @cached_property
    def human_data(self) -> dict[str, Any]:
        """What `evaluate` compares with, read on first use."""
        return ground_truth(self.frames, self.dataset_name)

    def evaluate(
        self, outputs: list[dict], res_folder: str, metric: str | list[str] = 'pa-mpjpe', **kwargs: object
    ) -> dict[str, float]:
        """mmhuman3d's `evaluate`, with its body models run in chunks.

        Args:
            outputs: Results of `single_gpu_test` or `multi_gpu_test`.
            res_folder: Where mmhuman3d writes `result_keypoints.json`.
            metric: One of mmhuman3d's metrics, or several.
            kwargs: Ignored, as in mmhuman3d.

        Returns:
            The metrics by mmhuman3d's names (`PA-MPJPE`), mm and percent.

        Raises:
            InputError: The data set cannot be evaluated, or predictions are missing or do not fit.
        """
        self._check_evaluation(outputs)
        return super().evaluate(
            outputs, str(res_folder), list(metric) if not isinstance(metric, str) else metric, **kwargs
        )

    def _check_evaluation(self, outputs: list[dict]) -> None:
        if not self.test_mode:
            raise InputError('evaluate: this is a training data set; build it with test_mode=True')
        if self.dataset_name not in EVALUATED:
            raise InputError(f'dataset_name={self.dataset_name!r}: mmhuman3d evaluates {", ".join(EVALUATED)}')
        if self.body_model is None and self.dataset_name != 'h36m':
            raise InputError(f'the evaluation of {self.dataset_name} needs the key body_model of the data set')
        if self.body_model is not None and isinstance(self.body_model.body_model, GenderedSMPL):
            check_genders(self.frames)
        predicted = np.zeros(self.num_data, np.bool_)
        for output in outputs:
            numbers = output['image_idx']
            if len(output['keypoints_3d']) != len(numbers):
                raise InputError(
                    f'predictions of {len(output["keypoints_3d"])} frames for {len(numbers)} frame numbers; the model '
                    'must predict the frames of sample_idx (context is for GLoTVideoEstimator)'
                )
            predicted[numbers] = True
        if not predicted.all():
            raise InputError(
                f'{int((~predicted).sum())} of {self.num_data} frames were not predicted, frame '
                f'{int((~predicted).argmax())} first'
            )

    def _report_pve(self, res_file: dict, metric: str = 'pve', body_part: str = '') -> list[tuple[str, float]]:
        """mmhuman3d's PVE, with the two meshes of a few hundred frames in memory at a time."""
        smpl = self.human_data['smpl']
        gender = torch.tensor([0.0 if letter == 'm' else 1.0 for letter in self.human_data['meta']['gender']])
        chunk, total = self.body_model.chunk, 0.0
        for start in range(0, self.num_data, chunk):
            part = slice(start, start + chunk)
            pose = torch.as_tensor(np.stack(res_file['poses'][part])).float()
            betas = torch.as_tensor(np.stack(res_file['betas'][part])).float()
            target = self.body_model(gender=gender[part], **{k: torch.as_tensor(v[part]) for k, v in smpl.items()})
            pred = self.body_model(
                gender=gender[part], betas=betas, body_pose=pose[:, 1:], global_orient=pose[:, :1], pose2rot=False
            )
            error = vertice_pve(*(1000 * output['vertices'].cpu().numpy() for output in (pred, target)))
            total += float(error) * len(pose)
        return [(metric.upper(), total / self.num_data)]


def _check_arguments(seq_len: int, overlap: float, context: int, pool: str | None, convention: str) -> None:
    if not isinstance(seq_len, int) or seq_len < 1:
        raise InputError(f'seq_len is {seq_len!r}, expected a positive integer')
    if not 0 <= overlap < 1:
        raise InputError(f'overlap is {overlap}, expected a share of 0 or more and less than 1')
    if context < 0 or context % 2:
        raise InputError(f'context is {context}, expected an even number, the num_frames of the model, or 0')
    if pool not in POOLS:
        raise InputError(f"pool is {pool!r}, expected '2d', '3d' or None")
    if convention not in KEYPOINTS_FACTORY:
        raise InputError(f'convention is {convention!r}, which mmhuman3d does not have; expected smpl_49, for example')


def _window_pipeline(pipeline: Sequence[dict] | None, keys: Sequence[str]) -> Compose:
    if pipeline is None:
        pipeline = [
            {'type': 'ToTensor', 'keys': list(keys)},
            {'type': 'Collect', 'keys': list(keys), 'meta_keys': META_KEYS},
        ]
    composed = Compose(pipeline)
    for step in composed.transforms:
        name, module = type(step).__name__, type(step).__module__
        if module.startswith('mmhuman3d.') and name not in WINDOW_STEPS:
            raise InputError(
                f'pipeline: {name} works on single frames, expected steps for whole windows '
                f'({", ".join(WINDOW_STEPS)}, your own); leave it out: 2D keypoints are in crops of 224 pixels already'
            )
    return composed
