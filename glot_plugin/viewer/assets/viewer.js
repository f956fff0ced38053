/* The page: reads the content, and joins clock, bodies, chart and controls. */

const get = (id) => document.getElementById(id);

async function readBodies(content, numFrames) {
  if (!content.bodies.length) return [];
  const [faces, joints, shares] = await Promise.all(['faces', 'joints', 'shares'].map((name) => unpackIntegers(content.mesh[name])));
  const mesh = {
    parents: content.mesh.parents,
    faces: new THREE.BufferAttribute(faces, 1),
    skinIndex: new THREE.BufferAttribute(joints, 4),
    skinWeight: new THREE.BufferAttribute(shares, 4, true),
  };
  return Promise.all(content.bodies.map(async (body) => {
    const names = body.lines ? ['positions', 'joints'] : ['positions', 'rotations', 'vertices'];
    const arrays = await Promise.all(names.map((name) => unpack(body[name])));
    const parts = Object.fromEntries(names.map((name, index) => [name, arrays[index]]));
    parts.frames = await unpackIntegers(body.frames);
    return body.lines ? new StickFigure(body, parts, numFrames) : new Body(body, parts, numFrames, mesh);
  }));
}

async function readVideo(address) {
  if (!address) return null;
  const video = get('video');
  get('video-pane').hidden = false;
  // A blob can be sought in by every browser; a data address cannot.
  const bytes = Uint8Array.from(atob(address.slice(address.indexOf(',') + 1)), (letter) => letter.charCodeAt(0));
  video.src = URL.createObjectURL(new Blob([bytes], { type: 'video/mp4' }));
  return new Promise((resolve) => {
    video.addEventListener('loadedmetadata', () => resolve(video), { once: true });
    video.addEventListener('error', () => {
      get('video-pane').hidden = true; // a browser without H.264: the bodies are shown alone
      resolve(null);
    }, { once: true });
  });
}

function makeStage(bodies, ground) {
  try {
    return new Stage(get('stage'), bodies, ground);
  } catch (error) {
    get('stage-message').textContent = 'The bodies cannot be shown: this browser has no WebGL, or it is switched off.';
    get('stage-message').hidden = false;
    console.warn(error);
    return null;
  }
}

class Viewer {
  constructor(content, times, bodies, video) {
    this.bodies = bodies;
    this.times = times;
    this.curves = content.errors;
    this.clock = new Clock(times, video);
    this.stage = makeStage(bodies, content.ground);
    this.chart = this.curves.length ? new Chart(get('chart'), times, (frame) => this.seek(frame)) : null;
    this.shownFrame = -1;
    this.addPeople();
    this.addErrors();
    this.addControls();
    this.lastTick = performance.now();
    requestAnimationFrame((now) => this.tick(now));
  }

  addPeople() {
    this.labels = this.bodies.map((body) => {
      const label = document.createElement('label');
      const box = Object.assign(document.createElement('input'), { type: 'checkbox', checked: true });
      const dot = document.createElement('i');
      dot.style.background = body.colour.getStyle();
      box.addEventListener('change', () => { body.enabled = box.checked; this.refresh(); });
      label.append(box, dot, body.name);
      const item = document.createElement('li');
      item.append(label);
      get('people').append(item);
      return label;
    });
    if (!this.bodies.length) {
      get('stage-message').textContent = 'Nobody was found in this clip.';
      get('stage-message').hidden = false;
    }
  }

  addErrors() {
    if (!this.chart) return;
    get('errors').hidden = false;
    get('errors-of').hidden = this.curves.length === 1;
    this.curves.forEach((curve, index) => get('errors-of').add(new Option(curve.name, index)));
    const choose = () => {
      this.curve = this.curves[get('errors-of').value];
      this.rowOfFrame = new Map(this.curve.frames.map((frame, row) => [frame, row]));
      this.chart.setCurve(this.curve);
      this.refresh();
    };
    get('errors-of').addEventListener('change', choose);
    choose();
  }

