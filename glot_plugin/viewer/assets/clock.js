/* Which frame is shown: the video's time where there is one, otherwise time that passes. */

class Clock {
  /**
   * @param {Float32Array} times Seconds of each frame, rising from 0.
   * @param {HTMLVideoElement | null} video Whose frames they are.
   */
  constructor(times, video) {
    const count = times.length;
    this.times = times;
    this.video = video;
    this.playing = false;
    this.repeat = true;
    this.speed = 1;
    this.lastGap = count > 1 ? (times[count - 1] - times[0]) / (count - 1) : 1 / 25;
    this.end = times[count - 1] + this.lastGap;
    this.time = 0;
  }

  get frame() {
    let low = 0;
    let high = this.times.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.times[middle] <= this.time + 1e-4) low = middle;
      else high = middle;
    }
    return low;
  }

  play() {
    if (this.frame === this.times.length - 1) this.seek(0);
    this.playing = true;
    if (this.video) {
      this.video.playbackRate = this.speed;
      this.video.play().catch(() => { this.playing = false; });
    }
  }

  pause() {
    this.playing = false;
    if (this.video) this.video.pause();
  }

  setSpeed(speed) {
    this.speed = speed;
    if (this.video) this.video.playbackRate = speed;
  }

  /** Go to a frame; the video to the middle of the frame, so that rounding cannot show its neighbour. */
  seek(frame) {
    const last = this.times.length - 1;
    const index = Math.min(Math.max(frame, 0), last);
    this.time = this.times[index];
    if (this.video) this.video.currentTime = this.time + (index < last ? this.times[index + 1] - this.time : this.lastGap) / 2;
  }

  /** Let time pass, in seconds of the viewer's clock. */
  advance(seconds) {
    if (!this.playing) return;
    const ended = this.video ? this.video.ended : this.time + this.speed * seconds >= this.end;
    if (ended) {
      if (!this.repeat) {
        this.time = this.times[this.times.length - 1];
        this.pause();
        return;
      }
      this.seek(0);
      this.play();
    } else if (!this.video) {
      this.time += this.speed * seconds;
    } else if (!this.video.seeking) {
      this.time = this.video.currentTime;
    }
  }
}
