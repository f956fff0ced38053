/* The bodies in 3D. Positions come in the camera's axes (x right, y down, z away); the scene's y points up. */

const VIEW_DIRECTIONS = { front: [0, 0.12, 1], side: [1, 0.12, 0], top: [0, 1, 0.001] };
const FIELD_OF_VIEW = 35; // degrees

/** One animated body: a skinned mesh of the body's shape, without SMPL's pose-dependent corrections of the surface. */
class Body {
  constructor(content, parts, mesh, numFrames) {
    Object.assign(this, { name: content.name, isTrue: content.isTrue, beside: content.beside });
    Object.assign(this, { rotations: parts.rotations, positions: parts.positions, enabled: true });
    this.colour = new THREE.Color().setRGB(...content.colour, THREE.SRGBColorSpace);
    this.rowOfFrame = new Int32Array(numFrames).fill(-1);
    parts.frames.forEach((frame, row) => { this.rowOfFrame[frame] = row; });
    this.bones = content.joints.map(() => new THREE.Bone());
    content.joints.forEach((joint, index) => {
      const parent = mesh.parents[index];
      const origin = parent < 0 ? [0, 0, 0] : content.joints[parent];
      this.bones[index].position.set(...joint.map((value, axis) => value - origin[axis]));
      if (parent >= 0) this.bones[parent].add(this.bones[index]);
    });
    this.mesh = new THREE.SkinnedMesh(this.geometry(parts.vertices, mesh), this.material());
    this.mesh.frustumCulled = false;
    this.mesh.add(this.bones[0]);
    this.mesh.bind(new THREE.Skeleton(this.bones));
  }

  geometry(vertices, mesh) {
    const geometry = new THREE.BufferGeometry();
    geometry.setAttribute('position', new THREE.BufferAttribute(vertices, 3));
    geometry.setAttribute('skinIndex', mesh.skinIndex);
    geometry.setAttribute('skinWeight', mesh.skinWeight);
    geometry.setIndex(mesh.faces);
    geometry.computeVertexNormals();
    return geometry;
  }

  material() {
    return new THREE.MeshStandardMaterial({ color: this.colour, roughness: 0.7, metalness: 0 });
  }

  /** Pose the body as in a frame; hidden where it is switched off or was not seen. */
  show(frame) {
    const row = this.rowOfFrame[frame];
    this.present = row >= 0;
    this.mesh.visible = this.present && this.enabled;
    if (!this.mesh.visible) return;
    this.bones[0].position.fromArray(this.positions, 3 * row);
    this.bones.forEach((bone, joint) => {
      bone.quaternion.fromArray(this.rotations, 4 * (row * this.bones.length + joint)).normalize();
    });
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
    const { centre, radius } = this.extent();
    const squares = 2 * Math.ceil(Math.min(Math.max(radius + 2, 4), 60));
    const grid = new THREE.GridHelper(squares, squares, 0x808890, 0x808890);
    grid.material.transparent = true;
    grid.material.opacity = 0.35;
    grid.position.set(Math.round(centre.x), height, Math.round(centre.z));
    this.scene.add(grid);
  }

  /** Where the bodies are over the whole clip, but for the outermost 2 % of frames at each end of an axis. */
  extent() {
    const low = new THREE.Vector3();
    const high = new THREE.Vector3();
    ['x', 'y', 'z'].forEach((name, axis) => {
      const values = this.bodies.flatMap((body) => {
        const stride = 3 * Math.max(1, Math.floor(body.positions.length / 3 / 500));
        const picked = [];
        for (let index = axis; index < body.positions.length; index += stride) {
          picked.push((axis ? -1 : 1) * body.positions[index] + (axis ? 0 : body.mesh.position.x));
        }
        return picked;
      }).sort((a, b) => a - b);
      const pick = (share) => values[Math.round(share * (values.length - 1))] ?? 0;
      low[name] = pick(0.02);
      high[name] = pick(0.98);
    });
    const centre = low.clone().add(high).multiplyScalar(0.5);
    return { centre, radius: high.distanceTo(low) / 2 + 1.1 };
  }

  setView(name) {
    const { centre, radius } = this.extent();
    const narrow = Math.min(1, this.camera.aspect);
    const distance = radius / Math.sin((FIELD_OF_VIEW * Math.PI) / 360) / narrow;
    this.controls.target.copy(centre);
    this.camera.position.set(...VIEW_DIRECTIONS[name]).setLength(distance).add(centre);
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
    if (follow) this.moveAlong();
    else this.followed = null;
    this.changed = true;
  }

  /** Keep the camera's place relative to the middle of the people that are seen. */
  moveAlong() {
    const seen = this.bodies.filter((body) => body.mesh.visible);
    if (!seen.length) return;
    this.people.updateMatrixWorld(true);
    const middle = new THREE.Vector3();
    seen.forEach((body) => middle.add(new THREE.Vector3().setFromMatrixPosition(body.bones[0].matrixWorld)));
    middle.divideScalar(seen.length);
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
