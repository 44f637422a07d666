// Which part of time and address is seen, and which jobs lie in it.

// The part of the plane that the map shows.
class View {
  constructor(end, top) {
    this.end = end;
    this.top = top;
    this.reset();
  }

  reset() {
    [this.left, this.right] = [0, this.end];
    [this.bottom, this.upper] = [0, this.top * 1.02];
  }

  get width() { return this.right - this.left; }
  get height() { return this.upper - this.bottom; }

  // Zooms about a point that stays where it is; below 1 is closer.
  zoom(factor, x, y, only = "") {
    const limit = (size, whole, least) => Math.min(Math.max(size * factor, least), whole) / size;
    const fx = only === "y" ? 1 : limit(this.width, this.end * 1.2, closest(this.end, 8));
    const fy = only === "x" ? 1 : limit(this.height, this.top * 1.2, closest(this.top, 16));
    this.set(x - (x - this.left) * fx, this.width * fx, y - (y - this.bottom) * fy, this.height * fy);
  }

  move(dx, dy) { this.set(this.left + dx, this.width, this.bottom + dy, this.height); }

  // Some of the jobs stays in sight.
  set(left, width, bottom, height) {
    this.left = Math.min(Math.max(left, -width * 0.5), this.end - width * 0.5);
    this.bottom = Math.min(Math.max(bottom, -height * 0.5), this.top - height * 0.5);
    this.right = this.left + width;
    this.upper = this.bottom + height;
  }

  // Shows a rectangle in the middle, with some of what is around it.
  show(birth, death, low, high) {
    const width = Math.min(this.end, Math.max((death - birth) * 6, closest(this.end, 40)));
    const height = Math.min(this.top, Math.max((high - low) * 12, closest(this.top, 64)));
    this.set((birth + death - width) / 2, width, (low + high - height) / 2, height);
  }
}

// The least part of an axis to show: what floating point still tells apart.
function closest(whole, least) {
  return Math.min(whole, Math.max(least, whole * 2 ** -42));
}

// Jobs by age class, [2^k, 2^(k+1)) ticks, and by birth within a class. Of a
// class only births from 2^(k+1) before the view on can be seen: a search finds
// the first. Old classes come first, so that what is large is drawn first.
class Index {
  constructor(jobs, placement) {
    const count = jobs.count;
    const classOf = (age) => Math.max(0, Math.floor(Math.log2(Math.max(age, 1))));
    const classes = new Uint8Array(count);
    const sizes = new Uint32Array(66);
    for (let i = 0; i < count; i++) sizes[classes[i] = 63 - classOf(jobs.ages[i])]++;
    const starts = new Uint32Array(66);
    for (let k = 0; k < 65; k++) starts[k + 1] = starts[k] + sizes[k];
    this.classes = [];
    for (let k = 0; k < 65; k++)
      if (sizes[k]) this.classes.push({ longest: 2 ** (64 - k), from: starts[k], to: starts[k + 1] });
    this.record = new Uint32Array(count);
    this.birth = new Float64Array(count);
    this.death = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      const at = starts[classes[i]]++;
      this.record[at] = i;
      this.birth[at] = jobs.birth[i];
      this.death[at] = jobs.death[i];
    }
    this.place(jobs, placement);
  }

  // The same for another placement.
  beside(jobs, placement) {
    const other = Object.assign(Object.create(Index.prototype), this);
    other.place(jobs, placement);
    return other;
  }

  place(jobs, placement) {
    const low = jobs.low[placement];
    this.low = new Float64Array(jobs.count);
    this.high = new Float64Array(jobs.count);
    for (let at = 0; at < jobs.count; at++) {
      const record = this.record[at];
      this.low[at] = low[record];
      this.high[at] = low[record] + jobs.height[record];
    }
  }

  // The part of each class that may be live in [left, right].
  ranges(left, right) {
    const ranges = [];
    for (const { longest, from, to } of this.classes) {
      const first = lowerBound(this.birth, left - longest, from, to);
      const last = lowerBound(this.birth, right, first, to);
      if (first < last) ranges.push([first, last]);
    }
    return ranges;
  }

  // The record that holds an address at an instant, or the nearest within reach.
  at(time, address, ticks = 0, bytes = 0) {
    let best = -1, nearest = Infinity;
    for (const [from, to] of this.ranges(time - ticks, time + ticks + 1e-9)) {
      for (let i = from; i < to; i++) {
        const dx = outside(time, this.birth[i], this.death[i]);
        const dy = outside(address, this.low[i], this.high[i]);
        if (dx > ticks || dy > bytes) continue;
        const distance = (ticks ? dx / ticks : 0) + (bytes ? dy / bytes : 0);
        if (distance < nearest) [best, nearest] = [this.record[i], distance];
      }
    }
    return best;
  }
}

// How far a value lies outside [low, high).
function outside(value, low, high) {
  if (value < low) return low - value;
  return value < high ? 0 : value - high + Number.MIN_VALUE;
}

// The first index at which a sorted array reaches a value.
function lowerBound(array, value, from = 0, to = array.length) {
  while (from < to) {
    const middle = (from + to) >> 1;
    if (array[middle] < value) from = middle + 1;
    else to = middle;
  }
  return from;
}
