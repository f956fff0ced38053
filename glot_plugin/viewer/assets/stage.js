/* The bodies in 3D. Positions come in the camera's axes (x right, y down, z away); the scene's y points up. */

// From which direction each view looks, and which axes are its picture's width, height and depth.
const VIEWS = {
  front: { direction: [0, 0.12, 1], axes: ['x', 'y', 'z'] },
  side: { direction: [1, 0.12, 0], axes: ['z', 'y', 'x'] },
  top: { direction: [0, 1, 0.001], axes: ['x', 'z', 'y'] },
};
const REACH = 1.15; // metres from the middle of a body to the tips of raised arms
const FIELD_OF_VIEW = 35; // degrees
const STICK_RADIUS = 0.025; // metres

/** What bodies and skeletons share: in which frames they are, where, and whether they are shown. */
class Figure {
  constructor(content, parts, numFrames) {
    Object.assign(this, { name: content.name, isTrue: content.isTrue, beside: content.beside, enabled: true });
    this.positions = parts.positions;
    this.colour = new THREE.Color().setRGB(...content.colour, THREE.SRGBColorSpace);
    this.rowOfFrame = new Int32Array(numFrames).fill(-1);
    parts.frames.forEach((frame, row) => { this.rowOfFrame[frame] = row; });
  }

  material() {
    return new THREE.MeshStandardMaterial({ color: this.colour, roughness: 0.7, metalness: 0 });
  }

  /** Pose as in a frame; hidden where it is switched off or was not seen. */
  show(frame) {
    const row = this.rowOfFrame[frame];
    this.mesh.visible = row >= 0 && this.enabled;
    if (this.mesh.visible) this.pose(row);
  }

  /** The middle of the body in a row, in the camera's axes. */
  middle(row) {
    return new THREE.Vector3().fromArray(this.positions, 3 * row).add(this.mesh.position);
  }

  /** Move a true body beside the predicted one, or onto it (and let the predicted one be seen through it). */
  setBeside(beside) {
    this.mesh.position.x = beside ? this.beside : 0;
    const seeThrough = this.isTrue && !beside;
    this.mesh.material.transparent = seeThrough;
    this.mesh.material.opacity = seeThrough ? 0.5 : 1;
    this.mesh.material.depthWrite = !seeThrough;
    this.mesh.material.needsUpdate = true;
  }
}

/** Joints and the bones between them, where there is no body: ground truth that is joints alone. */
class StickFigure extends Figure {
  constructor(content, parts, numFrames) {
    super(content, parts, numFrames);
    this.joints = parts.joints;
    this.lines = content.lines;
    this.numJoints = content.numJoints;
    const stick = new THREE.CylinderGeometry(STICK_RADIUS, STICK_RADIUS, 1, 12);
    this.mesh = new THREE.InstancedMesh(stick, this.material(), this.lines.length);
    this.mesh.frustumCulled = false;
  }

  pose(row) {
    const joint = (index) => new THREE.Vector3().fromArray(this.joints, 3 * (row * this.numJoints + index));
    const root = new THREE.Vector3().fromArray(this.positions, 3 * row);
    this.lines.forEach(([from, to], index) => {
      const [start, end] = [joint(from), joint(to)];
      const along = end.clone().sub(start);
      const turn = new THREE.Quaternion().setFromUnitVectors(new THREE.Vector3(0, 1, 0), along.clone().normalize());
      const middle = start.add(end).multiplyScalar(0.5).add(root);
      const size = new THREE.Vector3(1, along.length(), 1);
      this.mesh.setMatrixAt(index, new THREE.Matrix4().compose(middle, turn, size));
    });
    this.mesh.instanceMatrix.needsUpdate = true;
  }

  setBeside(beside) {
    super.setBeside(beside);
    this.mesh.material.depthTest = beside; // on the predicted body they would be hidden inside it
  }
}

/** One animated body: a skinned mesh of the body's shape, without SMPL's pose-dependent corrections of the surface. */
class Body extends Figure {
  constructor(content, parts, numFrames, mesh) {
    super(content, parts, numFrames);
    this.rotations = parts.rotations;
    this.bones = content.joints.map(() => new THREE.Bone());
    content.joints.forEach((joint, index) => {
      const parent = mesh.parents[index];
      const origin = parent < 0 ? [0, 0, 0] : content.joints[parent];
      this.bones[index].position.set(...joint.map((value, axis) => value - origin[axis]));
      if (parent >= 0) this.bones[parent].add(this.bones[index]);
    });
    this.mesh = new THREE.SkinnedMesh(Body.geometry(parts.vertices, mesh), this.material());
    this.mesh.frustumCulled = false;
    this.mesh.add(this.bones[0]);
    this.mesh.bind(new THREE.Skeleton(this.bones));
  }

