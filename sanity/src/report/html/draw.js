// Paints the map. Rectangles of a pixel and a half or more are filled; smaller
// ones add to how full a pixel is, so that a million jobs show as density. The
// work is cut into slices: while a view is being painted, the last one is shown
// moved and scaled to where it now belongs.

const SLICE = 10; // milliseconds of painting a frame
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
    this.edges = this.colours.map((colour) => (colour >> 1) & 0x7f7f7f);
  }

  // A step of the palette for each job of an index, on a logarithmic scale.
  steps(index, values) {
    let [least, most] = [Infinity, 0];
    for (const value of values) {
      if (value < least) least = value;
      if (value > most) most = value;
    }
    const scale = (STEPS - 1) / Math.max(1e-9, Math.log2(most) - Math.log2(least));
    const steps = new Uint8Array(values.length);
    for (let i = 0; i < steps.length; i++)
      steps[i] = (Math.log2(values[index.record[i]]) - Math.log2(least)) * scale;
    return steps;
  }
}

// One view of an index, painted slice by slice.
class Painting {
  constructor(index, steps, paint, view, width, height) {
    Object.assign(this, { index, steps, paint, width, height });
    this.view = { left: view.left, right: view.right, bottom: view.bottom, upper: view.upper };
    this.image = new ImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    // How full each pixel is, and that times the colour's step: changes from
    // one pixel of a row to the next, so that a wide job costs no more.
    this.fullness = new Float32Array(2 * (width + 2) * height);
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
    const { birth, death, low, high } = this.index;
    const { width, height } = this;
    const [sx, sy] = [width / (right - left), height / (upper - bottom)];
    for (let i = from; i < until; i++) {
      if (death[i] <= left || birth[i] >= right || high[i] <= bottom || low[i] >= upper) continue;
      const x0 = (birth[i] - left) * sx, x1 = (death[i] - left) * sx;
      const y0 = (upper - high[i]) * sy, y1 = (upper - low[i]) * sy;
      if (x1 - x0 >= 1.5 && y1 - y0 >= 1.5) this.fill(x0, x1, y0, y1, this.steps[i]);
      else this.add(Math.max(x0, 0), Math.min(x1, width), Math.max(y0, 0), Math.min(y1, height), this.steps[i]);
    }
  }

  fill(x0, x1, y0, y1, step) {
    const { width, height, pixels } = this;
    const colour = (0xff000000 | this.paint.colours[step]) >>> 0;
    const edge = (0xff000000 | this.paint.edges[step]) >>> 0;
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

  add(x0, x1, y0, y1, step) {
    const full = this.fullness;
    const left = Math.floor(x0), right = Math.floor(x1);
    const leftPart = x0 - left, rightPart = x1 - right;
    const stride = 2 * (this.width + 2);
    for (let y = Math.floor(y0); y < y1; y++) {
      const share = Math.min(y1, y + 1) - Math.max(y0, y);
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

  compose() {
    const { width, height, fullness, pixels } = this;
    const colours = this.paint.colours;
    for (let y = 0; y < height; y++) {
      let [at, full, steps] = [2 * y * (width + 2), 0, 0];
      for (let x = y * width; x < (y + 1) * width; x++, at += 2) {
        full += fullness[at];
        steps += fullness[at + 1];
        if (full < 1e-3 || pixels[x]) continue;
        const step = Math.min(STEPS - 1, Math.max(0, Math.round(steps / full)));
        // What is there at all can be seen.
        const alpha = Math.round(255 * Math.min(1, Math.max(full, 0.06)));
        pixels[x] = ((alpha << 24) | colours[step]) >>> 0;
      }
    }
    this.fullness = null;
  }
}

// The margins of both canvases, in pixels of the page: their axes agree.
const MARGIN = { left: 84, right: 10, top: 6, bottom: 22 };

function themeColour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

function bytesText(value, step = value) {
  let unit = 0;
  while (unit + 1 < UNITS.length && Math.abs(value) >= 1024 ** (unit + 1)) unit++;
  const inUnits = value / 1024 ** unit;
  // As many digits as a mark needs: steps are powers of two.
  const digits = unit ? Math.min(3, Math.max(0, Math.ceil(-Math.log2(step / 1024 ** unit)))) : 0;
  return `${inUnits.toFixed(digits)} ${UNITS[unit]}`;
}

// Round values for the marks of an axis.
function marks(from, to, count, base) {
  const rough = Math.max((to - from) / count, 1);
  const power = base ** Math.floor(Math.log(rough) / Math.log(base));
  const factors = base === 2 ? [1, 2] : [1, 2, 5, 10];
  const step = power * factors.find((factor) => power * factor >= rough * 0.999);
  // By index: far from 0 a step may be less than what a number can tell.
  const first = Math.ceil(from / step);
  const values = Array.from({ length: Math.min(count * 3, Math.floor(to / step) - first + 1) }, (_, index) => (first + index) * step);
  return { values, step };
}
