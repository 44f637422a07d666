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
  }

  // The curves by name.
  get curves() {
    const { held, resident, touched } = this.jobs.curves;
    const curves = { live: this.jobs.curve, held, resident };
    if (this.withTouched) curves.touched = touched;
    return Object.entries(curves).filter(([, curve]) => curve);
  }

  get least() { return this.jobs.meta.least === null ? null : Number(this.jobs.meta.least); }

  // The largest value of a curve.
  peak(name, { loads }) {
    if (!(name in this.most)) this.most[name] = loads.reduce((most, load) => Math.max(most, load), 0);
    return this.most[name];
  }

  get top() {
    const peaks = this.curves.map(([name, curve]) => this.peak(name, curve));
    return Math.max(1, this.jobs.load, this.least || 0, ...peaks) * 1.04;
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

  legend(element, pointer) {
    const when = pointer ? this.tell(pointer.time).split("\n")[0] : "at most";
    const entries = this.values(pointer ? pointer.time : null).map(([name, value]) =>
      `<span><i class="${name === "live" ? "area" : name === "least" ? "dash" : "stroke"}" style="--colour:var(${CURVES[name]})"></i>${name} ${bytesText(value)}</span>`);
    element.innerHTML = `<span>${when}:</span>${entries.join("")}<span><i class="dash" style="--colour:var(--peak)"></i>when most is live</span>`;
  }

  draw(context, plot, view, pointer) {
    const top = this.top;
    const y = (value) => plot.bottom - (value / top) * (plot.bottom - plot.top);
    const columns = Math.max(1, Math.floor(plot.right - plot.left));
    for (const [name, curve] of this.curves) {
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
    if (this.least !== null) rule(context, plot.left, y(this.least), plot.right, y(this.least), themeColour("--least"), [4, 3]);
    upright(context, plot, view, this.jobs.peak, themeColour("--peak"), [6, 3]);
    if (pointer) upright(context, plot, view, pointer.time, themeColour("--quiet"), []);
    frame(context, plot);
  }

  axis(context, plot) {
    addressAxis(context, plot, { bottom: 0, upper: this.top }, "bytes", 26);
  }
}
