"""Shaded pictures of meshes with VTK, off screen: on a GPU where there is one, otherwise in software."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from glot_plugin.errors import InputError


class MeshRenderer:
    """Draw any number of meshes of one topology as a perspective camera sees them.

    The camera is at the origin: x points right, y down, z away from it.

    Args:
        faces: (F, 3) vertex indices.
        width: Width of the images in pixels.
        height: Height of the images in pixels.
        background: Grey value in [0, 1] of what no mesh covers.

    Raises:
        InputError: VTK is not installed, or cannot draw here.
    """

    def __init__(self, faces: np.ndarray, width: int, height: int, background: float = 0.0) -> None:
        self.width, self.height, self._background = width, height, background
        self._vtk = _import_vtk()
        self._cells = self._make_cells(np.asarray(faces))
        self._renderer = self._vtk.vtkRenderer()
        self._renderer.SetBackground(background, background, background)
        self._renderer.SetBackgroundAlpha(0)
        self._add_lights()
        self._window = self._vtk.vtkRenderWindow()
        self._window.SetOffScreenRendering(1)
        self._window.SetAlphaBitPlanes(1)
        self._window.SetMultiSamples(0)
        self._window.SetSize(width, height)
        self._window.AddRenderer(self._renderer)
        self._actors: list = []

    def render(
        self,
        meshes: Sequence[np.ndarray],
        colours: Sequence[tuple[float, float, float]],
        focal_length: float,
        centre: tuple[float, float],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw meshes.

        Args:
            meshes: The vertices (V, 3) of each, metres in camera coordinates.
            colours: Red, green and blue of each, in [0, 1].
            focal_length: Pixels.
            centre: Where the optical axis meets the picture, in pixels from its upper left corner (it may lie outside).

        Returns:
            The picture (H, W, 3) uint8 RGB, and (H, W) uint8, 255 where there is a mesh and 0 elsewhere.
        """
        if not meshes:
            empty = np.zeros((self.height, self.width), np.uint8)
            return np.full((*empty.shape, 3), round(255 * self._background), np.uint8), empty
        while len(self._actors) < len(meshes):
            self._actors.append(self._add_actor())
        for index, (actor, points) in enumerate(self._actors):
            actor.SetVisibility(index < len(meshes))
            if index < len(meshes):
                self._set_points(points, meshes[index])
                actor.GetProperty().SetColor(*colours[index])
        self._aim(np.concatenate(meshes)[:, 2], focal_length, centre)
        self._window.Render()
        return self._read_picture()

    def close(self) -> None:
        """Release the window and its memory."""
        self._window.Finalize()

    def _make_cells(self, faces: np.ndarray):
        from vtk.util.numpy_support import numpy_to_vtkIdTypeArray

        cells = self._vtk.vtkCellArray()
        cells.SetData(3, numpy_to_vtkIdTypeArray(faces.astype(np.int64).ravel(), deep=True))
        return cells

    def _add_actor(self) -> tuple:
        points = self._vtk.vtkPoints()
        mesh = self._vtk.vtkPolyData()
        mesh.SetPoints(points)
        mesh.SetPolys(self._cells)
        normals = self._vtk.vtkPolyDataNormals()
        normals.SetInputData(mesh)
        normals.SplittingOff()
        normals.ConsistencyOff()
        mapper = self._vtk.vtkPolyDataMapper()
        mapper.SetInputConnection(normals.GetOutputPort())
        actor = self._vtk.vtkActor()
        actor.SetMapper(mapper)
        look = actor.GetProperty()
        look.SetInterpolationToGouraud()
        look.SetAmbient(0.2)
        look.SetDiffuse(0.75)
        self._renderer.AddActor(actor)
        return actor, points

    @staticmethod
    def _set_points(points, vertices: np.ndarray) -> None:
        from vtk.util.numpy_support import numpy_to_vtk

        points.SetData(numpy_to_vtk(np.ascontiguousarray(vertices, np.float32), deep=True))
        points.Modified()

    def _add_lights(self) -> None:
        """A lamp above the camera to the left, a weaker one to the right."""
        for position, strength in (((-1.5, -2.0, -2.0), 0.9), ((2.0, -0.5, -1.5), 0.35)):
            light = self._vtk.vtkLight()
            light.SetLightTypeToSceneLight()
            light.SetPosition(*position)
            light.SetFocalPoint(0, 0, 3)
            light.SetPositional(False)
            light.SetIntensity(strength)
            self._renderer.AddLight(light)

    def _aim(self, depth: np.ndarray, focal_length: float, centre: tuple[float, float]) -> None:
        """The camera's matrix: what is right of and below the optical axis has positive x and y."""
        near, far = max(float(depth.min()) - 0.1, 0.01), float(depth.max()) + 0.1
        camera = self._renderer.GetActiveCamera()
        camera.SetPosition(0, 0, 0)
        camera.SetFocalPoint(0, 0, 1)
        camera.SetViewUp(0, -1, 0)
        camera.SetClippingRange(near, far)
        # OpenGL's clip coordinates; the view looks along -z with y up.
        x0, y0 = 1 - 2 * centre[0] / self.width, 2 * centre[1] / self.height - 1
        matrix = self._vtk.vtkMatrix4x4()
        matrix.DeepCopy(
            (
                2 * focal_length / self.width, 0, x0, 0,
                0, 2 * focal_length / self.height, y0, 0,
                0, 0, -(far + near) / (far - near), -2 * far * near / (far - near),
                0, 0, -1, 0,
            )
        )  # fmt: skip
        camera.SetUseExplicitProjectionTransformMatrix(True)
        camera.SetExplicitProjectionTransformMatrix(matrix)

    def _read_picture(self) -> tuple[np.ndarray, np.ndarray]:
        from vtk.util.numpy_support import vtk_to_numpy

        pixels = self._vtk.vtkUnsignedCharArray()
        self._window.GetRGBACharPixelData(0, 0, self.width - 1, self.height - 1, 0, pixels)
        picture = cv2.flip(
            vtk_to_numpy(pixels).reshape(self.height, self.width, 4), 0
        )  # OpenGL's first row is the last
        return cv2.cvtColor(picture, cv2.COLOR_RGBA2RGB), cv2.extractChannel(picture, 3)


def _import_vtk():
    try:
        import vtk
    except ImportError as error:
        raise InputError('drawing meshes needs vtk; install it with: pip install "glot_plugin[video]"') from error
    vtk.vtkObject.GlobalWarningDisplayOff()  # it reports every display that it tries before it finds one
    return vtk
