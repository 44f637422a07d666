// The page: what is shown, and the buttons that change it.

const byId = (id) => document.getElementById(id);

class MapPage {
  constructor(jobs) {
    this.jobs = jobs;
    this.by = jobs.meta.colour;
    this.mode = "alone";
    this.divider = 0.5;
    this.panes = [new Pane(0, new Index(jobs, 0))];
    this.paint = new Paint(jobs.meta.palette);
    this.map = byId("map");
    this.load = byId("load");
    this.chart = new Chart(jobs, this.load);
    this.tip = new Tip(byId("tip"));
    this.pointer = null;
    this.chosen = -1;
    this.hovered = -1;
    this.selection = null;
    this.query = "";
    this.pins = false;
    this.box = null;
    this.view = new View(jobs.end, jobs.top);
    this.lay();
    this.listen();
    this.recolour();
    this.nameModes();
  }

  // The first pane is the one that keys and buttons speak of.
  get placement() { return this.panes[0].placement; }
  get index() { return this.panes[0].index; }
  get plot() { return this.panes[0].plot; }
  get painting() { return this.panes.find((pane) => pane.painting); }

  lay() { layOut(this.panes, this.mode, this.map.clientWidth, this.map.clientHeight); }

  recolour() {
    const values = this.jobs.values[this.by];
    this.scale = new Scale(values, this.by === "size" ? "bytes" : this.jobs.unit, this.jobs.meta.palette.length);
    this.steps = this.paint.steps(this.index, values, this.scale);
    byId("colour").textContent = `Colour: ${this.by}`;
    this.legend();
    this.repaint();
  }

  legend() {
    const entry = (colour, text) => `<span><i style="--colour:${colour}"></i>${text}</span>`;
    const { palette } = this.jobs.meta;
    const entries = this.pins
      ? [entry(`rgb(${FREE})`, "touched, but free"), entry(`rgb(${BLOCK})`, "blocks"), entry("var(--region)", "held, not touched")]
      : [`<span>${this.by}:</span>`, ...this.scale.legend().map(([colour, text]) => entry(palette[colour], text)), "<span>paler: many small jobs</span>"];
    byId("legend").innerHTML = entries.join("");
  }

  repaint() {
    this.stale = true;
    this.request();
  }

  request() {
    if (this.requested) return;
    this.requested = true;
    requestAnimationFrame(() => {
      this.requested = false;
      this.drawFrame();
    });
  }

  // Sizes a canvas to its box; gives its context in pixels of the page.
  fit(canvas) {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = canvas;
    const [w, h] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
    if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.font = FONT;
    return { context, width, height, ratio };
  }

  drawFrame() {
    const { context, width, height, ratio } = this.fit(this.map);
    this.lay();
    if (this.stale) for (const pane of this.panes) pane.painting = this.start(pane, ratio);
    this.stale = false;
    const deadline = performance.now() + SLICE;
    for (const pane of this.panes) {
      if (!pane.painting || !pane.painting.work(deadline)) continue;
      pane.shown = pane.painting.finish(this.jobs, pane.placement);
      pane.painting = null;
    }
    context.clearRect(0, 0, width, height);
    this.panes.forEach((pane, rank) => this.drawPane(context, pane, rank));
    this.axes(context);
    if (this.mode === "slider") drawDivider(context, this.plot, this.divider);
    if (this.box) this.drawBox(context);
    this.drawChart();
    if (this.painting) this.request();
    else this.settled();
  }

  start(pane, ratio) {
    const { plot, index, placement } = pane;
    const touched = !this.pins ? null : placement === 0 && this.jobs.touched ? this.jobs.touched : { count: 0 };
    return new Painting({
      index, steps: this.steps, paint: this.paint, view: this.view, ratio, touched,
      width: Math.max(1, Math.round((plot.right - plot.left) * ratio)),
      height: Math.max(1, Math.round((plot.bottom - plot.top) * ratio)),
      mask: this.selection && this.selection.mask,
    });
  }

