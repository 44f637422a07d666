// What the search field takes: an id; sizes as `size:4096`, `size:64..128`,
// `>=1MiB`, `<4k`; a size class as `class:48`; a heap as `heap:0x7f00`.

const SIZE_UNITS = { "": 1, b: 1, k: 1024, kib: 1024, kb: 1e3, m: 2 ** 20, mib: 2 ** 20, mb: 1e6, g: 2 ** 30, gib: 2 ** 30, gb: 1e9 };

function parseSize(text) {
  const [, digits, unit] = /^\s*(0x[0-9a-f]+|\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text) || [];
  const factor = SIZE_UNITS[(unit || "").toLowerCase()];
  return digits === undefined || factor === undefined ? NaN : Number(digits) * factor;
}

// The sizes [from, to] that a comparison or a range means; null where it means none.
function parseSizes(text) {
  const [, sign, rest] = /^\s*(>=|<=|>|<|=|)(.*)$/.exec(text);
  const [low, high] = rest.split("..");
  const from = parseSize(low), to = high === undefined ? from : parseSize(high);
  if (Number.isNaN(from) || Number.isNaN(to)) return null;
  if (sign === ">=") return [from, Infinity];
  if (sign === ">") return [from + 1, Infinity];
  if (sign === "<=") return [0, from];
  if (sign === "<") return [0, from - 1];
  return [from, to];
}

// The class of a size: 16 apart up to 128 bytes, then four a doubling.
function sizeClass(size) {
  if (size <= 128) {
    const to = Math.max(16, Math.ceil(size / 16) * 16);
    return [to - 15, to];
  }
  const doubling = 2 ** Math.floor(Math.log2(size - 1));
  const to = doubling + Math.ceil((size - doubling) / (doubling / 4)) * (doubling / 4);
  return [to - doubling / 4 + 1, to];
}

// What is searched for: the records, and a name for them; or what is wrong.
function search(jobs, text, placement) {
  // An id may look like anything else.
  const records = jobs.find(text);
  const [, key, rest] = /^(id|size|class|heap):(.*)$/i.exec(text) || [];
  const isSize = /^[<>=]/.test(text) && parseSizes(text);
  const kind = key ? key.toLowerCase() : isSize ? "size" : "id";
  const argument = key ? rest.trim() : text;
  if (records.length) return { name: `job ${text}`, isId: true, records };
  if (kind === "id") return { name: `job ${argument}`, isId: true, records: jobs.find(argument) };
  if (kind === "heap") {
    if (!/^(0x[0-9a-f]+|\d+)$/i.test(argument)) return { error: "heap: takes an address, such as 0x1000" };
    return { name: `heap ${argument}`, heap: BigInt(argument), records: inHeap(jobs, BigInt(argument), placement) };
  }
  const range = kind === "class" ? sizeClassOf(argument) : parseSizes(argument);
  if (!range) return { error: `${kind}: takes bytes, such as 4096, 64KiB, >=1MiB` };
  return { name: sizesName(range), records: ofSizes(jobs, ...range) };
}

function sizeClassOf(text) {
  const size = parseSize(text);
  return size >= 1 ? sizeClass(size) : null;
}

function sizesName([from, to]) {
  if (from === to) return `of ${from} bytes`;
  if (to === Infinity) return `of ${from} bytes or more`;
  return from ? `of ${from} to ${to} bytes` : `of up to ${to} bytes`;
}

function ofSizes(jobs, from, to) {
  return chosen(jobs, (index) => jobs.size[index] >= from && jobs.size[index] <= to);
}

function ofRequests(jobs, from, to) {
  const requested = jobs.columns.requested.floats();
  return chosen(jobs, (index) => requested[index] >= from && requested[index] <= to);
}

function ofAges(jobs, from, to) {
  return chosen(jobs, (index) => jobs.life(index) >= from && jobs.life(index) <= to);
}

// The jobs of the largest region that holds an address.
function inHeap(jobs, address, placement) {
  const region = jobs.regions[placement].holding(address);
  if (region < 0) return [];
  const heaps = jobs.columns[placement ? "other_heap" : "heap"].floats();
  return chosen(jobs, (index) => heaps[index] === region);
}

// The records that fulfil a condition.
function chosen(jobs, fulfils) {
  const records = [];
  for (let index = 0; index < jobs.count; index++) if (fulfils(index)) records.push(index);
  return records;
}

// Of jobs that have gaps, each piece is a record.
function countJobs(jobs, records) {
  if (!jobs.columns.size) return records.length;
  return new Set(records.map((record) => jobs.id(record))).size;
}
