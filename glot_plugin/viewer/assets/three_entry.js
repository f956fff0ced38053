export {
  Bone, BufferAttribute, BufferGeometry, Color, DirectionalLight, GridHelper, Group, HemisphereLight,
  MeshStandardMaterial, PerspectiveCamera, Scene, Skeleton, SkinnedMesh, SRGBColorSpace, Vector3, WebGLRenderer,
} from 'three';
export { OrbitControls } from 'three/addons/controls/OrbitControls.js';