  drawPane(context, pane, rank) {
    const { plot } = pane;
    context.save();
    context.beginPath();
    context.rect(...clipOf(pane, rank, this.mode, this.divider));
    context.clip();
    if (this.mode === "slider") {
      context.fillStyle = themeColour("--ground");
      context.fillRect(plot.left, plot.top, plot.right - plot.left, plot.bottom - plot.top);
    }
    if (pane.shown) this.drawShown(context, pane);
    this.overlays(context, pane);
    if (this.mode !== "alone") this.caption(context, pane, rank);
    context.restore();
  }

  // The last whole painting, where it belongs in the view.
  drawShown(context, { plot, shown: { canvas, view } }) {
    const [x0, y0] = this.toPlot(plot, view.left, view.upper);
    const [x1, y1] = this.toPlot(plot, view.right, view.bottom);
    context.imageSmoothingEnabled = Math.abs(x1 - x0 - (plot.right - plot.left)) > 0.01;
    context.drawImage(canvas, x0, y0, x1 - x0, y1 - y0);
  }

  settled() {
    if (this.ready) return;
    this.ready = true;
    byId("state").remove();
    performance.mark("map-drawn");
    document.body.dataset.ready = "yes";
  }

  toPlot(plot, time, address) {
    return [
      plot.left + ((time - this.view.left) / this.view.width) * (plot.right - plot.left),
      plot.top + ((this.view.upper - address) / this.view.height) * (plot.bottom - plot.top),
    ];
  }

  // The point of time and address under a point of the map.
  fromMap(x, y) {
    const { plot } = this.paneAt(x, y);
    return {
      time: this.view.left + ((x - plot.left) / (plot.right - plot.left)) * this.view.width,
      address: this.view.upper - ((y - plot.top) / (plot.bottom - plot.top)) * this.view.height,
    };
  }

  // The pane at a point of the map.
  paneAt(x, y) {
    const [first, second] = this.panes;
    if (this.mode === "slider") {
      const { left, right } = first.plot;
      return x < left + this.divider * (right - left) ? first : second;
    }
    return second && (x >= second.plot.left - GAP / 2 && y >= second.plot.top - GAP / 2) ? second : first;
  }

  overlays(context, pane) {
    const { plot, placement } = pane;
    const across = (address, colour, dash) => {
      const [, y] = this.toPlot(plot, 0, address);
      rule(context, plot.left, y, plot.right, y, colour, dash);
    };
    // Across stacked heaps these levels mean nothing.
    if (this.jobs.regions[placement].count === 1 && !this.jobs.meta.placements[placement].lived) {
      across(Number(this.jobs.meta.placements[placement].makespan), themeColour("--text"), []);
      across(this.jobs.load, themeColour("--peak"), [6, 3]);
      const [, y] = this.toPlot(plot, 0, this.jobs.load);
      this.onLine(context, "LOAD", plot.right - 6, y);
    }
    upright(context, plot, this.view, this.jobs.peak, themeColour("--peak"), [6, 3]);
    if (this.pointer) upright(context, plot, this.view, this.pointer.time, themeColour("--quiet"), []);
    for (const record of [this.hovered, this.chosen]) {
      if (record >= 0) this.outline(context, pane, record, record === this.chosen ? 3 : 1.5);
    }
    context.lineWidth = 1;
  }

  // A word at the end of a line, below it.
  onLine(context, text, x, y) {
    context.font = SMALL_FONT;
    context.textAlign = "right";
    context.textBaseline = "top";
    context.lineWidth = 3;
    context.strokeStyle = themeColour("--ground");
    context.strokeText(text, x, y + 3);
    context.fillStyle = themeColour("--peak");
    context.fillText(text, x, y + 3);
    context.font = FONT;
    context.lineWidth = 1;
  }

  outline(context, { plot, placement }, record, lineWidth) {
    const low = this.jobs.low[placement][record];
    const [x0, y0] = this.toPlot(plot, this.jobs.birth[record], low + this.jobs.height[record]);
    const [x1, y1] = this.toPlot(plot, this.jobs.death[record], low);
    const box = [x0 - 1, y0 - 1, Math.max(x1 - x0, 2) + 2, Math.max(y1 - y0, 2) + 2];
    context.strokeStyle = themeColour("--ground");
    context.lineWidth = lineWidth + 2;
    context.strokeRect(...box);
    context.strokeStyle = themeColour("--found");
    context.lineWidth = lineWidth;
    context.strokeRect(...box);
  }

