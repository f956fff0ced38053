export {
  Bone, BufferAttribute, BufferGeometry, Color, CylinderGeometry, DirectionalLight, GridHelper, HemisphereLight, Group,
  InstancedMesh, Matrix4, MeshStandardMaterial, PerspectiveCamera, Quaternion, Scene, Skeleton, SkinnedMesh,
  SRGBColorSpace, Vector3, WebGLRenderer,
} from 'three';
export { OrbitControls } from 'three/addons/controls/OrbitControls.js';
