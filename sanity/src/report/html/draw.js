// Paints the map. Rectangles of a pixel and a half or more are filled; smaller
// ones add to how full a pixel is, so that a million jobs show as density. The
// work is cut into slices: while a view is being painted, the last one is shown
// moved and scaled to where it now belongs.

const SLICE = 10; // milliseconds of painting a frame
const NAMES = 1500; // blocks with a name in one view
const APART = 12; // pixels between two separators
const PALE = 0.15; // how much is left of what is not singled out
const STEPS = 64; // colours from the first of the palette to the last

class Paint {
  constructor(palette) {
    const colours = palette.map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
    const mix = (step, part) => {
      const at = (step / (STEPS - 1)) * (colours.length - 1);
      const below = Math.min(Math.floor(at), colours.length - 2);
      return Math.round(colours[below][part] * (below + 1 - at) + colours[below + 1][part] * (at - below));
    };
    // Little-endian pixels: alpha, blue, green, red from the highest byte.
    this.colours = Uint32Array.from({ length: STEPS }, (_, step) => (mix(step, 2) << 16) | (mix(step, 1) << 8) | mix(step, 0));
    // White is read better on these than black.
    const isDark = (colour) => 0.213 * (colour & 255) + 0.715 * ((colour >> 8) & 255) + 0.072 * (colour >> 16) < 125;
    this.isDark = Array.from(this.colours, isDark);
  }

  // A step of the palette for each job of an index: the colour of its class.
  steps(index, values, scale) {
    const colours = Array.from({ length: scale.colours }, (_, colour) => Math.round((colour * (STEPS - 1)) / (scale.colours - 1)));
    const ranks = Array.from({ length: scale.bounds.length + 1 }, (_, rank) => colours[scale.colour(rank)]);
    const { bounds } = scale;
    // First in the order of the records, which takes each from beside the last.
    const ofRecords = new Uint8Array(values.length);
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      let rank = 0;
      while (rank < bounds.length && bounds[rank] < value) rank++;
      ofRecords[i] = ranks[rank];
    }
    const steps = new Uint8Array(values.length);
    for (let i = 0; i < steps.length; i++) steps[i] = ofRecords[index.record[i]];
    return steps;
  }
}

// One view of an index, painted slice by slice.
class Painting {
  // `mask` marks the records that are singled out; `touched` are the pages to
  // show behind blocks; either may be null.
  constructor({ index, steps, paint, view, width, height, ratio, mask, touched }) {
    Object.assign(this, { index, steps, paint, width, height, ratio, mask, touched });
    this.view = { left: view.left, right: view.right, bottom: view.bottom, upper: view.upper };
    this.image = new ImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    // How full each pixel is, and that times the colour's step: changes from
    // one pixel of a row to the next, so that a wide job costs no more.
    this.fullness = new Float32Array(2 * (width + 2) * height);
    this.marks = mask && new Float32Array((width + 2) * height);
    this.touchedParts = touched && touchedParts(touched, view, width, height);
    this.labels = [];
    this.ranges = index.ranges(view.left, view.right);
    this.range = 0;
    this.next = this.ranges.length ? this.ranges[0][0] : 0;
    this.done = false;
  }

  // Works until a deadline; true once the image is whole.
  work(deadline) {
    while (this.range < this.ranges.length) {
      const end = this.ranges[this.range][1];
      while (this.next < end) {
        const until = Math.min(end, this.next + 4096);
        this.jobs(this.next, until);
        this.next = until;
        if (performance.now() > deadline && this.next < end) return false;
      }
      this.range++;
      if (this.range < this.ranges.length) this.next = this.ranges[this.range][0];
    }
    if (!this.done) this.compose();
    this.done = true;
    return true;
  }

  jobs(from, until) {
    const { left, right, bottom, upper } = this.view;
    const { birth, death, low, high, record } = this.index;
    const { width, height } = this;
    const [sx, sy] = [width / (right - left), height / (upper - bottom)];
    for (let i = from; i < until; i++) {
      if (death[i] <= left || birth[i] >= right || high[i] <= bottom || low[i] >= upper) continue;
      const x0 = (birth[i] - left) * sx, x1 = (death[i] - left) * sx;
      const y0 = (upper - high[i]) * sy, y1 = (upper - low[i]) * sy;
      const apart = !this.mask || this.mask[record[i]] === 1;
      if (x1 - x0 >= 1.5 && y1 - y0 >= 1.5) {
        this.fill(x0, x1, y0, y1, this.steps[i], apart);
        if (apart) this.label(record[i], x0, x1, y0, y1, this.steps[i]);
      } else {
        const [left, right, top, bottom] = [Math.max(x0, 0), Math.min(x1, width), Math.max(y0, 0), Math.min(y1, height)];
        this.add(left, right, top, bottom, this.steps[i], apart ? 1 : PALE);
        if (this.marks && apart) this.mark(left, right, top, bottom);
      }
    }
  }

