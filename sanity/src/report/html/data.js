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
    let at;
    [this.columns, at] = readColumns(meta.columns, meta.count, bytes, 0);
    const tables = {};
    for (const { name, count, columns } of meta.tables)
      [tables[name], at] = readColumns(columns, count, bytes, at);
    this.textIds = meta.text_ids ? JSON.parse(new TextDecoder().decode(bytes.subarray(at))) : null;
    const { birth, death, height, low, heap } = this.columns;
    this.origin = birth.base;
    this.height = height.floats();
    this.load = Number(meta.load);
    this.regions = [new Regions(tables.regions, this.origin)];
    this.low = [stacked(low, heap, this.regions[0])];
    if (meta.placements.length > 1) {
      this.regions.push(new Regions(tables.other_regions, this.origin));
      this.low.push(stacked(this.columns.other_low, this.columns.other_heap, this.regions[1]));
    }
    this.top = Math.max(1, ...meta.placements.map((placement) => Number(placement.makespan)));
    // All of this is in ticks; `clock` makes of it what the axis shows.
    this.ticks = { birth: birth.floats(this.origin), death: death.floats(this.origin) };
    const { size, first, last } = this.columns;
    if (size) Object.assign(this.ticks, { first: first.floats(this.origin), last: last.floats(this.origin) });
    this.size = size ? size.floats() : this.height;
    this.loads = tables.curve
      ? { times: tables.curve.time.floats(this.origin), values: tables.curve.load.floats() }
      : sweep(this.ticks.birth, this.ticks.death, this.height, death.order());
    const over = (table, time, value) => ({ times: table[time].floats(this.origin), values: table[value].floats() });
    this.overTime = {};
    for (const name of ["held", "touched"])
      if (tables.moments) this.overTime[name] = over(tables.moments, "time", name);
    if (tables.resident) this.overTime.resident = over(tables.resident, "time", "value");
    this.touched = tables.touched && new Touched(tables.touched, this.origin);
    this.seconds = tables.seconds && new Seconds(tables.seconds, this.origin);
    this.setClock(Boolean(this.seconds));
  }

  // Whether the axis of time shows seconds, or the logical clock.
  setClock(real) {
    this.inSeconds = real;
    const seconds = real && this.seconds;
    const convert = (ticks) => (seconds ? ticks.map((tick) => seconds.at(tick)) : ticks);
    const { birth, death, first, last } = this.ticks;
    this.birth = convert(birth);
    this.death = convert(death);
    this.peak = convert(Float64Array.of(Number(BigInt(this.meta.peak) - this.origin)))[0];
    this.end = Number.MIN_VALUE;
    for (let i = 0; i < this.count; i++) if (this.death[i] > this.end) this.end = this.death[i];
    this.end = Math.max(1, this.end);
    this.curve = { times: convert(this.loads.times), loads: this.loads.values };
    this.curves = {};
    for (const [name, { times, values }] of Object.entries(this.overTime))
      this.curves[name] = { times: convert(times), loads: values };
    for (const lives of [...this.regions, this.touched])
      if (lives) [lives.birth, lives.death] = [convert(lives.births), convert(lives.deaths)];
    this.ages = new Float64Array(this.count);
    for (let i = 0; i < this.count; i++) this.ages[i] = this.death[i] - this.birth[i];
    // What colours tell is of the whole job.
    const firsts = first && convert(first);
    this.values = { size: this.size, age: first ? convert(last).map((death, i) => death - firsts[i]) : this.ages };
    this.unit = real ? "time" : this.meta.clock === "time" ? "ticks" : "bytes";
    this.start = seconds ? BigInt(Math.round(seconds.start)) : this.origin;
  }

  // The lifetime of a record's job in ticks.
  life(index) {
    const { birth, death, first, last } = this.ticks;
    return first ? last[index] - first[index] : death[index] - birth[index];
  }

  id(index) {
    return this.textIds ? this.textIds[index] : String(this.columns.id.exact(index));
  }

  // The records of the job of an id.
  find(id) {
    const found = [];
    if (this.textIds) {
      for (let i = this.textIds.indexOf(id); i >= 0; i = this.textIds.indexOf(id, i + 1)) found.push(i);
      return found;
    }
    if (!/^\d{1,20}$/.test(id)) return found;
    const column = this.columns.id;
    const wanted = BigInt(id) - column.base;
    if (wanted < 0n || wanted >> BigInt(8 * column.planes.length)) return found;
    const digits = column.planes.map((_, plane) => Number((wanted >> BigInt(8 * plane)) & 255n));
    for (let i = 0; i < this.count; i++)
      if (column.planes.every((plane, digit) => plane[i] === digits[digit])) found.push(i);
    return found;
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
    const { lived } = this.meta.placements[placement];
    const base = this.regions[placement].base(Number(at(prefix + "heap")));
    const offset = at(prefix + "low") - (has ? at("above") : 0n);
    const place = lived
      ? `address 0x${(base + offset).toString(16)}`
      : `offset ${offset} to ${offset + size}`;
    const lines = [
      `job ${this.id(index)}`,
      `size ${size} bytes, requested ${at("requested")}`,
      `lives [${birth}, ${death}), ${death - birth} ticks`,
      place,
      `alignment ${at("alignment")}, ${lived ? "region" : "heap"} 0x${base.toString(16)}`,
    ];
    if (this.inSeconds) {
      const [from, life] = [Number(this.start) + this.birth[index], this.values.age[index]];
      lines.splice(3, 0, `at ${spanText(from)}, for ${spanText(life)}`);
    }
    if (has && (birth !== at("birth") || death !== at("death") || size !== at("height")))
      lines.push(`this piece: [${at("birth")}, ${at("death")}), ${at("height")} bytes`);
    return lines.join("\n");
  }
}

