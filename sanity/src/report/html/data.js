// The packed jobs, unpacked. A record is what the map draws: a job, or a piece
// of one that has gaps. Geometry is in floating point, relative to the first
// birth and to address 0 of the lowest heap; what is told is exact.

async function unpack() {
  const meta = JSON.parse(document.getElementById("meta").textContent);
  const element = document.getElementById("data");
  const text = atob(element.textContent);
  element.remove();
  const packed = new Uint8Array(text.length);
  for (let i = 0; i < packed.length; i++) packed[i] = text.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  return new Jobs(meta, bytes);
}

// One column: its smallest value and the byte planes of the rest.
class Column {
  constructor(head, count, bytes, at) {
    this.base = BigInt(head.base);
    this.count = count;
    this.planes = [];
    for (let plane = 0; plane < head.width; plane++)
      this.planes.push(bytes.subarray(at + plane * count, at + (plane + 1) * count));
  }

  get end() { return this.planes.length * this.count; }

  exact(index) {
    let value = 0n;
    for (let plane = this.planes.length - 1; plane >= 0; plane--)
      value = (value << 8n) | BigInt(this.planes[plane][index]);
    return value + this.base;
  }

  // All values, less an origin.
  floats(origin = 0n) {
    const values = new Float64Array(this.count).fill(Number(this.base - origin));
    let scale = 1;
    for (const plane of this.planes) {
      for (let i = 0; i < values.length; i++) values[i] += plane[i] * scale;
      scale *= 256;
    }
    return values;
  }

  // The records in the order of their values: a radix sort by the planes.
  order() {
    let from = new Uint32Array(this.count).map((_, index) => index);
    let to = new Uint32Array(this.count);
    for (const plane of this.planes) {
      const starts = new Uint32Array(257);
      for (let i = 0; i < plane.length; i++) starts[plane[i] + 1]++;
      for (let i = 0; i < 256; i++) starts[i + 1] += starts[i];
      for (let i = 0; i < from.length; i++) to[starts[plane[from[i]]]++] = from[i];
      [from, to] = [to, from];
    }
    return from;
  }
}

function readColumns(heads, count, bytes, at) {
  const columns = {};
  for (const head of heads) {
    const column = new Column(head, count, bytes, at);
    columns[head.name] = column;
    at += column.end;
  }
  return [columns, at];
}

class Jobs {
  constructor(meta, bytes) {
    this.meta = meta;
    this.count = meta.count;
    let at, curve;
    [this.columns, at] = readColumns(meta.columns, meta.count, bytes, 0);
    if (meta.curve) [curve, at] = readColumns(meta.curve.columns, meta.curve.count, bytes, at);
    this.textIds = meta.text_ids ? JSON.parse(new TextDecoder().decode(bytes.subarray(at))) : null;
    const { birth, death, height, low, heap } = this.columns;
    this.origin = birth.base;
    this.birth = birth.floats(this.origin);
    this.death = death.floats(this.origin);
    this.height = height.floats();
    this.peak = Number(BigInt(meta.peak) - this.origin);
    this.load = Number(meta.load);
    this.end = 1;
    for (let i = 0; i < this.count; i++) if (this.death[i] > this.end) this.end = this.death[i];
    this.low = [stacked(low, heap, meta.placements[0])];
    if (meta.placements.length > 1)
      this.low.push(stacked(this.columns.other_low, this.columns.other_heap, meta.placements[1]));
    this.top = Math.max(1, ...meta.placements.map((placement) => Number(placement.makespan)));
    this.curve = curve
      ? { times: curve.time.floats(this.origin), loads: curve.load.floats() }
      : sweep(this.birth, this.death, this.height, death.order());
    this.ages = this.birth.map((birth, index) => this.death[index] - birth);
    // What colours tell is of the whole job.
    const { size, first, last } = this.columns;
    const firsts = size && first.floats();
    this.values = {
      size: size ? size.floats() : this.height,
      age: size ? last.floats().map((death, index) => death - firsts[index]) : this.ages,
    };
  }

  id(index) {
    return this.textIds ? this.textIds[index] : String(this.columns.id.exact(index));
  }

  find(id) {
    if (this.textIds) return this.textIds.indexOf(id);
    if (!/^\d{1,20}$/.test(id)) return -1;
    const column = this.columns.id;
    const wanted = BigInt(id) - column.base;
    if (wanted < 0n || wanted >> BigInt(8 * column.planes.length)) return -1;
    const digits = column.planes.map((_, plane) => Number((wanted >> BigInt(8 * plane)) & 255n));
    for (let i = 0; i < this.count; i++)
      if (column.planes.every((plane, digit) => plane[i] === digits[digit])) return i;
    return -1;
  }

  // All fields of a record's job, as lines.
  describe(index, placement) {
    const columns = this.columns;
    const at = (name) => columns[name].exact(index);
    const has = "size" in columns;
    const birth = at(has ? "first" : "birth");
    const death = at(has ? "last" : "death");
    const size = at(has ? "size" : "height");
    const prefix = placement ? "other_" : "";
    const heap = this.meta.placements[placement].heaps[Number(at(prefix + "heap"))];
    const offset = at(prefix + "low") - (has ? at("above") : 0n);
    const lines = [
      `job ${this.id(index)}`,
      `size ${size} bytes, requested ${at("requested")}`,
      `lives [${birth}, ${death}), ${death - birth} ticks`,
      `offset ${offset} to ${offset + size}`,
      `alignment ${at("alignment")}, heap ${heap.base}`,
    ];
    if (has && (birth !== at("birth") || death !== at("death") || size !== at("height")))
      lines.push(`this piece: [${at("birth")}, ${at("death")}), ${at("height")} bytes`);
    return lines.join("\n");
  }
}

function stacked(low, heap, placement) {
  const lows = low.floats();
  const heaps = heap.floats();
  const below = placement.heaps.map((heap) => Number(heap.below));
  for (let i = 0; i < lows.length; i++) lows[i] += below[heaps[i]];
  return lows;
}

// The load from each instant at which it changes: records come by birth.
function sweep(births, deaths, heights, byDeath) {
  const count = births.length;
  const times = new Float64Array(2 * count + 1);
  const loads = new Float64Array(2 * count + 1);
  let born = 0, dead = 0, load = 0, points = 0;
  while (dead < count) {
    const death = deaths[byDeath[dead]];
    const time = born < count && births[born] < death ? births[born] : death;
    while (dead < count && deaths[byDeath[dead]] === time) load -= heights[byDeath[dead++]];
    while (born < count && births[born] === time) load += heights[born++];
    times[points] = time;
    loads[points++] = load;
  }
  return { times: times.subarray(0, points), loads: loads.subarray(0, points) };
}
