// The memory over time beneath the map, on the same axis of time.

// What is drawn: its name in the legend, and its colour.
const CURVES = { live: "--load", held: "--held", resident: "--resident", touched: "--touched", least: "--least" };

// The largest value in each of some columns of time.
function columnsOfLoad({ times, loads }, left, right, count) {
  const columns = new Float64Array(count);
  let at = Math.max(0, lowerBound(times, left) - 1);
  for (let column = 0; column < count; column++) {
    const end = left + ((right - left) * (column + 1)) / count;
    const start = left + ((right - left) * column) / count;
    while (at + 1 < times.length && times[at + 1] <= start) at++;
    let most = times.length && times[at] < end ? loads[at] : 0;
    for (; at + 1 < times.length && times[at + 1] < end; at++) most = Math.max(most, loads[at + 1]);
    columns[column] = most;
  }
  return columns;
}

// The value at an instant: the last that was told until then.
function loadAt({ times, loads }, time) {
  let next = lowerBound(times, time);
  if (times[next] === time) {
    while (times[next + 1] === time) next++;
    return loads[next];
  }
  return next > 0 ? loads[next - 1] : 0;
}

class Chart {
  constructor(jobs, canvas) {
    this.jobs = jobs;
    this.canvas = canvas;
    this.most = {};
    this.withTouched = false;
    this.hidden = new Set();
    this.entries = null;
  }

  // The curves by name.
  get curves() {
    const { held, resident, touched } = this.jobs.curves;
    const curves = { live: this.jobs.curve, held, resident };
    if (this.withTouched) curves.touched = touched;
    return Object.entries(curves).filter(([, curve]) => curve);
  }

  get least() { return this.jobs.meta.least === null ? null : Number(this.jobs.meta.least); }

  // Those that are not switched off in the legend.
  get shown() { return this.curves.filter(([name]) => !this.hidden.has(name)); }

  // The largest value of a curve.
  peak(name, { loads }) {
    if (!(name in this.most)) this.most[name] = loads.reduce((most, load) => Math.max(most, load), 0);
    return this.most[name];
  }

  get top() {
    const peaks = this.shown.map(([name, curve]) => this.peak(name, curve));
    return Math.max(1, this.hidden.has("least") ? 0 : this.least || 0, ...peaks) * 1.04;
  }

  // What each curve is at an instant, or at most.
  values(time) {
    const values = this.curves.map(([name, curve]) => [name, time === null ? this.peak(name, curve) : loadAt(curve, time)]);
    if (this.least !== null) values.push(["least", this.least]);
    return values;
  }

  tell(time) {
    const lines = this.values(time).map(([name, value]) => `${name} ${bytesText(value)} (${Math.round(value)} bytes)`);
    return [this.jobs.unit === "ticks" ? `time ${this.jobs.start + BigInt(Math.round(time))}` : this.timeText(time), ...lines].join("\n");
  }

  timeText(time) {
    const value = Number(this.jobs.start) + time;
    return this.jobs.unit === "time" ? `at ${spanText(value)}` : `after ${bytesText(value)} requested`;
  }

  // The legend: a click on an entry hides its curve, so that the others have
  // more room. It is made anew only where there are other curves.
  legend(element, pointer) {
    const values = this.values(pointer ? pointer.time : null);
    const key = values.map(([name]) => name).join();
    if (!this.entries || this.key !== key) {
      const entry = (name, kind, colour) =>
        `<button type="button" data-curve="${name}" aria-pressed="true" title="Show or hide"><i class="${kind}" style="--colour:var(${colour})"></i><span></span></button>`;
      const kinds = { live: "area", least: "dash" };
      const entries = values.map(([name]) => entry(name, kinds[name] || "stroke", CURVES[name]));
      element.innerHTML = `<span></span>${entries.join("")}<span><i class="dash" style="--colour:var(--peak)"></i>when most is live</span>`;
      this.key = key;
      this.entries = new Map([...element.querySelectorAll("button")].map((button) => [button.dataset.curve, button]));
    }
    element.firstChild.textContent = `${pointer ? this.tell(pointer.time).split("\n")[0] : "at most"}:`;
    for (const [name, value] of values) {
      const button = this.entries.get(name);
      button.querySelector("span").textContent = `${name} ${bytesText(value)}`;
      button.setAttribute("aria-pressed", String(!this.hidden.has(name)));
    }
  }

  toggle(name) {
    if (!this.hidden.delete(name)) this.hidden.add(name);
  }

  draw(context, plot, view, pointer) {
    const top = this.top;
    const y = (value) => plot.bottom - (value / top) * (plot.bottom - plot.top);
    const columns = Math.max(1, Math.floor(plot.right - plot.left));
    for (const [name, curve] of this.shown) {
      const colour = themeColour(CURVES[name]);
      context.beginPath();
      if (name === "live") context.moveTo(plot.left, plot.bottom);
      columnsOfLoad(curve, view.left, view.right, columns).forEach((value, column) => {
        context.lineTo(plot.left + column, y(value));
        context.lineTo(plot.left + column + 1, y(value));
      });
      if (name === "live") {
        context.lineTo(plot.left + columns, plot.bottom);
        context.fillStyle = colour;
        context.globalAlpha = 0.6;
        context.fill();
        context.globalAlpha = 1;
      } else {
        context.strokeStyle = colour;
        context.lineWidth = 1.6;
        context.stroke();
        context.lineWidth = 1;
      }
    }
    if (this.least !== null && !this.hidden.has("least")) rule(context, plot.left, y(this.least), plot.right, y(this.least), themeColour("--least"), [4, 3]);
    upright(context, plot, view, this.jobs.peak, themeColour("--peak"), [6, 3]);
    if (pointer) upright(context, plot, view, pointer.time, themeColour("--quiet"), []);
    frame(context, plot);
  }

  axis(context, plot) {
    addressAxis(context, plot, { bottom: 0, upper: this.top }, "bytes", 26);
  }
}