// Heaps, or regions of memory with a life each, and where they lie in the map.
class Regions {
  constructor(columns, origin) {
    this.columns = columns;
    this.count = columns.base.count;
    this.below = columns.below.floats();
    this.size = columns.size.floats();
    this.births = columns.birth.floats(origin);
    this.deaths = columns.death.floats(origin);
  }

  base(index) { return this.columns.base.exact(index); }

  // The largest one that holds an address; -1 where none does.
  holding(address) {
    let best = -1;
    for (let i = 0; i < this.count; i++) {
      const within = address - this.base(i);
      const holds = within >= 0n && (within === 0n || within < this.columns.size.exact(i));
      if (holds && (best < 0 || this.size[i] > this.size[best])) best = i;
    }
    return best;
  }
}

// Touched pages, by birth.
class Touched {
  constructor(columns, origin) {
    this.count = columns.low.count;
    this.low = columns.low.floats();
    const sizes = columns.size.floats();
    this.high = this.low.map((low, index) => low + sizes[index]);
    this.births = columns.birth.floats(origin);
    this.deaths = columns.death.floats(origin);
  }
}

// From the logical clock to nanoseconds, between two samples in proportion.
class Seconds {
  constructor(columns, origin) {
    this.times = columns.time.floats(origin);
    this.values = columns.value.floats();
    this.next = 0;
    this.start = 0;
    this.start = this.at(0);
  }

  at(tick) {
    const { times, values } = this;
    // Mostly it is asked for neighbours.
    if (!(this.next > 0 && this.next < times.length && times[this.next - 1] <= tick && tick < times[this.next])) {
      this.next = lowerBound(times, tick);
      while (times[this.next] === tick) this.next++;
    }
    const after = this.next;
    if (after === 0) return values[0] - this.start;
    if (after === times.length) return values[after - 1] - this.start;
    const share = (tick - times[after - 1]) / (times[after] - times[after - 1]);
    return values[after - 1] + share * (values[after] - values[after - 1]) - this.start;
  }
}

function stacked(low, heap, regions) {
  const lows = low.floats();
  const heaps = heap.floats();
  for (let i = 0; i < lows.length; i++) lows[i] += regions.below[heaps[i]];
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
  return { times: times.subarray(0, points), values: loads.subarray(0, points) };
}