  caption(context, { plot, placement }, rank) {
    const { name, takes } = this.jobs.meta.placements[placement];
    const which = placement ? "after" : "before";
    const text = `${which}: ${bytesText(Number(takes))}, ${name}`;
    const half = (plot.right - plot.left) / (this.mode === "slider" ? 2 : 1) - 12;
    context.font = SMALL_FONT;
    const width = Math.min(context.measureText(text).width + 12, half);
    const x = this.mode === "slider" && rank === 1 ? plot.right - width - 6 : plot.left + 6;
    plate(context, text, x, plot.top + 6, half);
  }

  axes(context) {
    this.panes.forEach(({ plot }, rank) => {
      frame(context, plot);
      if (rank === 0 || plot.left === this.plot.left) addressAxis(context, plot, this.view, "address");
      if (plot.bottom >= this.panes.at(-1).plot.bottom) timeAxis(context, plot, this.view, this.jobs);
    });
  }

  drawBox(context) {
    const { left, right, top, bottom } = this.box;
    context.fillStyle = themeColour("--focus");
    context.globalAlpha = 0.15;
    context.fillRect(left, top, right - left, bottom - top);
    context.globalAlpha = 1;
    context.strokeStyle = themeColour("--focus");
    context.strokeRect(left, top, right - left, bottom - top);
  }

  drawChart() {
    const { context, width, height } = this.fit(this.load);
    context.clearRect(0, 0, width, height);
    const plots = new Map(this.panes.map(({ plot }) => [plot.left, { left: plot.left, right: plot.right, top: 6, bottom: height - 8 }]));
    for (const plot of plots.values()) this.chart.draw(context, plot, this.view, this.pointer);
    this.chart.axis(context, plots.get(this.plot.left));
    this.chart.legend(byId("curves"), this.pointer);
  }

  // The job of a pane at a point, or one within two pixels of it.
  jobAt(pane, x, y) {
    const { time, address } = this.fromMap(x, y);
    const exact = pane.index.at(time, address);
    if (exact >= 0) return exact;
    const { plot } = pane;
    const ticks = (2 * this.view.width) / (plot.right - plot.left);
    return pane.index.at(time, address, ticks, (2 * this.view.height) / (plot.bottom - plot.top));
  }

  hover(canvas, x, y) {
    const isMap = canvas === this.map;
    const pane = this.paneAt(x, isMap ? y : this.plot.top + 1);
    const { plot } = pane;
    this.pointer = this.fromMap(x, isMap ? y : this.plot.top + 1);
    const inside = x >= plot.left && x <= plot.right && (!isMap || (y >= plot.top && y <= plot.bottom));
    this.hovered = isMap && inside ? this.jobAt(pane, x, y) : -1;
    if (!inside) this.pointer = null;
    if (this.hovered >= 0) this.tip.show(this.jobs.describe(this.hovered, pane.placement), canvas, x, y);
    else if (!isMap && inside) this.tip.show(this.chart.tell(this.pointer.time), canvas, x, y);
    else this.tip.hide();
    this.request();
  }

  leave() {
    this.pointer = null;
    this.hovered = -1;
    this.tip.hide();
    this.request();
  }

  // As `leave`, and nothing is singled out any more.
  clear() {
    this.leave();
    this.box = null;
    this.chosen = -1;
    this.query = "";
    byId("found").textContent = "";
    unpickRows();
    if (this.selection) this.repaint();
    this.selection = null;
  }

  // Tells the job in the middle, for those who have no pointer.
  tellMiddle() {
    const { plot } = this;
    this.hover(this.map, (plot.left + plot.right) / 2, (plot.top + plot.bottom) / 2);
    byId("spoken").textContent = this.hovered < 0 ? "no job in the middle" : this.jobs.describe(this.hovered, this.placement);
  }

  zoom(factor, at, only) {
    const middle = { time: (this.view.left + this.view.right) / 2, address: (this.view.bottom + this.view.upper) / 2 };
    const { time, address } = at || middle;
    this.view.zoom(factor, time, address, only);
    this.repaint();
  }

