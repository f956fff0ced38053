"""The training loop: iteration-based, resumed without replaying data."""

from collections.abc import Iterator

import torch
from mmengine.hooks import CheckpointHook
from mmengine.runner import IterBasedTrainLoop

from glot_plugin.datasets import WindowDataset
from glot_plugin.datasets.residency import resident_windows
from glot_plugin.engine.batches import BatchesAhead
from glot_plugin.errors import InputError
from glot_plugin.evaluation.track_metric import TrackMetric
from glot_plugin.registry import LOOPS


@LOOPS.register_module()
class ResumableTrainLoop(IterBasedTrainLoop):
    """mmengine's iteration-based loop, for batch samplers that can start at any batch (`set_start`).

    mmengine's own loop reads the data that was already used again to skip it. Here the sampler starts where the run
    stopped. If a validation was due at that point, it is run first: the run may have stopped before it.

    The arguments are those of mmengine's `IterBasedTrainLoop`.
    """

    _loaded: Iterator | None = None

    def run(self):
        """Train to `max_iters`.

        Raises:
            InputError: `val_interval` is below 1, or validation lacks the metric that selects the best checkpoint.
        """
        self.dataloader_iterator = None  # mmengine's iterator is not used
        try:
            self._run()
        finally:
            self._stop_workers()
        return self.runner.model

    def _run(self) -> None:
        if self.runner.val_loop is not None:
            self._check_validation()
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        sampler = self.dataloader.batch_sampler
        # A resumed run keeps the seed of the original run.
        sampler.seed = self.runner.seed
        sampler.set_start(self._iter)
        if self._iter > 0:
            self.runner.logger.info(f'Resumed at iteration {self._iter}')
            self._validate_if_due()
        self._train()
        self.runner.call_hook('after_train_epoch')
        self.runner.call_hook('after_train')

    def _train(self) -> None:
        device = next(self.runner.model.parameters()).device
        ahead = BatchesAhead(self._batches(device), device)
        self.runner.model.train()
        while self._iter < self._max_iters and not self.stop_training:
            self.run_iter(ahead.take())
            self._decide_current_val_interval()
            if self._iter < self._max_iters:
                ahead.fetch()  # the device still has the iteration to do
            self._validate_if_due()

    def _batches(self, device: torch.device) -> Iterator:
        """Batches from the loader, or from frames on a device, or windows of some stores from each."""
        dataset = self.dataloader.dataset
        resident = resident_windows(dataset, device) if isinstance(dataset, WindowDataset) else None
        if resident is not None:
            self._stop_workers()  # mmengine has started them
            if len(resident.stores) == len(dataset.stores):
                return (self.dataloader.collate_fn(resident.fetch(clips)) for clips in self.dataloader.batch_sampler)
            dataset.leave_out(resident.stores)
        self._loaded = iter(self.dataloader)
        return self._loaded if resident is None else map(resident.complete, self._loaded)

    def _stop_workers(self) -> None:
        """Stop the workers now; when garbage-collected with the runner, each would block for five seconds."""
        iterators, self._loaded, self.dataloader._iterator = (self._loaded, self.dataloader._iterator), None, None
        for iterator in iterators:
            if hasattr(iterator, '_shutdown_workers'):  # absent if the main process loads the data
                iterator._shutdown_workers()

    def _check_validation(self) -> None:
        if self.val_interval < 1:
            raise InputError(f'train_cfg.val_interval is {self.val_interval}, expected at least 1')
        metrics = self.runner.val_loop.evaluator.metrics
        if not all(isinstance(metric, TrackMetric) for metric in metrics):
            return  # other metrics do not declare their names
        names = [f'{metric.prefix}/{name}' if metric.prefix else name for metric in metrics for name in metric.metrics]
        for hook in self.runner.hooks:
            wanted = hook.key_indicators if isinstance(hook, CheckpointHook) and hook.save_best else ()
            unknown = [name for name in wanted if name not in ('auto', *names)]
            if unknown:
                raise InputError(
                    f'default_hooks.checkpoint.save_best: val_evaluator gives no {", ".join(unknown)}; '
                    f'expected one of {", ".join(names)}'
                )

    def _validate_if_due(self) -> None:
        due = self._iter % self.val_interval == 0 or self._iter == self._max_iters
        if self.runner.val_loop is not None and self._iter >= self.val_begin and due:
            self.runner.val_loop.run()
            self.runner.model.train()
