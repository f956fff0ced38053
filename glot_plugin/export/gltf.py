"""glTF: the people of a clip as skinned, animated bodies in one `.glb`."""

from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from glot_plugin.body_model import SMPLBody
from glot_plugin.body_model.joint_sets import SMPL24_NAMES, SMPL_PARENTS
from glot_plugin.errors import InputError
from glot_plugin.export.gltf_buffers import GltfBuffers, pygltflib
from glot_plugin.export.meshes import smooth_normals
from glot_plugin.export.motion import CAMERA_TO_Y_UP, Motion, clip_times, person_motion
from glot_plugin.io.files import atomic_write
from glot_plugin.video.result import VideoResult
from glot_plugin.visualisation.palette import person_colour

_INFLUENCES = 4  # joints per vertex, the number that every viewer supports


def write_glb(result: VideoResult, body: SMPLBody, path: str | Path) -> Path:
    """Write the people of a clip as binary glTF 2.0.

    Each person is a mesh, a skin with SMPL's 24 joints by name, and a material in their colour; one animation moves all
    people. Units are metres, y up, z towards the camera, which is at the origin; times are the clip's, starting at 0.

    - Shape: the mean of the person's betas. The skin's bind matrices are SMPL's rest pose (arms out, facing +z); the
      nodes are in the person's first pose, so a viewer that does not play animations shows people where they are.
    - Skinning is linear blending with the four largest weights of each vertex, scaled to sum to 1. glTF has no pose
      correctives, so elbows and knees look coarser than SMPL's; the joints are exactly SMPL's.
    - Frames without the person: the root's scale is 0, so the body is invisible.

    Raises:
        InputError: Nobody is in the clip, its times do not increase, or the file cannot be written.
    """
    if not any(map(len, result.people)):
        raise InputError(f'{result.source}: nobody is in it, so there is no glTF to write')
    document = _GltfScene(result, body).document
    with atomic_write(path, 'wb') as file:
        file.write(document.to_glb())
    return Path(path)


