// The view of pins: memory that the process touched and the allocator keeps,
// though no block lies in it. It glares behind blocks that are all grey.

const FREE = [255, 46, 32]; // red, green, blue of what is touched but free
const BLOCK = [122, 134, 154];

// How much of each pixel is touched.
function touchedParts({ birth, death, low, high, count }, view, width, height) {
  const parts = new Float32Array((width + 2) * height);
  const [sx, sy] = [width / (view.right - view.left), height / (view.upper - view.bottom)];
  for (let i = 0; i < count; i++) {
    if (birth[i] >= view.right) break;
    if (death[i] <= view.left || high[i] <= view.bottom || low[i] >= view.upper) continue;
    const x0 = Math.max(0, (birth[i] - view.left) * sx), x1 = Math.min(width, (death[i] - view.left) * sx);
    const y0 = Math.max(0, (view.upper - high[i]) * sy), y1 = Math.min(height, (view.upper - low[i]) * sy);
    const left = Math.floor(x0), right = Math.floor(x1);
    for (let y = Math.floor(y0); y < y1; y++) {
      const share = Math.min(y1, y + 1) - Math.max(y0, y);
      const row = y * (width + 2);
      parts[row + left] += share * (1 - (x0 - left));
      parts[row + left + 1] += share * (x0 - left);
      parts[row + right] -= share * (1 - (x1 - right));
      parts[row + right + 1] -= share * (x1 - right);
    }
  }
  return parts;
}

// The pixel of a part that is touched, under a part that blocks hold.
function pinnedPixel(touched, held) {
  const free = Math.min(1, Math.max(0, touched)) * (1 - held);
  const alpha = free + held;
  if (alpha < 1e-3) return 0;
  const mix = (part) => Math.round((FREE[part] * free + BLOCK[part] * held) / alpha);
  return ((Math.round(255 * alpha) << 24) | (mix(2) << 16) | (mix(1) << 8) | mix(0)) >>> 0;
}

// The classes of blocks that keep most, in words.
function listPins(pins) {
  const list = byId("pinned");
  const item = ({ label, blocks, bytes }) => {
    const line = document.createElement("li");
    line.textContent = `${label}: ${blocks} ${blocks === "1" ? "block keeps" : "blocks keep"} ${bytesText(Number(bytes))}`;
    return line;
  };
  list.querySelector("ol").replaceChildren(...pins.slice(0, 5).map(item));
  list.querySelector("p").textContent = pins.length
    ? "What keeps most of the memory that is touched but free:"
    : "Red: memory that was touched, is free, and cannot be given back.";
}
