"""Curves: the error along a track and the progress of a training."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.visualisation.canvas import (
    COLOURS,
    PAPER_WIDTH,
    TRUE_COLOUR,
    new_figure,
    print_style,
    save_figure,
    save_for_print,
)

_SMOOTHING_SHARE = 0.02  # of the logged iterations in the running mean of a loss


def draw_track_error(
    errors: Mapping[str, np.ndarray],
    path: str | Path,
    title: str = 'Error per frame of a track',
    shaded: np.ndarray | None = None,
    shaded_label: str = 'joints hidden',
) -> Path:
    """Draws the error of every frame of a track and saves the picture.

    Args:
        errors: Name to (N,) millimetres, one line each; the legend gives the means.
        path: The picture's file.
        title: Above the panel.
        shaded: (N,) bool, frames with a grey background.
        shaded_label: What the background means.

    Raises:
        InputError: No errors, or of unequal lengths.
    """
    lines = _equally_long(errors)
    figure = new_figure(9, 3.6)
    panel = figure.subplots()
    for colour, (name, values) in zip(COLOURS, lines.items(), strict=False):
        mean = np.nanmean(values)
        panel.plot(np.arange(len(values)), values, color=colour, linewidth=1.5, label=f'{name} (mean {mean:.1f} mm)')
    if shaded is not None and np.any(shaded):
        across = panel.get_xaxis_transform()
        frames = np.arange(len(shaded))
        panel.fill_between(
            frames, 0, 1, where=shaded, transform=across, step='mid', color='0.85', linewidth=0, label=shaded_label
        )
    panel.set_xlabel('frame')
    panel.set_ylabel('error (mm)')
    panel.set_ylim(bottom=0)
    panel.margins(x=0.01)
    panel.grid(alpha=0.3)
    panel.legend(frameon=False, fontsize=9)
    panel.set_title(title)
    return save_figure(figure, path)


def draw_acceleration_errors(errors: Mapping[str, np.ndarray], stem: str | Path, first_frame: int = 0) -> list[Path]:
    """Draws the acceleration error of every frame of one or several results; saves PDF and PNG.

    Args:
        errors: Name to (N,) mm per frame², one line each; NaN where there is none. The legend gives the means.
        stem: Path of the pictures without suffix.
        first_frame: Number of the first of the N frames.

    Raises:
        InputError: No errors, or of unequal lengths.
    """
    lines = _equally_long(errors)
    with print_style():
        figure = new_figure(PAPER_WIDTH, 2.2)
        panel = figure.subplots()
        for colour, (name, values) in zip(COLOURS, lines.items(), strict=False):
            label = f'{name} (mean {np.nanmean(values):.1f} mm/frame²)'
            panel.plot(first_frame + np.arange(len(values)), values, color=colour, linewidth=1.2, label=label)
        panel.set_xlabel('frame of the track')
        panel.set_ylabel('acceleration error (mm/frame²)')
        panel.set_ylim(bottom=0)
        panel.margins(x=0.01)
        figure.legend(loc='outside upper center', ncols=len(lines), frameon=False)
        return save_for_print(figure, Path(stem))


def _equally_long(errors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    lines = {name: np.asarray(values, dtype=np.float64) for name, values in errors.items()}
    shapes = {values.shape for values in lines.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 1:
        raise InputError(f'errors have shapes {sorted(shapes)}, expected one shape (N,)')
    return lines


def draw_training_curve(
    iterations: np.ndarray,
    loss: np.ndarray,
    path: str | Path,
    validation_iterations: np.ndarray | None = None,
    validation_error: np.ndarray | None = None,
    validation_label: str = 'validation PA-MPJPE (mm)',
    title: str = 'Training',
) -> Path:
    """Draws the loss with its running mean, and the validation error on an axis of its own; saves the picture.

    Args:
        iterations: (L,) of the logged losses.
        loss: (L,).
        path: The picture's file.
        validation_iterations: (K,).
        validation_error: (K,), in the unit that `validation_label` names.
        validation_label: Label of the right axis.
        title: Above the panel.

    Raises:
        InputError: Arrays of unequal lengths, or no loss.
    """
    iterations, loss = np.asarray(iterations), np.asarray(loss, dtype=np.float64)
    if iterations.shape != loss.shape or loss.ndim != 1 or not len(loss):
        raise InputError(
            f'iterations {iterations.shape} and losses {loss.shape}, expected one shape (L,), L at least 1'
        )
    figure = new_figure(8, 4)
    panel = figure.subplots()
    panel.plot(iterations, loss, color=COLOURS[1], alpha=0.3, linewidth=1)
    handles = panel.plot(iterations, _running_mean(loss), color=COLOURS[1], linewidth=2, label='training loss')
    panel.set_xlabel('iteration')
    panel.set_ylabel('training loss')
    if (loss > 0).all():
        panel.set_yscale('log')
        panel.yaxis.set_major_formatter('{x:g}')
        panel.yaxis.set_minor_formatter(_label_few)
        panel.tick_params(axis='y', which='minor', labelsize=8)
    panel.grid(alpha=0.3)
    if validation_error is not None:
        if np.shape(validation_iterations) != np.shape(validation_error):
            raise InputError(
                f'validation: {np.shape(validation_iterations)} iterations and {np.shape(validation_error)} errors, '
                'expected as many'
            )
        right = panel.twinx()
        handles += right.plot(
            validation_iterations, validation_error, 'o-', color=COLOURS[0], linewidth=1.5, label=validation_label
        )
        right.set_ylabel(validation_label)
        right.set_ylim(0, 1.1 * np.max(validation_error))
        right.tick_params(axis='y', colors=TRUE_COLOUR)
    panel.legend(handles=handles, frameon=False, loc='upper right')
    panel.set_title(title)
    return save_figure(figure, path)


def draw_learning_curves(lines: Mapping[str, tuple[np.ndarray, np.ndarray]], path: str | Path, label: str) -> Path:
    """Draws how an error fell in trainings: the mean of several seeds, and the range of them; saves the picture.

    Args:
        lines: Name to iterations (K,), and errors (S, K) of S seeds there.
        path: The picture's file.
        label: What the error is, with its unit.

    Raises:
        InputError: No lines, or iterations and errors that do not fit each other.
    """
    if not lines:
        raise InputError('no learning curves, expected at least one')
    figure = new_figure(8, 4)
    panel = figure.subplots()
    for colour, (name, (iterations, errors)) in zip(COLOURS, lines.items(), strict=False):
        if np.ndim(errors) != 2 or np.shape(errors)[1:] != np.shape(iterations) or not len(errors):
            raise InputError(
                f'{name}: iterations {np.shape(iterations)} and errors {np.shape(errors)}, expected (K,) and (S, K)'
            )
        seeds = f'{len(errors)} seed{"s" if len(errors) > 1 else ""}'
        mean = np.mean(errors, axis=0)
        panel.plot(iterations, mean, 'o-', color=colour, linewidth=1.5, markersize=4, label=f'{name} ({seeds})')
        panel.fill_between(
            iterations, np.min(errors, axis=0), np.max(errors, axis=0), color=colour, alpha=0.2, linewidth=0
        )
    panel.set_xlabel('iteration')
    panel.set_ylabel(label)
    panel.grid(alpha=0.3)
    panel.legend(frameon=False)
    return save_figure(figure, path)


def draw_loss_curves(losses: Mapping[str, np.ndarray], path: str | Path, title: str = 'Training loss') -> Path:
    """Draws the running means of the losses of several trainings over each other; saves the picture.

    Args:
        losses: Name to (L,), the loss of each iteration.
        path: The picture's file.
        title: Above the panel.

    Raises:
        InputError: No losses, or of unequal lengths.
    """
    lines = _equally_long(losses)
    figure = new_figure(8, 4)
    panel = figure.subplots()
    styles = [(colour, dashes) for dashes in ('-', '--') for colour in COLOURS]
    for (colour, dashes), (name, values) in zip(styles, lines.items(), strict=False):
        panel.plot(1 + np.arange(len(values)), _running_mean(values), dashes, color=colour, linewidth=1.2, label=name)
    panel.set_xlabel('iteration')
    panel.set_ylabel('training loss')
    if all((values > 0).all() for values in lines.values()):
        panel.set_yscale('log')
    panel.grid(alpha=0.3)
    panel.legend(frameon=False)
    panel.set_title(title)
    return save_figure(figure, path)


def _label_few(value: float, _position: int | None = None) -> str:
    """Labels 2 and 5 between the powers of ten, and no others."""
    return f'{value:g}' if f'{value:e}'[0] in '25' else ''


def _running_mean(values: np.ndarray) -> np.ndarray:
    """Mean over a centred window, cut at both ends; values (L,)."""
    width = max(1, int(_SMOOTHING_SHARE * len(values))) // 2 * 2 + 1
    padded = np.pad(values, width // 2)
    kernel = np.ones(width)
    inside = np.convolve(np.pad(np.ones(len(values)), width // 2), kernel, mode='valid')
    return np.convolve(padded, kernel, mode='valid') / inside