  addControls() {
    get('scrub').max = this.times.length - 1;
    get('scrub').addEventListener('input', () => this.seek(Number(get('scrub').value)));
    get('play').addEventListener('click', () => this.toggle());
    get('speed').addEventListener('change', () => this.clock.setSpeed(Number(get('speed').value)));
    get('loop').addEventListener('change', () => { this.clock.repeat = get('loop').checked; });
    get('follow').addEventListener('change', () => this.refresh());
    document.querySelectorAll('[data-view]').forEach((button) => {
      button.addEventListener('click', () => this.stage?.setView(button.dataset.view));
    });
    get('beside-option').hidden = !this.bodies.some((body) => body.isTrue) || this.bodies.every((body) => body.isTrue);
    const place = () => this.stage?.setBeside(get('beside').checked && !get('beside-option').hidden);
    get('beside').addEventListener('change', place);
    place();
    this.stage?.setView('front');
    document.addEventListener('keydown', (event) => this.press(event));
  }

  press(event) {
    const inField = event.target.matches('select, input[type=checkbox], button');
    if (event.code === 'Space' && !inField) this.toggle();
    else if (event.code === 'ArrowLeft' && !event.target.matches('select')) this.seek(this.clock.frame - 1);
    else if (event.code === 'ArrowRight' && !event.target.matches('select')) this.seek(this.clock.frame + 1);
    else if (event.code === 'Home') this.seek(0);
    else if (event.code === 'End') this.seek(this.times.length - 1);
    else return;
    event.preventDefault();
  }

  toggle() {
    if (this.clock.playing) this.clock.pause();
    else this.clock.play();
  }

  seek(frame) {
    this.clock.pause();
    this.clock.seek(frame);
  }

  /** Show the frame again, after something else than the frame changed. */
  refresh() {
    this.shownFrame = -1;
  }

  tick(now) {
    this.clock.advance((now - this.lastTick) / 1000);
    this.lastTick = now;
    const { frame } = this.clock;
    if (frame !== this.shownFrame) this.show(frame);
    this.stage?.drawIfChanged();
    get('play').classList.toggle('playing', this.clock.playing);
    get('play').setAttribute('aria-label', this.clock.playing ? 'Pause' : 'Play');
    requestAnimationFrame((next) => this.tick(next));
  }

  show(frame) {
    this.shownFrame = frame;
    this.stage?.show(frame, get('follow').checked);
    this.bodies.forEach((body, index) => this.labels[index].classList.toggle('absent', body.rowOfFrame[frame] < 0));
    get('scrub').value = frame;
    const last = this.times.length - 1;
    get('counter').innerHTML = `Frame <b>${frame}</b> of ${last} · ${this.times[frame].toFixed(2)} s`;
    this.chart?.show(frame);
    if (this.curve) this.showErrors(frame);
  }

  showErrors(frame) {
    const row = this.rowOfFrame.get(frame);
    get('errors-now').replaceChildren(...Object.entries(this.curve.values).map(([name, values], index) => {
      const known = values.filter((value) => value !== null);
      const mean = known.length ? (known.reduce((sum, value) => sum + value, 0) / known.length).toFixed(1) : '–';
      const now = row === undefined || values[row] === null ? '–' : values[row].toFixed(1);
      const item = document.createElement('li');
      item.innerHTML = `<i style="color: var(--line-${1 + (index % 2)})"></i>${name} <b>${now}</b> mm <span class="mean">(mean ${mean})</span>`;
      return item;
    }));
  }
}

async function start() {
  const content = JSON.parse(get('content').textContent);
  document.title = content.title;
  get('title').textContent = content.title;
  get('subtitle').textContent = content.subtitle;
  const times = await unpack(content.times);
  const [bodies, video] = await Promise.all([readBodies(content, times.length), readVideo(content.video)]);
  window.viewer = new Viewer(content, times, bodies, video); // for the console
  document.body.dataset.ready = 'true';
}

start().catch((error) => {
  get('stage-message').textContent = `The page cannot be shown by this browser (${error.message}).`;
  get('stage-message').hidden = false;
  throw error;
});
