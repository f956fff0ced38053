"""Assembling a glTF file: arrays become accessors of one binary chunk."""

import numpy as np

from glot_plugin.errors import InputError

try:
    import pygltflib
except ImportError as error:
    raise InputError('glTF needs pygltflib; install it with: pip install "glot_plugin[export]"') from error

_COMPONENT_TYPES = {
    'float32': pygltflib.FLOAT,
    'uint8': pygltflib.UNSIGNED_BYTE,
    'uint16': pygltflib.UNSIGNED_SHORT,
    'uint32': pygltflib.UNSIGNED_INT,
}
_TYPES = {(): 'SCALAR', (3,): 'VEC3', (4,): 'VEC4', (4, 4): 'MAT4'}


class GltfBuffers:
    """A glTF document, and the bytes that its accessors view.

    Attributes:
        gltf: The document; everything except buffers and accessors is added to it directly.
    """

    def __init__(self) -> None:
        self.gltf = pygltflib.GLTF2()
        self._chunks: list[bytes] = []
        self._size = 0

    def add(self, array: np.ndarray, target: int | None = None, bounds: bool = False) -> int:
        """Append an array and return its accessor's index.

        Args:
            array: (N,), (N, 3), (N, 4) or (N, 4, 4) row-major matrices; float32 or unsigned.
            target: Use of the view: `pygltflib.ARRAY_BUFFER`, `pygltflib.ELEMENT_ARRAY_BUFFER` or neither.
            bounds: Store the minimum and maximum, as required for positions and times.
        """
        stored = array.transpose(0, 2, 1) if array.ndim == 3 else array  # glTF's matrices are column-major
        data = np.ascontiguousarray(stored).tobytes()
        view = pygltflib.BufferView(buffer=0, byteOffset=self._size, byteLength=len(data), target=target)
        self.gltf.bufferViews.append(view)
        data += bytes(-len(data) % 4)
        self._chunks.append(data)
        self._size += len(data)
        accessor = pygltflib.Accessor(
            bufferView=len(self.gltf.bufferViews) - 1,
            componentType=_COMPONENT_TYPES[array.dtype.name],
            count=len(array),
            type=_TYPES[array.shape[1:]],
        )
        if bounds:
            accessor.min = np.atleast_1d(array.min(axis=0)).tolist()
            accessor.max = np.atleast_1d(array.max(axis=0)).tolist()
        self.gltf.accessors.append(accessor)
        return len(self.gltf.accessors) - 1

    def to_glb(self) -> bytes:
        """The complete file as binary glTF."""
        self.gltf.buffers = [pygltflib.Buffer(byteLength=self._size)]
        self.gltf.set_binary_blob(b''.join(self._chunks))
        return b''.join(self.gltf.save_to_bytes())