  // Shows what a box on a plot holds.
  zoomTo(plot, { left, right, top, bottom }) {
    const { view } = this;
    const time = (x) => view.left + ((x - plot.left) / (plot.right - plot.left)) * view.width;
    const address = (y) => view.upper - ((y - plot.top) / (plot.bottom - plot.top)) * view.height;
    const [from, low] = [time(left), address(bottom)];
    const width = Math.max(time(right) - from, closest(view.end, 8));
    const height = Math.max(address(top) - low, closest(view.top, 16));
    view.set(from, width, low, height);
    this.repaint();
  }

  move(dx, dy) {
    this.view.move(dx * this.view.width, dy * this.view.height);
    this.repaint();
  }

  whole() {
    this.view.reset();
    this.repaint();
  }

  // The peak in the middle, as close as a hundredth of the time.
  goToPeak() {
    const width = Math.min(this.view.width, this.jobs.end / 100);
    this.view.set(this.jobs.peak - width / 2, width, 0, this.jobs.top * 1.02);
    this.repaint();
  }

  // All addresses of a heap, and its jobs singled out.
  showHeap(base) {
    const region = this.jobs.regions[0].holding(base);
    if (region < 0) return;
    if (this.placement !== 0) this.switchPlacement();
    this.select(new Selection(this.jobs, `in heap 0x${base.toString(16)}`, inHeap(this.jobs, base, 0)));
    const { below, size } = this.jobs.regions[0];
    const height = Math.max(size[region] * 1.04, closest(this.jobs.top, 64));
    this.view.set(0, this.jobs.end, below[region] - (height - size[region]) / 2, height);
    this.repaint();
  }

  switchColour() {
    this.by = this.by === "size" ? "age" : "size";
    this.recolour();
  }

  // Seconds or the logical clock on the axis of time: as much of it stays in sight.
  switchClock() {
    if (!this.jobs.seconds) return;
    const { view } = this;
    const [left, right] = [view.left / view.end, view.right / view.end];
    this.jobs.setClock(!this.jobs.inSeconds);
    view.end = this.jobs.end;
    view.set(left * view.end, (right - left) * view.end, view.bottom, view.height);
    const index = new Index(this.jobs, 0);
    for (const pane of this.panes) pane.index = pane.placement ? index.beside(this.jobs, pane.placement) : index;
    this.others = null;
    byId("clock").textContent = this.jobs.inSeconds ? "Time: seconds" : "Time: bytes requested";
    this.leave();
    this.recolour();
  }

  switchPins() {
    if (!this.jobs.touched) return;
    this.pins = this.chart.withTouched = !this.pins;
    byId("pins").setAttribute("aria-pressed", String(this.pins));
    byId("pinned").hidden = !this.pins;
    listPins(this.jobs.meta.pins);
    this.legend();
    this.repaint();
  }

  // The index of a placement; made once.
  indexOf(placement) {
    this.others = this.others || [];
    const known = this.panes.find((pane) => pane.placement === placement);
    this.others[placement] = (known && known.index) || this.others[placement] || this.index.beside(this.jobs, placement);
    return this.others[placement];
  }

  switchPlacement() {
    if (this.jobs.low.length < 2) return;
    const first = 1 - this.placement;
    const indexes = [0, 1].map((placement) => this.indexOf(placement));
    this.panes = this.panes.map((_, rank) => {
      const placement = rank ? 1 - first : first;
      return new Pane(placement, indexes[placement]);
    });
    byId("spoken").textContent = this.jobs.meta.placements[first].name;
    this.rearranged();
  }

  // Side by side or with a divider; once more, and it is one alone again.
  setMode(mode) {
    if (this.jobs.low.length < 2) return;
    this.mode = this.mode === mode ? "alone" : mode;
    const placement = this.mode === "alone" ? this.placement : 0;
    const wanted = this.mode === "alone" ? [placement] : [0, 1];
    const indexes = wanted.map((placement) => this.indexOf(placement));
    this.panes = wanted.map((placement, rank) => new Pane(placement, indexes[rank]));
    this.rearranged();
  }

  rearranged() {
    this.lay();
    this.nameModes();
    this.leave();
    this.repaint();
  }