  static geometry(vertices, mesh) {
    const geometry = new THREE.BufferGeometry();
    geometry.setAttribute('position', new THREE.BufferAttribute(vertices, 3));
    geometry.setAttribute('skinIndex', mesh.skinIndex);
    geometry.setAttribute('skinWeight', mesh.skinWeight);
    geometry.setIndex(mesh.faces);
    geometry.computeVertexNormals();
    return geometry;
  }

  pose(row) {
    this.bones[0].position.fromArray(this.positions, 3 * row);
    this.bones.forEach((bone, joint) => {
      bone.quaternion.fromArray(this.rotations, 4 * (row * this.bones.length + joint)).normalize();
    });
  }
}

class Stage {
  /** Throws where the browser has no WebGL. */
  constructor(element, bodies, ground) {
    this.element = element;
    this.bodies = bodies;
    this.renderer = new THREE.WebGLRenderer({ antialias: true, alpha: true });
    element.prepend(this.renderer.domElement);
    this.camera = new THREE.PerspectiveCamera(FIELD_OF_VIEW, 1, 0.05, 500);
    this.controls = new THREE.OrbitControls(this.camera, this.renderer.domElement);
    this.controls.addEventListener('change', () => { this.changed = true; });
    this.scene = new THREE.Scene();
    this.people = new THREE.Group();
    this.people.rotation.x = Math.PI; // from the camera's axes to y up
    this.people.add(...bodies.map((body) => body.mesh));
    this.scene.add(this.people, ...this.lights());
    this.addGround(-ground);
    new ResizeObserver(() => this.resize()).observe(element);
    this.resize();
    this.setView('front');
  }

  lights() {
    const key = new THREE.DirectionalLight(0xffffff, 1.9);
    const fill = new THREE.DirectionalLight(0xffffff, 0.6);
    key.position.set(2, 4, 3);
    fill.position.set(-3, 2, -2);
    return [new THREE.HemisphereLight(0xffffff, 0x8d8d8d, 1.3), key, fill];
  }

  addGround(height) {
    const { centre, size } = this.extent();
    const squares = 2 * Math.ceil(Math.min(Math.max(size.length() / 2 + 3, 4), 60));
    const grid = new THREE.GridHelper(squares, squares, 0x808890, 0x808890);
    grid.material.transparent = true;
    grid.material.opacity = 0.35;
    grid.position.set(Math.round(centre.x), height, Math.round(centre.z));
    this.scene.add(grid);
  }

  /** Where the bodies are over the whole clip, but for the outermost 2 % of frames at each end of an axis. */
  extent() {
    const middles = this.bodies.flatMap((body) => {
      const count = body.positions.length / 3;
      const picked = Array.from({ length: Math.min(count, 500) }, (_, index) => Math.floor((index * count) / Math.min(count, 500)));
      return picked.map((row) => body.middle(row).applyQuaternion(this.people.quaternion));
    });
    const low = new THREE.Vector3();
    const high = new THREE.Vector3();
    ['x', 'y', 'z'].forEach((name) => {
      const values = middles.map((middle) => middle[name]).sort((a, b) => a - b);
      const pick = (share) => values[Math.round(share * (values.length - 1))] ?? 0;
      low[name] = pick(0.02);
      high[name] = pick(0.98);
    });
    const centre = low.clone().add(high).multiplyScalar(0.5);
    return { centre, size: high.sub(low) };
  }

  setView(name) {
    const { centre, size } = this.extent();
    const { direction, axes } = VIEWS[name];
    const [width, height, depth] = axes.map((axis) => size[axis] / 2 + REACH);
    const distance = Math.max(height, width / this.camera.aspect) / Math.tan((FIELD_OF_VIEW * Math.PI) / 360) + depth;
    this.controls.target.copy(centre);
    this.camera.position.set(...direction).setLength(distance).add(centre);
    this.controls.update();
    this.followed = null;
    this.changed = true;
  }

  setBeside(beside) {
    this.bodies.forEach((body) => body.setBeside(beside));
    this.changed = true;
  }

  show(frame, follow) {
    this.bodies.forEach((body) => body.show(frame));
    if (follow) this.moveAlong(frame);
    else this.followed = null;
    this.changed = true;
  }

  /** Keep the camera's place relative to the middle of the people that are seen. */
  moveAlong(frame) {
    const seen = this.bodies.filter((body) => body.mesh.visible);
    if (!seen.length) return;
    const middle = new THREE.Vector3();
    seen.forEach((body) => middle.add(body.middle(body.rowOfFrame[frame])));
    middle.divideScalar(seen.length).applyQuaternion(this.people.quaternion);
    const step = middle.clone().sub(this.followed ?? this.controls.target);
    this.followed = middle;
    this.camera.position.add(step);
    this.controls.target.add(step);
    this.controls.update();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (!width || !height) return;
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio, 2));
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    this.draw();
  }

  /** Draw where something changed since the last time. */
  drawIfChanged() {
    if (this.changed) this.draw();
  }

  draw() {
    this.changed = false;
    this.renderer.render(this.scene, this.camera);
  }
}
