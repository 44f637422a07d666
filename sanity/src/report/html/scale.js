// Round numbers: marks of an axis, and classes of values with a colour each.
// The pictures of `--svg` follow the same rules.

const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"].map((name, power) => [name, 1024 ** power]);
const TIMES = [["ns", 1], ["µs", 1e3], ["ms", 1e6], ["s", 1e9]];

function unitOf(units, fits) {
  return units.findLast(([, size]) => fits(size)) || units[0];
}

// Three digits or so.
function bytesText(value) {
  const [name, size] = unitOf(BINARY, (size) => Math.abs(value) >= size);
  const inUnits = value / size;
  const digits = size === 1 || inUnits >= 100 ? 0 : inUnits >= 10 ? 1 : 2;
  return `${inUnits.toFixed(digits)} ${name}`;
}

// A span of time, given in nanoseconds.
function spanText(value) {
  const [name, size] = unitOf(TIMES, (size) => value >= size);
  return `${Number((value / size).toPrecision(4))} ${name}`;
}

// A value in its unit: bytes, time in nanoseconds, or ticks.
function valueText(value, unit) {
  if (unit === "bytes") return bytesText(value).replace(/\.0+ /, " ");
  return unit === "time" ? spanText(value) : String(value);
}

// Even, round marks between two values, which count from a start: at most some.
function marks(from, to, most, unit, start = 0n) {
  const rough = Math.max((to - from) / Math.max(1, most), 1);
  let step = 2 ** Math.ceil(Math.log2(rough));
  if (unit !== "bytes") {
    const power = 10 ** Math.floor(Math.log10(rough));
    step = power * [1, 2, 5, 10].find((factor) => power * factor >= rough * 0.999);
  }
  let [name, size] = ["", 1];
  if (unit === "bytes") [name, size] = unitOf(BINARY, (size) => step >= size / 4);
  if (unit === "time") [name, size] = unitOf(TIMES, (size) => step >= size / 10);
  const digits = unit === "bytes" ? Math.max(0, Math.ceil(Math.log2(size / step))) : Number(step < size);
  // Relative to the last round value before the start: numbers stay small.
  const big = BigInt(step);
  const before = start - (start % big);
  const shift = Number(start - before);
  const first = Math.ceil((from + shift) / step), last = Math.floor((to + shift) / step);
  const label = (index) => {
    const value = before + BigInt(index) * big;
    if (size > 1) return (Number(value) / size).toFixed(digits);
    return String(value).replace(/(\d)(?=(\d{3})+$)/g, "$1\u202f");
  };
  const count = Math.min(Math.max(0, last - first + 1), 100);
  return {
    unit: name,
    values: Array.from({ length: count }, (_, index) => ({
      at: (first + index) * step - shift,
      label: label(first + index),
    })),
  };
}

// Round values from the least to below the most, the finest first.
function rounds(unit, coarseness, least, most) {
  const values = [];
  for (let power = 1; power < most;) {
    if (unit === "bytes") {
      values.push(power);
      power *= 2 ** (coarseness + 1);
    } else if (coarseness === 0) {
      values.push(power, 2 * power, 5 * power);
      power *= 10;
    } else {
      values.push(power);
      power *= 10 ** coarseness;
    }
  }
  return values.filter((value) => least <= value && value < most);
}

// Classes of values with round bounds: as fine as the colours allow.
class Scale {
  constructor(values, unit, colours) {
    let [least, most] = [Infinity, 1];
    for (const value of values) {
      if (value < least) least = value;
      if (value > most) most = value;
    }
    // A few that live for next to no time do not make all classes coarse.
    if (unit !== "bytes") least = Math.max(least, most / 1e7);
    let coarseness = 0;
    do this.bounds = rounds(unit, coarseness++, Math.max(1, least), most);
    while (this.bounds.length >= colours);
    this.unit = unit;
    this.colours = colours;
  }

  colour(rank) {
    const classes = Math.max(1, this.bounds.length);
    return Math.floor((rank * (this.colours - 1) + Math.floor(classes / 2)) / classes);
  }

  // What each class means, and its colour.
  legend() {
    const text = (value) => valueText(value, this.unit);
    const entries = this.bounds.map((bound, rank) => [this.colour(rank), `≤ ${text(bound)}`]);
    const last = this.bounds.length;
    entries.push([this.colour(last), last ? `> ${text(this.bounds[last - 1])}` : "all"]);
    return entries;
  }
}
