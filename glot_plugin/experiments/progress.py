"""Progress of a long training."""

from collections.abc import Callable
from datetime import timedelta

from mmengine.hooks import Hook

Say = Callable[[str], None]  # receives a line of progress


class ProgressHook(Hook):
    """Reports one short line every `interval` iterations, and one per validation."""

    def __init__(self, say: Say, interval: int = 20) -> None:
        self.say, self.interval = say, interval

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs: dict | None = None) -> None:
        done = runner.iter + 1
        if done % self.interval == 0 or done == runner.max_iters:
            history = runner.message_hub.log_scalars
            left = history['train/time'].mean(self.interval) * (runner.max_iters - done)
            loss = history['train/loss'].mean(self.interval)
            remaining = timedelta(seconds=int(left))
            self.say(f'iteration {done:4d} of {runner.max_iters}, loss {loss:7.2f}, {remaining} left')

    def after_val_epoch(self, runner, metrics: dict | None = None) -> None:
        self.say('validation: ' + ', '.join(f'{name} {value:.1f} mm' for name, value in (metrics or {}).items()))
