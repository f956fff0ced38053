"""Progress of long work: a bar on a terminal, a line now and then where the output goes into a file."""

import time

from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

LOG_SECONDS = 30


def progress_bar(enabled: bool = True, unit: str = 'frames') -> Progress:
    """The bar that long work shows: what is done, its share, the time left.

    Where the output is not a terminal, as in batch jobs, a line is printed every 30 seconds instead.

    Args:
        enabled: Show it.
        unit: What is counted.
    """
    columns = (
        TextColumn('{task.description}'),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn(f'{{task.completed:.0f}} of {{task.total:.0f}} {unit}'),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, disable=not enabled)
    if not enabled or bar.console.is_terminal:
        return bar
    return _ProgressLines(unit)


class _ProgressLines(Progress):
    """A progress that draws nothing and prints lines."""

    def __init__(self, unit: str) -> None:
        super().__init__(disable=True)
        self._unit, self._printed = unit, time.monotonic()

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        super().advance(task_id, advance)
        task = next(task for task in self.tasks if task.id == task_id)
        if time.monotonic() - self._printed < LOG_SECONDS or not task.total:
            return
        self._printed = time.monotonic()
        left = '' if task.time_remaining is None else f', {task.time_remaining / 60:.1f} minutes left'
        done = f'{task.completed:.0f} of {task.total:.0f} {self._unit} ({task.percentage:.0f} %)'
        print(f'{task.description}: {done}{left}', flush=True)
