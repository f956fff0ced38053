"""Pictures of the people of a clip: their meshes over the frames, and seen from the side."""

import cv2
import numpy as np
import torch

from glot_plugin.body_model import SMPLBody
from glot_plugin.video.result import VideoResult
from glot_plugin.visualisation.mesh_renderer import MeshRenderer
from glot_plugin.visualisation.palette import person_colour

OPACITY = 0.85  # of the mesh: what is behind it can still be made out
BACKGROUND = 0.96  # grey value behind the side view
FRAMES_AT_ONCE = 16  # whose meshes are in memory
_STEP = 128  # pixels; sizes of the renderer's window are multiples, so that it seldom changes


class PeopleMeshes:
    """The meshes of the people in each frame, made in chunks of frames as they are asked for in order.

    Args:
        result: The bodies.
        body: The SMPL body of the result's gender.
    """

    def __init__(self, result: VideoResult, body: SMPLBody) -> None:
        self.body = body
        self.person = np.concatenate([np.full(len(track), track.person) for track in result.people] or [[]]).astype(int)
        self._frame = np.concatenate([track.frame for track in result.people] or [[]]).astype(int)
        self._rows = {
            name: np.concatenate([getattr(track, name) for track in result.people]) if result.people else None
            for name in ('rotmat', 'betas', 'translation')
        }
        self._order = np.argsort(self._frame, kind='stable')
        self._starts = np.searchsorted(self._frame[self._order], np.arange(result.num_frames + 1))
        self._chunk: tuple[int, dict[int, np.ndarray]] = (-1, {})

    def people(self, frame: int) -> list[int]:
        """Identities of the people in a frame."""
        return self.person[self._of(frame)].tolist()

    def vertices(self, frame: int) -> list[np.ndarray]:
        """Their vertices (6890, 3) in metres, camera coordinates."""
        number = frame // FRAMES_AT_ONCE
        if self._chunk[0] != number:
            self._chunk = (number, self._make(number * FRAMES_AT_ONCE))
        return [self._chunk[1][row] for row in self._of(frame)]

    def _of(self, frame: int) -> np.ndarray:
        return self._order[self._starts[frame] : self._starts[frame + 1]]

    @torch.no_grad()
    def _make(self, start: int) -> dict[int, np.ndarray]:
        stop = min(start + FRAMES_AT_ONCE, len(self._starts) - 1)
        rows = self._order[self._starts[start] : self._starts[stop]]
        if not len(rows):
            return {}
        device = self.body.v_template.device
        rotmat, betas = (torch.from_numpy(self._rows[name][rows]).to(device) for name in ('rotmat', 'betas'))
        vertices = self.body.vertices(rotmat, betas).cpu().numpy() + self._rows['translation'][rows, None]
        return dict(zip(rows.tolist(), vertices, strict=True))


class OverlayPainter:
    """Draw the people over the frames of their clip, as the camera sees them."""

    def __init__(self, result: VideoResult, meshes: PeopleMeshes) -> None:
        self._meshes, self._focal_length = meshes, result.focal_length
        self._renderer: MeshRenderer | None = None

    def paint(self, frame: int, image: np.ndarray) -> np.ndarray:
        """A copy of the frame (H, W, 3) uint8 RGB with the people in it."""
        painted = image.copy()
        vertices = self._meshes.vertices(frame)
        rectangle = self._rectangle(vertices, image.shape[1], image.shape[0])
        if rectangle is None:
            return painted
        x, y, width, height = rectangle
        renderer = self._fitting_renderer(width, height)
        colours = [person_colour(person) for person in self._meshes.people(frame)]
        centre = (image.shape[1] / 2 - x, image.shape[0] / 2 - y)
        drawn, covered = renderer.render(vertices, colours, self._focal_length, centre)
        part = painted[y : y + height, x : x + width]
        blended = cv2.addWeighted(drawn[:height, :width], OPACITY, part, 1 - OPACITY, 0)
        cv2.copyTo(blended, covered[:height, :width], part)
        return painted

    def _rectangle(self, meshes: list[np.ndarray], width: int, height: int) -> tuple[int, int, int, int] | None:
        """The part of the picture that the people cover: x, y, width, height; None where they cover none."""
        if not meshes:
            return None
        points = np.concatenate(meshes)
        points = points[points[:, 2] > 0]
        pixels = self._focal_length * points[:, :2] / points[:, 2:] + (width / 2, height / 2)
        low = np.clip(np.floor(pixels.min(axis=0)), 0, (width, height)).astype(int)
        high = np.clip(np.ceil(pixels.max(axis=0)) + 1, 0, (width, height)).astype(int)
        extent = high - low
        return (*low.tolist(), *extent.tolist()) if (extent > 0).all() else None

    def _fitting_renderer(self, width: int, height: int) -> MeshRenderer:
        """One at least as large; made anew only where the last one is too small."""
        old = self._renderer
        if old is None or old.width < width or old.height < height:
            least = (0, 0) if old is None else (old.width, old.height)
            rounded = (-(-length // _STEP) * _STEP for length in (width, height))
            sizes = (max(pair) for pair in zip(rounded, least, strict=True))
            if old is not None:
                old.close()
            self._renderer = MeshRenderer(self._meshes.body.faces, *sizes)
        return self._renderer


class SidePainter:
    """Draw the people as seen from the left edge of the picture: turned by 90 degrees about the vertical axis.

    Args:
        result: The bodies; how far away the side's camera stands follows from all their frames.
        meshes: Of the same result.
        width: Of the pictures, pixels.
        height: Of the pictures, pixels.
    """

    def __init__(self, result: VideoResult, meshes: PeopleMeshes, width: int, height: int) -> None:
        self._meshes = meshes
        self._focal_length = float(max(width, height))
        self._renderer = MeshRenderer(meshes.body.faces, width, height, BACKGROUND)
        joints = [track.joints3d + track.translation[:, None] for track in result.people]
        points = np.concatenate([track.reshape(-1, 3) for track in joints] or [np.zeros((1, 3))])
        # Percentiles: one bad frame must not make everybody small.
        low, high = np.percentile(points, [2, 98], axis=0)
        self._middle = (low + high) / 2
        half = (high - low) / 2 + 0.35  # metres: the body around its joints
        needed = max(half[2] / (width / 2), half[1] / (height / 2)) * self._focal_length
        self._distance = needed + half[0]

    def paint(self, frame: int) -> np.ndarray:
        """(height, width, 3) uint8 RGB."""
        turned = [self._turn(vertices) for vertices in self._meshes.vertices(frame)]
        colours = [person_colour(person) for person in self._meshes.people(frame)]
        centre = (self._renderer.width / 2, self._renderer.height / 2)
        return self._renderer.render(turned, colours, self._focal_length, centre)[0]

    def _turn(self, vertices: np.ndarray) -> np.ndarray:
        x, y, z = (vertices - self._middle).T
        return np.stack([-z, y, x + self._distance], axis=1).astype(np.float32)
