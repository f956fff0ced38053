"""A shaded picture of a mesh with matplotlib alone: no display, no OpenGL."""

from pathlib import Path

import numpy as np

from glot_plugin.errors import InputError
from glot_plugin.visualisation.canvas import new_figure, save_figure

VIEWS = {  # the direction that points right in the picture and the one that points at the viewer; up is +y
    'front': ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
    'back': ((-1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    'side': ((0.0, 0.0, 1.0), (-1.0, 0.0, 0.0)),
    'three-quarter': ((0.8, 0.0, -0.6), (0.6, 0.0, 0.8)),
}
_MARGIN, _LEAST_WIDTH = 0.05, 0.7  # metres
SKIN = np.array([0.80, 0.66, 0.58])


def draw_mesh(
    vertices: np.ndarray,
    faces: np.ndarray,
    path: str | Path,
    views: tuple[str, ...] = ('front', 'side'),
    title: str = '',
    y_down: bool = False,
) -> Path:
    """Draws a triangle mesh, one panel per view, far faces first, and saves the picture.

    Args:
        vertices: (V, 3) metres; or (M, V, 3) for several meshes, one row of panels each.
        faces: (F, 3) vertex indices, outward normals.
        path: The picture's file; its suffix sets the format.
        views: Any of `VIEWS`.
        title: Above the panels.
        y_down: The vertices are in the camera's frame (y down, z away): turned by pi about x for display.

    Raises:
        InputError: An unknown view, or vertices of another shape.
    """
    unknown = [view for view in views if view not in VIEWS]
    if unknown:
        raise InputError(f'views {unknown}: expected some of {", ".join(VIEWS)}')
    meshes = np.asarray(vertices, dtype=np.float64)
    meshes = meshes[None] if meshes.ndim == 2 else meshes
    if meshes.ndim != 3 or meshes.shape[2] != 3:
        raise InputError(f'vertices have shape {np.shape(vertices)}, expected (V, 3) or (M, V, 3)')
    if y_down:
        meshes = meshes * np.array([1.0, -1.0, -1.0])
    figure = new_figure(4.2 * len(views), 4.6 * len(meshes))
    axes = figure.subplots(len(meshes), len(views), squeeze=False)
    for row, mesh in zip(axes, meshes, strict=True):
        for panel, view in zip(row, views, strict=True):
            _draw_view(panel, mesh, np.asarray(faces), *VIEWS[view])
            panel.set_title(view)
    figure.suptitle(title)
    return save_figure(figure, path)


def _draw_view(panel, vertices: np.ndarray, faces: np.ndarray, right: tuple, viewer: tuple) -> None:
    paint_mesh(panel, vertices, faces, right, viewer)
    plane = np.stack([vertices @ np.array(right), vertices[:, 1]], axis=-1)
    low, high = plane.min(0) - _MARGIN, plane.max(0) + _MARGIN
    widening = max(0.0, _LEAST_WIDTH - (high[0] - low[0])) / 2
    panel.set_xlim(low[0] - widening, high[0] + widening)
    panel.set_ylim(low[1], high[1])
    panel.locator_params(axis='x', nbins=4)
    panel.set_aspect('equal')
    panel.set_xlabel('metres')
    panel.set_ylabel('metres')


def paint_mesh(
    panel,
    vertices: np.ndarray,
    faces: np.ndarray,
    right: tuple[float, float, float],
    viewer: tuple[float, float, float],
    colours: np.ndarray = SKIN,
    rasterized: bool = False,
) -> None:
    """Paint the faces that look at the viewer into matplotlib's axes, far ones first, shaded.

    Args:
        panel: The axes.
        vertices: (V, 3) metres, y up.
        faces: (F, 3) vertex indices, outward normals.
        right, viewer: The directions of a view, from `VIEWS`.
        colours: (3,), or (F, 3) for one per face: red, green and blue in [0, 1].
        rasterized: As pixels in vector pictures too: thousands of faces make large files.
    """
    from matplotlib.collections import PolyCollection

    plane = np.stack([vertices @ np.array(right), vertices[:, 1]], axis=-1)
    depth = vertices @ np.array(viewer)
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)
    front = normals @ np.array(viewer) > 0
    order = np.flatnonzero(front)[np.argsort(depth[faces[front]].mean(-1))]
    light = np.array(viewer) + 0.5 * np.array([0.0, 1.0, 0.0]) + 0.4 * np.array(right)
    brightness = 0.35 + 0.65 * np.clip(normals[order] @ light / np.linalg.norm(light), 0, 1)
    colours = np.broadcast_to(colours, (len(faces), 3))[order]
    shaded = np.clip(brightness[:, None] * colours * 1.15, 0, 1)
    polygons = PolyCollection(plane[faces[order]], facecolors=shaded, edgecolors=shaded, linewidths=0.2)
    polygons.set_rasterized(rasterized)
    panel.add_collection(polygons)