class _GltfScene:
    """The document of one clip; data shared by all people is stored once."""

    def __init__(self, result: VideoResult, body: SMPLBody) -> None:
        self.document = GltfBuffers()
        self.body, self.times = body, clip_times(result)
        model = self.document.gltf
        model.asset = pygltflib.Asset(version='2.0', generator='glot_plugin')
        model.scenes = [pygltflib.Scene(name=result.source or None, nodes=[])]
        model.scene = 0
        model.animations = [pygltflib.Animation(name='clip')]
        joints, weights = strongest_weights(body.skinning_weights.cpu().numpy())
        vertices, indices = pygltflib.ARRAY_BUFFER, pygltflib.ELEMENT_ARRAY_BUFFER
        self.joints, self.weights = (self.document.add(array, vertices) for array in (joints, weights))
        self.indices = self.document.add(body.faces.astype(np.uint16).ravel(), indices)
        for track in result.people:
            if len(track):
                self._add_person(person_motion(track, body, CAMERA_TO_Y_UP))

    def _add_person(self, motion: Motion) -> None:
        model = self.document.gltf
        root = self._add_skeleton(motion)
        # Blender merges skeletons that have the same parent, or no parent, into one armature.
        model.nodes.append(pygltflib.Node(name=f'person_{motion.person}_skeleton', children=[root]))
        skeleton = len(model.nodes) - 1
        mesh = pygltflib.Node(
            name=f'person_{motion.person}', mesh=self._add_mesh(motion), skin=self._add_skin(motion, root)
        )
        model.nodes.append(mesh)
        model.scenes[0].nodes += [len(model.nodes) - 1, skeleton]
        self._animate(motion, root)

    def _add_skeleton(self, motion: Motion) -> int:
        """The joints as nodes, in SMPL's order, in the person's first pose; returns the root's index."""
        model = self.document.gltf
        root = len(model.nodes)
        rotations = _quaternions(motion.rotmat[:1])[0]
        offsets = motion.rest_joints - motion.rest_joints[list(SMPL_PARENTS)]
        offsets[0] = motion.pelvis[0]
        for joint, name in enumerate(SMPL24_NAMES):
            children = [root + child for child, parent in enumerate(SMPL_PARENTS) if parent == joint]
            model.nodes.append(
                pygltflib.Node(
                    name=name,
                    children=children,
                    translation=offsets[joint].tolist(),
                    rotation=rotations[joint].tolist(),
                )
            )
        return root

    @torch.no_grad()
    def _add_mesh(self, motion: Motion) -> int:
        model = self.document.gltf
        betas = torch.from_numpy(motion.betas).to(self.body.shapedirs)
        shaped = (self.body.v_template + self.body.shapedirs @ betas).cpu().numpy()
        normals = smooth_normals(shaped, self.body.faces).astype(np.float32)
        colour = [_linear(value) for value in person_colour(motion.person)]
        surface = pygltflib.PbrMetallicRoughness(
            baseColorFactor=[*colour, 1.0], metallicFactor=0.0, roughnessFactor=0.8
        )
        model.materials.append(pygltflib.Material(name=f'person_{motion.person}', pbrMetallicRoughness=surface))
        attributes = pygltflib.Attributes(
            POSITION=self.document.add(shaped, pygltflib.ARRAY_BUFFER, bounds=True),
            NORMAL=self.document.add(normals, pygltflib.ARRAY_BUFFER),
            JOINTS_0=self.joints,
            WEIGHTS_0=self.weights,
        )
        primitive = pygltflib.Primitive(attributes=attributes, indices=self.indices, material=len(model.materials) - 1)
        model.meshes.append(pygltflib.Mesh(name=f'person_{motion.person}', primitives=[primitive]))
        return len(model.meshes) - 1

    def _add_skin(self, motion: Motion, root: int) -> int:
        model = self.document.gltf
        inverse_bind = np.tile(np.eye(4, dtype=np.float32), (len(SMPL24_NAMES), 1, 1))
        inverse_bind[:, :3, 3] = -motion.rest_joints
        joints = list(range(root, root + len(SMPL24_NAMES)))
        accessor = self.document.add(inverse_bind)
        skin = pygltflib.Skin(
            name=f'person_{motion.person}', joints=joints, skeleton=root, inverseBindMatrices=accessor
        )
        model.skins.append(skin)
        return len(model.skins) - 1

    def _animate(self, motion: Motion, root: int) -> None:
        times = self.document.add(self.times[motion.frame].astype(np.float32), bounds=True)
        self._add_channel(root, 'translation', times, motion.pelvis)
        quaternions = _quaternions(motion.rotmat)
        for joint in range(len(SMPL24_NAMES)):
            self._add_channel(root + joint, 'rotation', times, quaternions[:, joint])
        seen = np.isin(np.arange(len(self.times)), motion.frame)
        keys = np.flatnonzero(np.diff(seen, prepend=~seen[:1]))  # frames in which the person appears or disappears
        keys = np.union1d(keys, [len(seen) - 1])  # the animation is as long as the clip
        scale = np.repeat(seen[keys, None], 3, axis=1)
        key_times = self.document.add(self.times[keys].astype(np.float32), bounds=True)
        self._add_channel(root, 'scale', key_times, scale, 'STEP')

    def _add_channel(self, node: int, path: str, times: int, values: np.ndarray, interpolation: str = 'LINEAR') -> None:
        animation = self.document.gltf.animations[0]
        output = self.document.add(values.astype(np.float32))
        animation.samplers.append(pygltflib.AnimationSampler(input=times, output=output, interpolation=interpolation))
        target = pygltflib.AnimationChannelTarget(node=node, path=path)
        animation.channels.append(pygltflib.AnimationChannel(sampler=len(animation.samplers) - 1, target=target))


def strongest_weights(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The four joints that move each vertex most, and their weights scaled to sum to 1.

    Args:
        weights: (V, 24) skinning weights.

    Returns:
        (V, 4) uint8 and (V, 4) float32; a joint with weight 0 has index 0, as glTF requires.
    """
    joints = np.argsort(-weights, axis=1, kind='stable')[:, :_INFLUENCES]
    strongest = np.take_along_axis(weights, joints, axis=1).astype(np.float32)
    strongest /= strongest.sum(axis=1, keepdims=True)
    return np.where(strongest > 0, joints, 0).astype(np.uint8), strongest


def _quaternions(rotmat: np.ndarray) -> np.ndarray:
    """(N, 24, 4) unit quaternions (x, y, z, w) of (N, 24, 3, 3), without jumps in sign from frame to frame."""
    quaternions = Rotation.from_matrix(rotmat.reshape(-1, 3, 3)).as_quat().reshape(*rotmat.shape[:2], 4)
    turned = (quaternions[1:] * quaternions[:-1]).sum(axis=-1) < 0
    sign = np.cumprod(np.where(turned, -1, 1), axis=0)
    quaternions[1:] *= sign[..., None]
    return quaternions


def _linear(value: float) -> float:
    """An sRGB value converted to linear, as in glTF's colour factors."""
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
