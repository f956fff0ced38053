"""One closed triangle mesh of the body's surface with exactly SMPL's 6890 vertices and 13776 faces.

A surface net (one vertex for every grid cell that the surface crosses, one quadrangle for every grid edge it crosses)
on a grid that is finer around the hands and the head, relaxed on the surface, then refined by splitting the longest
edges. A closed genus-0 mesh of V vertices has 2 V - 4 faces, so the right number of vertices gives the right faces.
"""

import numpy as np
from scipy import sparse

from glot_plugin.body_model.synthetic.anatomy import GROUND
from glot_plugin.body_model.synthetic.surface import body_distance, project_to_surface

NUM_VERTICES = 6890

_CELL = 0.0224
_HAND_CELL, _HEAD_CELL = 0.36, 0.62  # as shares of the cell
_ARM_HEIGHT, _ARM_DEPTH = 1.397 + GROUND, -0.038


def _smooth_step(values: np.ndarray, start: float, end: float) -> np.ndarray:
    share = np.clip((values - start) / (end - start), 0, 1)
    return share * share * (3 - 2 * share)


def _axis(start: float, end: float, cell_size) -> np.ndarray:
    """Positions from `start` to at least `end` with spacings `cell_size(position)`."""
    positions = [start]
    while positions[-1] < end:
        positions.append(positions[-1] + float(cell_size(np.array(positions[-1]))))
    return np.array(positions)


def _grid() -> np.ndarray:
    """Points (X, Y, Z, 3) of a curvilinear grid, symmetric in x, that narrows towards the hands and the head."""
    half = _axis(0.0, 0.92, lambda x: _CELL * (1 - (1 - _HAND_CELL) * _smooth_step(x, 0.60, 0.70)))
    xs = np.concatenate([-half[:0:-1], half])
    ys = _axis(GROUND - 0.03, GROUND + 1.78, lambda y: _CELL * (1 - (1 - _HEAD_CELL) * _smooth_step(y, 0.30, 0.40)))
    zs = _axis(-0.30, 0.32, lambda z: _CELL)
    x, y, z = np.meshgrid(xs, ys, zs, indexing='ij')
    near_head = 1 - (1 - _HEAD_CELL) * _smooth_step(y, 0.30, 0.40) * (1 - _smooth_step(np.abs(x), 0.15, 0.25))
    near_hand = 1 - (1 - _HAND_CELL) * _smooth_step(np.abs(x), 0.58, 0.70)
    return np.stack(
        [
            x * near_head,
            _ARM_HEIGHT + (y - _ARM_HEIGHT) * near_hand,
            _ARM_DEPTH + (z - _ARM_DEPTH) * near_hand * near_head,
        ],
        axis=-1,
    )


def surface_net(points: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quadrangles of the zero set of `values` (X, Y, Z) sampled at `points` (X, Y, Z, 3).

    Returns:
        Vertices (V, 3), each the mean of the surface's crossings of one cell's edges, and quadrangles (Q, 4) with
        outward normals where the values are negative inside.
    """
    cells_shape = tuple(n - 1 for n in values.shape)
    crossings, cells, quads = [], [], []
    for axis in range(3):
        along, second, third = (np.eye(3, dtype=np.int64)[(axis + i) % 3] for i in range(3))
        start = np.argwhere(np.diff(np.signbit(values), axis=axis))
        end = start + along
        value_start, value_end = values[tuple(start.T)], values[tuple(end.T)]
        share = (value_start / (value_start - value_end))[:, None]
        crossings.append((1 - share) * points[tuple(start.T)] + share * points[tuple(end.T)])
        around = np.stack([start, start - second, start - second - third, start - third], axis=1)  # (E, 4, 3)
        cells.append(np.ravel_multi_index(tuple(np.moveaxis(around, -1, 0)), cells_shape))
        quads.append(np.where((value_start < 0)[:, None], cells[-1], cells[-1][:, ::-1]))
    used, numbers = np.unique(np.concatenate(cells), return_inverse=True)
    sums = np.zeros((len(used), 3))
    np.add.at(sums, numbers.reshape(-1, 4), np.concatenate(crossings)[:, None])
    vertices = sums / np.bincount(numbers.ravel())[:, None]
    return vertices, np.searchsorted(used, np.concatenate(quads))


def triangulate(vertices: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """Triangles (2 Q, 3): each quadrangle (Q, 4) is cut along its shorter diagonal."""
    a, b, c, d = (vertices[quads[:, i]] for i in range(4))
    cut_bd = np.linalg.norm(b - d, axis=-1) < np.linalg.norm(a - c, axis=-1)
    turned = np.where(cut_bd[:, None], np.roll(quads, -1, axis=1), quads)
    return np.concatenate([turned[:, [0, 1, 2]], turned[:, [0, 2, 3]]])


def unique_edges(faces: np.ndarray) -> np.ndarray:
    """The edges (E, 2) of triangles (F, 3), each once, smaller vertex first, sorted."""
    start, end = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1).T
    base = faces.max() + 1
    return np.stack(np.divmod(np.unique(start * base + end), base), axis=-1)


def neighbour_mean(faces: np.ndarray, num_vertices: int) -> sparse.csr_matrix:
    """The matrix (V, V) that replaces a value on every vertex by the mean over its neighbours."""
    edges = unique_edges(faces)
    rows, columns = np.concatenate([edges, edges[:, ::-1]]).T
    adjacency = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(num_vertices, num_vertices))
    return sparse.diags(1 / np.asarray(adjacency.sum(axis=1)).ravel()) @ adjacency


def relax(vertices: np.ndarray, faces: np.ndarray, iterations: int) -> np.ndarray:
    """Evens out the triangles: vertices (V, 3) move halfway to their neighbours' mean and back onto the surface."""
    mean = neighbour_mean(faces, len(vertices))
    for _ in range(iterations):
        vertices = project_to_surface(0.5 * vertices + 0.5 * (mean @ vertices), iterations=2)
    return vertices


def split_longest_edges(vertices: np.ndarray, faces: np.ndarray, num_vertices: int) -> tuple[np.ndarray, np.ndarray]:
    """Adds midpoints of the longest edges until there are `num_vertices`; two faces more for every vertex."""
    while len(vertices) < num_vertices:
        edges = unique_edges(faces)
        lengths = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=-1)
        start, end = edges[lengths.argmax()]
        touched = np.flatnonzero((faces == start).any(1) & (faces == end).any(1))
        middle = len(vertices)
        vertices = np.concatenate([vertices, vertices[[start, end]].mean(0, keepdims=True)])
        replaced = faces[touched]
        halves = [np.where(replaced == end, middle, replaced), np.where(replaced == start, middle, replaced)]
        faces = np.concatenate([np.delete(faces, touched, axis=0), *halves])
    return vertices, faces


def build_body_mesh() -> tuple[np.ndarray, np.ndarray]:
    """The rest-pose mesh: vertices (6890, 3) metres, faces (13776, 3), outward normals."""
    points = _grid()
    values = body_distance(points.reshape(-1, 3)).reshape(points.shape[:3])
    vertices, quads = surface_net(points, values)
    faces = triangulate(vertices, quads)
    vertices, faces = split_longest_edges(relax(vertices, faces, 6), faces, NUM_VERTICES)
    return relax(vertices, faces, 4), faces