  // Keeps where a block has room for a name.
  label(record, x0, x1, y0, y1, step) {
    const { ratio, width, height, labels } = this;
    const left = Math.max(x0, 0), right = Math.min(x1, width), top = Math.max(y0, 0), bottom = Math.min(y1, height);
    if (right - left < 16 * ratio || bottom - top < 13 * ratio || labels.length >= NAMES) return;
    labels.push({ record, left, top, width: right - left, height: bottom - top, step });
  }

  fill(x0, x1, y0, y1, step, apart) {
    const { width, height, pixels } = this;
    const alpha = (apart ? 0xff : 0x2c) << 24;
    const plain = this.touched ? (BLOCK[2] << 16) | (BLOCK[1] << 8) | BLOCK[0] : this.paint.colours[step];
    const colour = (alpha | plain) >>> 0;
    const edge = (alpha | ((plain >> 1) & 0x7f7f7f)) >>> 0;
    const edged = x1 - x0 >= 5 && y1 - y0 >= 5;
    const left = Math.max(0, Math.round(x0)), right = Math.min(width, Math.max(Math.round(x1), left + 1));
    const top = Math.round(y0), bottom = Math.min(height, Math.max(Math.round(y1), top + 1));
    for (let y = Math.max(0, top); y < bottom; y++) {
      const row = y * width;
      if (edged && y === top) {
        pixels.fill(edge, row + left, row + right);
        continue;
      }
      pixels.fill(colour, row + left, row + right);
      if (edged && x0 >= 0) pixels[row + left] = edge;
    }
  }

  add(x0, x1, y0, y1, step, weight) {
    const full = this.fullness;
    const left = Math.floor(x0), right = Math.floor(x1);
    const leftPart = x0 - left, rightPart = x1 - right;
    const stride = 2 * (this.width + 2);
    for (let y = Math.floor(y0); y < y1; y++) {
      const share = weight * (Math.min(y1, y + 1) - Math.max(y0, y));
      const [a, b] = [y * stride + 2 * left, y * stride + 2 * right];
      full[a] += share * (1 - leftPart);
      full[a + 1] += share * (1 - leftPart) * step;
      full[a + 2] += share * leftPart;
      full[a + 3] += share * leftPart * step;
      full[b] -= share * (1 - rightPart);
      full[b + 1] -= share * (1 - rightPart) * step;
      full[b + 2] -= share * rightPart;
      full[b + 3] -= share * rightPart * step;
    }
  }

  // Where something that is singled out lies, however small.
  mark(x0, x1, y0, y1) {
    const left = Math.floor(x0), right = Math.max(left + 1, Math.ceil(x1));
    for (let y = Math.floor(y0); y < Math.max(y1, Math.floor(y0) + 1) && y < this.height; y++) {
      this.marks[y * (this.width + 2) + left] += 1;
      this.marks[y * (this.width + 2) + Math.min(right, this.width + 1)] -= 1;
    }
  }

  compose() {
    const { width, height, fullness, pixels, marks, touchedParts } = this;
    const colours = this.paint.colours;
    for (let y = 0; y < height; y++) {
      let [at, full, steps, marked, touched] = [y * (width + 2), 0, 0, 0, 0];
      for (let x = y * width; x < (y + 1) * width; x++, at++) {
        full += fullness[2 * at];
        steps += fullness[2 * at + 1];
        if (marks) marked += marks[at];
        if (touchedParts) touched += touchedParts[at];
        if (pixels[x] >>> 24 === 255) continue;
        if (touchedParts) {
          if (!pixels[x]) pixels[x] = pinnedPixel(touched, full < 1e-3 ? 0 : Math.min(1, Math.max(full, 0.06)));
          continue;
        }
        if (full < 1e-3 || (pixels[x] && marked < 0.5)) continue;
        const step = Math.min(STEPS - 1, Math.max(0, Math.round(steps / full)));
        // What is there at all can be seen.
        const least = marked > 0.5 ? 0.8 : 0.06;
        pixels[x] = ((Math.round(255 * Math.min(1, Math.max(full, least))) << 24) | colours[step]) >>> 0;
      }
    }
    this.fullness = this.marks = this.touchedParts = null;
  }

