"""Predicted against true skeletons over time."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from glot_plugin.body_model.joint_sets import LSP14, LSP14_BONES, LSP14_HIPS
from glot_plugin.errors import InputError
from glot_plugin.visualisation.canvas import COLOURS, TRUE_COLOUR, new_figure, save_figure

_VIEWS = {'from the front': (0, -1, 1), 'from the side': (2, -1, 1)}  # picture's x from axis, sign of up, up from axis
_HALF_WIDTH, _LOW, _HIGH = 0.75, -1.05, 1.05  # metres around the hips


def lsp14_of(joints: np.ndarray) -> np.ndarray:
    """The 14 LSP joints (N, 14, 3) of 49 (`spin49`) or 14 (`h36m14`) joints, centred on the midpoint of the hips."""
    joints = np.asarray(joints, dtype=np.float64)
    if joints.ndim != 3 or joints.shape[1] not in (14, 49) or joints.shape[2] != 3:
        raise InputError(f'joints have shape {joints.shape}, expected (N, 14, 3) or (N, 49, 3)')
    joints = joints[:, list(LSP14)] if joints.shape[1] == 49 else joints
    return joints - joints[:, list(LSP14_HIPS)].mean(1, keepdims=True)


def draw_skeletons_over_time(
    predicted: np.ndarray,
    true: np.ndarray,
    frames: Sequence[int],
    path: str | Path,
    title: str = 'Predicted and true skeletons over time',
) -> Path:
    """Draws both skeletons of some frames of a track, from the front and from the side, and saves the picture.

    Args:
        predicted: (N, J, 3) metres in the camera frame (y down), J 14 or 49.
        true: (N, J', 3), the same frames; J' may differ from J.
        frames: Which of the N frames, one column each.
        path: The picture's file.
        title: Above the panels.

    Raises:
        InputError: Arrays of other shapes, or a frame out of range.
    """
    predicted, true = lsp14_of(predicted), lsp14_of(true)
    if len(predicted) != len(true):
        raise InputError(f'{len(predicted)} predicted and {len(true)} true frames, expected equal numbers')
    outside = [frame for frame in frames if not 0 <= frame < len(true)]
    if outside or not len(frames):
        raise InputError(f'frames {outside or "(none)"}: expected frames between 0 and {len(true) - 1}')
    figure = new_figure(1.5 * len(frames) + 0.8, 5.6)
    panels = figure.subplots(len(_VIEWS), len(frames), sharex=True, sharey=True, squeeze=False)
    for row, (view, axes) in zip(panels, _VIEWS.items(), strict=True):
        for panel, frame in zip(row, frames, strict=True):
            _draw_skeleton(panel, true[frame], axes, TRUE_COLOUR, 'true', 2.6)
            _draw_skeleton(panel, predicted[frame], axes, COLOURS[0], 'predicted', 1.6)
            _frame_panel(panel)
        row[0].set_ylabel(f'{view}\nmetres')
    for panel, frame in zip(panels[0], frames, strict=True):
        panel.set_title(f'frame {frame}', fontsize=9)
    for panel in panels[-1]:
        panel.set_xlabel('metres', fontsize=8)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc='outside lower center', ncols=2, frameon=False)
    figure.suptitle(title)
    return save_figure(figure, path)


def _draw_skeleton(
    panel, joints: np.ndarray, axes: tuple[int, int, int], colour: str, label: str, width: float
) -> None:
    across, sign, up = axes
    plane = np.stack([joints[:, across], sign * joints[:, up]], axis=-1)
    for number, bone in enumerate(LSP14_BONES):
        ends = plane[list(bone)]
        name = label if number == 0 else None
        panel.plot(ends[:, 0], ends[:, 1], color=colour, linewidth=width, solid_capstyle='round', label=name)
    panel.plot(plane[13, 0], plane[13, 1], 'o', color=colour, markersize=2 * width)  # the head


def _frame_panel(panel) -> None:
    panel.set_xlim(-_HALF_WIDTH, _HALF_WIDTH)
    panel.set_ylim(_LOW, _HIGH)
    panel.set_aspect('equal')
    panel.tick_params(labelsize=7)
    panel.set_xticks((-0.5, 0.0, 0.5))
    panel.grid(alpha=0.25)
