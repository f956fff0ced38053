"""A .glb read by its bytes, and its skinned bodies posed as glTF 2.0 says: nothing of the writer is used."""

import json
import struct
from pathlib import Path

import numpy as np

TYPES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
WIDTHS = {'SCALAR': (), 'VEC3': (3,), 'VEC4': (4,), 'MAT4': (4, 4)}


class GlbFile:
    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        magic, version, length = struct.unpack_from('<4sII', data)
        assert (magic, version, length) == (b'glTF', 2, len(data))
        json_length, json_type = struct.unpack_from('<I4s', data, 12)
        assert json_type == b'JSON'
        self.json = json.loads(data[20 : 20 + json_length])
        binary_length, binary_type = struct.unpack_from('<I4s', data, 20 + json_length)
        assert binary_type == b'BIN\0'
        self.binary = data[28 + json_length :][:binary_length]
        nodes = self.json['nodes']
        self.parents = {child: parent for parent, node in enumerate(nodes) for child in node.get('children', ())}

    def accessor(self, index: int) -> np.ndarray:
        accessor = self.json['accessors'][index]
        view = self.json['bufferViews'][accessor['bufferView']]
        shape = (accessor['count'], *WIDTHS[accessor['type']])
        start = view.get('byteOffset', 0) + accessor.get('byteOffset', 0)
        array = np.frombuffer(self.binary, TYPES[accessor['componentType']], np.prod(shape, dtype=int), start).reshape(
            shape
        )
        return array.swapaxes(1, 2) if accessor['type'] == 'MAT4' else array

    def channels(self) -> dict[tuple[int, str], tuple[np.ndarray, np.ndarray, str]]:
        """Times, values and interpolation of each (node, property)."""
        (animation,) = self.json['animations']
        found = {}
        for channel in animation['channels']:
            sampler = animation['samplers'][channel['sampler']]
            values = (self.accessor(sampler['input']), self.accessor(sampler['output']), sampler['interpolation'])
            found[channel['target']['node'], channel['target']['path']] = values
        return found

    def node_transform(self, node: int, time: float | None) -> np.ndarray:
        """Global matrix (4, 4) of a node at a key time, or as it stands in the file (None)."""
        local = {'translation': np.zeros(3), 'rotation': np.array([0, 0, 0, 1.0]), 'scale': np.ones(3)}
        local |= {key: np.array(value) for key, value in self.json['nodes'][node].items() if key in local}
        if time is not None:
            for (target, path), (times, values, interpolation) in self.channels().items():
                if target == node:
                    index = np.searchsorted(times, time + 1e-4, side='right') - 1
                    assert interpolation == 'STEP' or abs(times[index] - time) < 1e-4, 'between two keys'
                    local[path] = values[max(index, 0)].astype(np.float64)
        x, y, z, w = local['rotation']
        assert abs(np.linalg.norm(local['rotation']) - 1) < 1e-5
        matrix = np.eye(4)
        matrix[:3, :3] = [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
        matrix[:3, :3] *= local['scale']
        matrix[:3, 3] = local['translation']
        parent = self.parents.get(node)
        return matrix if parent is None else self.node_transform(parent, time) @ matrix

    def skinned_nodes(self) -> dict[str, dict]:
        return {node['name']: node for node in self.json['nodes'] if 'skin' in node}

    def joints(self, person: str, time: float | None) -> np.ndarray:
        """Global matrices (24, 4, 4) of a person's joints."""
        skin = self.json['skins'][self.skinned_nodes()[person]['skin']]
        return np.stack([self.node_transform(joint, time) for joint in skin['joints']])

    def vertices(self, person: str, time: float | None) -> np.ndarray:
        """Skinned vertices (V, 3) of a person."""
        node = self.skinned_nodes()[person]
        skin = self.json['skins'][node['skin']]
        (primitive,) = self.json['meshes'][node['mesh']]['primitives']
        names = ('POSITION', 'JOINTS_0', 'WEIGHTS_0')
        position, joints, weights = (self.accessor(primitive['attributes'][name]) for name in names)
        matrices = self.joints(person, time) @ self.accessor(skin['inverseBindMatrices'])
        homogeneous = np.concatenate([position, np.ones((len(position), 1))], axis=1)
        return np.einsum('vk,vkij,vj->vi', weights, matrices[joints], homogeneous)[:, :3]
