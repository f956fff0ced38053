/* The error of one person over time. */

const CHART_MARGIN = { left: 44, right: 8, top: 6, bottom: 18 };

class Chart {
  /**
   * @param {HTMLElement} element With a canvas and a marker of the time shown.
   * @param {Float32Array} times Seconds of all frames.
   * @param {(frame: number) => void} goTo Called with the frame that was clicked.
   */
  constructor(element, times, goTo) {
    this.element = element;
    this.canvas = element.querySelector('canvas');
    this.marker = element.querySelector('div');
    this.times = times;
    const seek = (event) => {
      const share = (event.clientX - element.getBoundingClientRect().left - CHART_MARGIN.left) / this.plotWidth;
      const wanted = Math.min(Math.max(share, 0), 1) * this.lastTime;
      goTo(this.times.findIndex((time, frame) => time >= wanted - 1e-4 || frame === this.times.length - 1));
    };
    element.addEventListener('pointerdown', (event) => { element.setPointerCapture(event.pointerId); seek(event); });
    element.addEventListener('pointermove', (event) => { if (event.buttons) seek(event); });
    new ResizeObserver(() => this.draw()).observe(element);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
  }

  get lastTime() { return this.times[this.times.length - 1] || 1; }

  get plotWidth() { return this.element.clientWidth - CHART_MARGIN.left - CHART_MARGIN.right; }

  static colours() {
    const style = getComputedStyle(document.documentElement);
    return Object.fromEntries(['line-1', 'line-2', 'grid', 'faint'].map((name) => [name, style.getPropertyValue(`--${name}`)]));
  }

  setCurve(curve) {
    this.curve = curve;
    this.draw();
  }

  /** The numbers at the axis: about three, at 1, 2 or 5 times a power of ten. */
  static ticks(highest, count) {
    const rough = highest / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= rough);
    return Array.from({ length: Math.floor(highest / step + 1e-6) + 1 }, (_, index) => index * step);
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (!this.curve || !width) return;
    const ratio = window.devicePixelRatio;
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    const pen = this.canvas.getContext('2d');
    pen.scale(ratio, ratio);
    pen.font = '11px system-ui, sans-serif';
    const series = Object.values(this.curve.values);
    const highest = Math.max(...series.map((values) => values.reduce((most, value) => Math.max(most, value ?? 0), 0)), 1);
    const x = (time) => CHART_MARGIN.left + (time / this.lastTime) * this.plotWidth;
    const y = (value) => height - CHART_MARGIN.bottom - (value / (1.05 * highest)) * (height - CHART_MARGIN.top - CHART_MARGIN.bottom);
    const colours = Chart.colours();
    this.drawAxes(pen, x, y, highest, colours);
    series.forEach((values, index) => this.drawLine(pen, x, y, values, colours[`line-${1 + (index % 2)}`]));
  }

  drawAxes(pen, x, y, highest, colours) {
    pen.strokeStyle = colours.grid;
    pen.fillStyle = colours.faint;
    pen.textAlign = 'right';
    pen.textBaseline = 'middle';
    for (const value of Chart.ticks(highest, 3)) {
      pen.beginPath();
      pen.moveTo(x(0), y(value));
      pen.lineTo(x(this.lastTime), y(value));
      pen.stroke();
      pen.fillText(`${value}${value ? '' : ' mm'}`, CHART_MARGIN.left - 6, y(value));
    }
    pen.textBaseline = 'top';
    for (const time of Chart.ticks(this.lastTime, 8)) {
      pen.textAlign = time ? 'center' : 'left';
      pen.fillText(`${Number(time.toFixed(3))} s`, Math.min(x(time), x(this.lastTime) - 10), y(0) + 4);
    }
  }

  drawLine(pen, x, y, values, colour) {
    pen.strokeStyle = colour;
    pen.lineWidth = 1.5;
    pen.beginPath();
    let isDown = false;
    this.curve.frames.forEach((frame, row) => {
      const value = values[row];
      if (value !== null) pen[isDown ? 'lineTo' : 'moveTo'](x(this.times[frame]), y(value));
      isDown = value !== null;
    });
    pen.stroke();
  }

  show(frame) {
    this.marker.style.left = `${CHART_MARGIN.left + (this.times[frame] / this.lastTime) * this.plotWidth}px`;
  }
}