  // The painting as a canvas: regions of memory behind it, names on top.
  finish(jobs, placement) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [this.width, this.height];
    const context = canvas.getContext("2d");
    const image = document.createElement("canvas");
    [image.width, image.height] = [this.width, this.height];
    image.getContext("2d").putImageData(this.image, 0, 0);
    const { lived } = jobs.meta.placements[placement];
    if (lived) this.ground(context, jobs.regions[placement]);
    context.drawImage(image, 0, 0);
    if (jobs.regions[placement].count > 1) this.separate(context, jobs.regions[placement], lived);
    this.names(context, jobs);
    return { canvas, view: this.view };
  }

  // Each region that is in sight, in pixels.
  *boxes(regions, lived) {
    const { left, right, bottom, upper } = this.view;
    const [sx, sy] = [this.width / (right - left), this.height / (upper - bottom)];
    for (let i = 0; i < regions.count; i++) {
      const x0 = lived ? Math.max(-9, (regions.birth[i] - left) * sx) : -9;
      const x1 = lived ? Math.min(this.width + 9, (regions.death[i] - left) * sx) : this.width + 9;
      const y0 = (upper - regions.below[i] - regions.size[i]) * sy;
      const y1 = (upper - regions.below[i]) * sy;
      if (x1 > 0 && x0 < this.width && y1 > 0 && y0 < this.height) yield [i, x0, x1, y0, y1];
    }
  }

  ground(context, regions) {
    context.fillStyle = themeColour("--region");
    for (const [, x0, x1, y0, y1] of this.boxes(regions, true))
      context.fillRect(x0, y0, Math.max(0.5, x1 - x0), Math.max(0.3, y1 - y0));
  }

  // Thin lines around regions that are far enough apart to tell anything.
  separate(context, regions, lived) {
    const { ratio } = this;
    context.strokeStyle = themeColour("--separator");
    context.lineWidth = 1;
    context.font = `${11 * ratio}px system-ui, sans-serif`;
    context.textBaseline = "bottom";
    for (const [i, x0, x1, y0, y1] of this.boxes(regions, lived)) {
      if (y1 - y0 < APART * ratio || x1 - x0 < APART * ratio) continue;
      context.strokeRect(Math.round(x0) + 0.5, Math.round(y0) + 0.5, Math.round(x1 - x0), Math.round(y1 - y0));
      const name = `0x${regions.base(i).toString(16)}`;
      const left = Math.max(x0, 0), bottom = Math.min(y1, this.height);
      if (bottom - Math.max(y0, 0) < 30 * ratio || context.measureText(name).width + 12 * ratio > Math.min(x1, this.width) - left) continue;
      context.lineWidth = 3 * ratio;
      context.strokeStyle = themeColour("--ground");
      context.strokeText(name, left + 5 * ratio, bottom - 3 * ratio);
      context.fillStyle = themeColour("--quiet");
      context.fillText(name, left + 5 * ratio, bottom - 3 * ratio);
      context.lineWidth = 1;
      context.strokeStyle = themeColour("--separator");
    }
  }

  // The id of each block that has room for it, and its size beside or below.
  names(context, jobs) {
    const { ratio } = this;
    context.font = `${11 * ratio}px system-ui, sans-serif`;
    context.textBaseline = "top";
    for (const { record, left, top, width, height, step } of this.labels) {
      const size = bytesText(jobs.size[record]);
      const id = jobs.id(record);
      const room = width - 6 * ratio;
      const fits = (text) => text.length * 5 * ratio < room * 1.3 && context.measureText(text).width <= room;
      context.fillStyle = this.touched || this.paint.isDark[step] ? "#fff" : "#16181d";
      const y = top + 2.5 * ratio;
      const both = `${id} · ${size}`;
      const text = [both, id, size].find(fits);
      if (!text) continue;
      context.fillText(text, left + 4 * ratio, y);
      if (text === id && height >= 27 * ratio && fits(size)) context.fillText(size, left + 4 * ratio, y + 13 * ratio);
    }
  }
}