  nameModes() {
    byId("switch").textContent = this.placement ? "After" : "Before";
    byId("switch").setAttribute("aria-pressed", String(this.placement === 1));
    for (const mode of ["beside", "slider"]) byId(mode).setAttribute("aria-pressed", String(this.mode === mode));
    byId("divider").parentElement.hidden = this.mode !== "slider";
  }

  setDivider(part) {
    this.divider = Math.min(1, Math.max(0, part));
    byId("divider").value = String(Math.round(100 * this.divider));
    this.request();
  }

  nearDivider(x) {
    const { left, right } = this.plot;
    return this.mode === "slider" && Math.abs(x - left - this.divider * (right - left)) < NEAR;
  }

  select(selection) {
    this.selection = selection.records.length ? selection : null;
    byId("found").textContent = selection.text;
    byId("spoken").textContent = selection.text;
    this.repaint();
  }

  // Shows the next of what is singled out, or the one before.
  step(by) {
    if (!this.selection) return;
    this.show(this.selection.step(by));
    byId("found").textContent = this.selection.text;
  }

  show(record) {
    this.chosen = record;
    const low = this.jobs.low[this.placement][record];
    this.view.show(this.jobs.birth[record], this.jobs.death[record], low, low + this.jobs.height[record]);
    this.repaint();
    const { plot } = this;
    const said = this.jobs.describe(record, this.placement);
    this.tip.show(said, this.map, (plot.left + plot.right) / 2, (plot.top + plot.bottom) / 2);
    byId("spoken").textContent = said;
  }

  // Searches, or goes on with the search that is there; true for more than one.
  find(text, by = 1) {
    if (text === this.query && this.selection) {
      this.step(by);
      return true;
    }
    this.clear();
    if (!text) return false;
    const { name, error, isId, heap, records } = search(this.jobs, text, this.placement);
    this.query = text;
    if (error || !records.length) {
      const hint = isId && !Number.isNaN(parseSize(text)) && ofSizes(this.jobs, parseSize(text), parseSize(text)).length
        ? `; size:${text} finds some` : "";
      byId("found").textContent = error || (isId ? `no ${name}${hint}` : `no jobs ${name}`);
      return true;
    }
    if (isId) {
      byId("found").textContent = records.length > 1 ? `${name}, in ${records.length} pieces` : name;
      this.show(records[0]);
      return false;
    }
    if (heap !== undefined && this.placement === 0) this.showHeap(heap);
    else this.select(new Selection(this.jobs, name, records));
    return true;
  }

  listen() {
    const click = (id, action) => byId(id).addEventListener("click", action);
    click("in", () => this.zoom(0.5));
    click("out", () => this.zoom(2));
    click("whole", () => this.whole());
    click("peak", () => this.goToPeak());
    click("colour", () => this.switchColour());
    click("clock", () => this.switchClock());
    click("pins", () => this.switchPins());
    click("switch", () => this.switchPlacement());
    click("beside", () => this.setMode("beside"));
    click("slider", () => this.setMode("slider"));
    for (const id of ["switch", "beside", "slider"]) byId(id).hidden = this.jobs.low.length < 2;
    byId("clock").hidden = !this.jobs.seconds;
    byId("pins").hidden = !this.jobs.touched;
    byId("curves").addEventListener("click", (event) => {
      const entry = event.target.closest("button");
      if (entry) this.chart.toggle(entry.dataset.curve);
      this.request();
    });
    byId("divider").addEventListener("input", (event) => this.setDivider(event.target.value / 100));
    byId("find").addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.find(byId("id").value.trim())) this.map.focus({ preventScroll: true });
    });
    listenToKeys(this);
    listenToTables(this);
    document.addEventListener("pointerdown", (event) => { if (!byId("maps").contains(event.target)) this.leave(); });
    window.addEventListener("scroll", () => this.leave(), { passive: true });
    window.addEventListener("resize", () => this.repaint());
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      theme.clear();
      this.repaint();
    });
    this.pointers = [this.map, this.load].map((canvas) => new Pointers(this, canvas));
  }
}

unpack().then(
  (jobs) => { window.page = new MapPage(jobs); },
  (error) => { byId("state").textContent = `The jobs cannot be unpacked: ${error.message}`; },
);
