"""The last stage of a clip: `overlay.mp4`, `side.mp4` and single frames, drawn once for the same bodies."""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from glot_plugin.body_model import SMPLBody
from glot_plugin.errors import InputError
from glot_plugin.io.files import atomic_write
from glot_plugin.io.json_file import read_json
from glot_plugin.io.progress import progress_bar
from glot_plugin.video.clip import Clip
from glot_plugin.video.drawing import OverlayPainter, PeopleMeshes, SidePainter
from glot_plugin.video.read_ahead import read_ahead
from glot_plugin.video.result import TRACKS_FILE, VideoResult
from glot_plugin.video.writer import VideoWriter

OVERLAY, SIDE, FRAMES_FOLDER = 'overlay.mp4', 'side.mp4', 'frames'
SIDE_HEIGHT = 1080  # of side.mp4, which is two pictures wide; the overlay keeps the clip's size
DRAWN_FILE = '.drawn.json'  # what the pictures in the folder were drawn from


@dataclass(frozen=True)
class DrawOptions:
    """What is drawn.

    Attributes:
        side: `side.mp4`, the overlay and a view from the side beside each other.
        frames: The overlay of each frame as `frames/000000.jpg`.
    """

    side: bool = True
    frames: bool = False


def draw_clip(
    clip: Clip, result: VideoResult, body: SMPLBody, folder: Path, options: DrawOptions, progress: bool = True
) -> list[Path]:
    """Draw a clip's result into a folder; what the same bodies left there is kept.

    Decoding, drawing and encoding run side by side. A video appears when it is complete.

    Args:
        clip: The frames.
        result: The bodies, in the folder already (`tracks.npz`).
        body: SMPL body of the result's gender.
        folder: For the pictures.
        options: What is drawn.
        progress: Show a progress bar.

    Returns:
        The videos, and the folder of frames where there is one.

    Raises:
        InputError: A package is missing, a frame cannot be read, or a file cannot be written.
    """
    paths = [folder / OVERLAY]
    paths += [folder / SIDE] if options.side else []
    paths += [folder / FRAMES_FOLDER] if options.frames else []
    digest = hashlib.sha256((folder / TRACKS_FILE).read_bytes()).hexdigest()
    if _drawn(folder) == digest and all(path.exists() for path in paths):
        return paths
    (folder / DRAWN_FILE).unlink(missing_ok=True)
    _draw(clip, result, body, folder, options, progress)
    with atomic_write(folder / DRAWN_FILE) as file:
        json.dump({TRACKS_FILE: digest}, file)
    return paths


def _drawn(folder: Path) -> str | None:
    try:
        return read_json(folder / DRAWN_FILE)[TRACKS_FILE]
    except (InputError, KeyError, TypeError):
        return None


def _draw(clip: Clip, result: VideoResult, body: SMPLBody, folder: Path, options: DrawOptions, progress: bool) -> None:
    sound = clip.files[0] if len(clip.files) == 1 else None
    with contextlib.ExitStack() as stack:
        overlay_video = stack.enter_context(VideoWriter(folder / OVERLAY, result.fps, sound))
        side_video = stack.enter_context(VideoWriter(folder / SIDE, result.fps, sound)) if options.side else None
        bar = stack.enter_context(progress_bar(progress))
        task = bar.add_task('drawing', total=result.num_frames)
        for number, time, overlay, side in read_ahead(_paint(clip, result, body, options.side)):
            overlay_video.write(time, overlay)
            if side_video is not None:
                small = cv2.resize(overlay, side.shape[1::-1], interpolation=cv2.INTER_AREA)
                side_video.write(time, np.concatenate([small, side], axis=1))
            if options.frames:
                _write_picture(folder / FRAMES_FOLDER / f'{number:06d}.jpg', overlay)
            bar.advance(task)


def _paint(
    clip: Clip, result: VideoResult, body: SMPLBody, with_side: bool
) -> Iterator[tuple[int, float, np.ndarray, np.ndarray | None]]:
    """Number, time, overlay and side view of each frame that the result knows."""
    meshes = PeopleMeshes(result, body)
    overlay = OverlayPainter(result, meshes)
    side = SidePainter(result, meshes, *_side_size(result.size)) if with_side else None
    for frame in read_ahead(clip.frames()):
        if frame.number >= result.num_frames:
            return
        yield (
            frame.number,
            frame.time,
            overlay.paint(frame.number, frame.image),
            None if side is None else side.paint(frame.number),
        )


def _side_size(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the side view."""
    scale = min(SIDE_HEIGHT / size[1], 1)
    return round(scale * size[0]), round(scale * size[1])


def _write_picture(path: Path, image: np.ndarray) -> None:
    with atomic_write(path, 'wb') as file:
        file.write(cv2.imencode('.jpg', cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92])[1])
