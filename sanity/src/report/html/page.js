// The page: what is shown, and what keys and pointers do.

const byId = (id) => document.getElementById(id);

class MapPage {
  constructor(jobs) {
    this.jobs = jobs;
    this.placement = 0;
    this.by = jobs.meta.colour;
    this.view = new View(jobs.end, jobs.top);
    this.index = new Index(jobs, 0);
    this.paint = new Paint(jobs.meta.palette);
    this.map = byId("map");
    this.load = byId("load");
    this.pointer = null;
    this.chosen = -1;
    this.hovered = -1;
    this.shown = null;
    this.painting = null;
    this.recolour();
    this.listen();
  }

  recolour() {
    this.steps = this.paint.steps(this.index, this.jobs.values[this.by]);
    byId("colour").textContent = `Colour: ${this.by}`;
    const scale = this.jobs.meta.palette.map((colour) => `<i style="background:${colour}"></i>`).join("");
    const [least, most] = this.by === "size" ? ["small", "large"] : ["short-lived", "long-lived"];
    byId("legend").innerHTML = `${least} ${scale} ${most}; paler: many small jobs, with gaps between. Dashed: LOAD's time and size.`;
    this.repaint();
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
    context.font = "12px system-ui, sans-serif";
    return { context, width, height, ratio };
  }

  get plot() {
    return {
      left: MARGIN.left,
      right: Math.max(MARGIN.left + 1, this.map.clientWidth - MARGIN.right),
      top: MARGIN.top,
      bottom: Math.max(MARGIN.top + 1, this.map.clientHeight - MARGIN.bottom),
    };
  }

  drawFrame() {
    const { context, width, height, ratio } = this.fit(this.map);
    const plot = this.plot;
    const [w, h] = [Math.round((plot.right - plot.left) * ratio), Math.round((plot.bottom - plot.top) * ratio)];
    if (this.stale) {
      this.painting = new Painting(this.index, this.steps, this.paint, this.view, w, h);
      this.stale = false;
    }
    if (this.painting && this.painting.work(performance.now() + SLICE)) {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [this.painting.width, this.painting.height];
      canvas.getContext("2d").putImageData(this.painting.image, 0, 0);
      this.shown = { canvas, view: this.painting.view };
      this.painting = null;
    }
    context.clearRect(0, 0, width, height);
    context.save();
    context.beginPath();
    context.rect(plot.left, plot.top, plot.right - plot.left, plot.bottom - plot.top);
    context.clip();
    if (this.shown) this.drawShown(context, plot);
    this.overlays(context, plot);
    context.restore();
    this.axes(context, plot);
    const load = this.fit(this.load);
    drawLoad(load.context, this.jobs, this.view, this.pointer, load.width, load.height);
    if (this.painting) this.request();
    else this.settled();
  }

  // The last whole painting, where it belongs in the view.
  drawShown(context, plot) {
    const { canvas, view } = this.shown;
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
    const plot = this.plot;
    return {
      time: this.view.left + ((x - plot.left) / (plot.right - plot.left)) * this.view.width,
      address: this.view.upper - ((y - plot.top) / (plot.bottom - plot.top)) * this.view.height,
    };
  }

  overlays(context, plot) {
    const across = (address, colour, dash) => {
      const [, y] = this.toPlot(plot, 0, address);
      rule(context, plot.left, y, plot.right, y, colour, dash);
    };
    const { heaps, makespan } = this.jobs.meta.placements[this.placement];
    for (const heap of heaps.slice(1)) across(Number(heap.below), themeColour("--quiet"), [2, 3]);
    across(Number(makespan), themeColour("--text"), []);
    across(this.jobs.load, themeColour("--peak"), [6, 3]);
    upright(context, plot, this.view, this.jobs.peak, themeColour("--peak"), [6, 3]);
    if (this.pointer) upright(context, plot, this.view, this.pointer.time, themeColour("--quiet"), []);
    for (const record of [this.hovered, this.chosen]) {
      if (record >= 0) this.outline(context, plot, record, record === this.chosen ? 3 : 1.5);
    }
    context.lineWidth = 1;
  }

  outline(context, plot, record, lineWidth) {
    const low = this.jobs.low[this.placement][record];
    const [x0, y0] = this.toPlot(plot, this.jobs.birth[record], low + this.jobs.height[record]);
    const [x1, y1] = this.toPlot(plot, this.jobs.death[record], low);
    context.strokeStyle = themeColour("--found");
    context.lineWidth = lineWidth;
    context.strokeRect(x0 - 1, y0 - 1, Math.max(x1 - x0, 2) + 2, Math.max(y1 - y0, 2) + 2);
  }

  axes(context, plot) {
    frame(context, plot);
    context.fillStyle = themeColour("--text");
    context.textAlign = "right";
    context.textBaseline = "middle";
    const addresses = marks(this.view.bottom, this.view.upper, (plot.bottom - plot.top) / 60, 2);
    for (const address of addresses.values) {
      const [, y] = this.toPlot(plot, 0, address);
      if (address >= 0) context.fillText(bytesText(address, addresses.step), plot.left - 6, y);
    }
    context.textAlign = "center";
    context.textBaseline = "top";
    const times = marks(this.view.left, this.view.right, (plot.right - plot.left) / 140, 10);
    for (const time of times.values) {
      const [x] = this.toPlot(plot, time, 0);
      const label = String(this.jobs.origin + BigInt(Math.round(time)));
      if (time >= 0 && x < plot.right - 20) context.fillText(label, x, plot.bottom + 5);
    }
  }

  // Tells a job beside a point of the map.
  tell(record, x, y) {
    const tip = byId("tip");
    tip.hidden = record < 0;
    if (record < 0) return;
    tip.textContent = this.jobs.describe(record, this.placement);
    const room = this.map.parentElement.getBoundingClientRect();
    const inMaps = this.map.offsetLeft + x;
    tip.style.left = `${Math.max(0, Math.min(inMaps + 14, room.width - tip.offsetWidth - 8))}px`;
    const below = this.map.offsetTop + y + 14;
    tip.style.top = `${below + tip.offsetHeight > room.height ? Math.max(0, below - tip.offsetHeight - 28) : below}px`;
  }

  // The job at a point of the map, or one within two pixels of it.
  jobAt(x, y) {
    const { time, address } = this.fromMap(x, y);
    const exact = this.index.at(time, address);
    if (exact >= 0) return exact;
    const plot = this.plot;
    const ticks = (2 * this.view.width) / (plot.right - plot.left);
    return this.index.at(time, address, ticks, (2 * this.view.height) / (plot.bottom - plot.top));
  }

  hover(x, y) {
    this.pointer = this.fromMap(x, y);
    this.hovered = this.jobAt(x, y);
    this.tell(this.hovered, x, y);
    this.request();
  }

  leave() {
    this.pointer = null;
    this.hovered = -1;
    this.tell(-1);
    this.request();
  }

  // Tells the job in the middle, for those who have no pointer.
  tellMiddle() {
    const plot = this.plot;
    const [x, y] = [(plot.left + plot.right) / 2, (plot.top + plot.bottom) / 2];
    this.hover(x, y);
    byId("spoken").textContent = this.hovered < 0 ? "no job in the middle" : this.jobs.describe(this.hovered, this.placement);
  }

  zoom(factor, at, only) {
    const middle = { time: (this.view.left + this.view.right) / 2, address: (this.view.bottom + this.view.upper) / 2 };
    const { time, address } = at || middle;
    this.view.zoom(factor, time, address, only);
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

  switchColour() {
    this.by = this.by === "size" ? "age" : "size";
    this.recolour();
  }

  switchPlacement() {
    if (this.jobs.low.length < 2) return;
    this.placement = 1 - this.placement;
    this.index.place(this.jobs, this.placement);
    byId("switch").textContent = this.placement ? "After" : "Before";
    byId("switch").setAttribute("aria-pressed", String(this.placement === 1));
    byId("spoken").textContent = this.jobs.meta.placements[this.placement].name;
    this.leave();
    this.repaint();
  }

  find(id) {
    const record = this.jobs.find(id);
    this.chosen = record;
    const said = record < 0 ? `no job ${id}` : `job ${id}`;
    byId("found").textContent = said;
    if (record >= 0) {
      const low = this.jobs.low[this.placement][record];
      this.view.show(this.jobs.birth[record], this.jobs.death[record], low, low + this.jobs.height[record]);
      const plot = this.plot;
      this.repaint();
      this.tell(record, (plot.left + plot.right) / 2, (plot.top + plot.bottom) / 2);
      byId("spoken").textContent = this.jobs.describe(record, this.placement);
    }
    this.request();
  }

  listen() {
    const click = (id, action) => byId(id).addEventListener("click", action);
    click("in", () => this.zoom(0.5));
    click("out", () => this.zoom(2));
    click("whole", () => this.whole());
    click("peak", () => this.goToPeak());
    click("colour", () => this.switchColour());
    click("switch", () => this.switchPlacement());
    byId("switch").hidden = this.jobs.low.length < 2;
    byId("find").addEventListener("submit", (event) => {
      event.preventDefault();
      this.find(byId("id").value.trim());
      this.map.focus();
    });
    document.addEventListener("keydown", (event) => this.key(event));
    window.addEventListener("resize", () => this.repaint());
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.request());
    for (const canvas of [this.map, this.load]) this.listenTo(canvas);
  }

  key(event) {
    if (event.target.tagName === "INPUT") {
      if (event.key === "Escape") this.map.focus();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const onMap = event.target === this.map || event.target === document.body;
    const actions = {
      "+": () => this.zoom(0.5),
      "=": () => this.zoom(0.5),
      "-": () => this.zoom(2),
      0: () => this.whole(),
      p: () => this.goToPeak(),
      c: () => this.switchColour(),
      b: () => this.switchPlacement(),
      "/": () => byId("id").focus(),
      Escape: () => this.leave(),
    };
    const onlyMap = {
      ArrowLeft: () => this.move(-0.15, 0),
      ArrowRight: () => this.move(0.15, 0),
      ArrowUp: () => this.move(0, 0.15),
      ArrowDown: () => this.move(0, -0.15),
      Enter: () => this.tellMiddle(),
    };
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const action = actions[key] || (onMap && onlyMap[key]);
    if (!action) return;
    event.preventDefault();
    action();
  }

  listenTo(canvas) {
    const isMap = canvas === this.map;
    let dragged = null;
    canvas.addEventListener("pointerdown", (event) => {
      dragged = { x: event.offsetX, y: event.offsetY };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointerup", () => { dragged = null; });
    canvas.addEventListener("pointercancel", () => { dragged = null; });
    canvas.addEventListener("pointerleave", () => this.leave());
    canvas.addEventListener("pointermove", (event) => {
      if (dragged) {
        const plot = this.plot;
        this.move((dragged.x - event.offsetX) / (plot.right - plot.left),
          isMap ? (event.offsetY - dragged.y) / (plot.bottom - plot.top) : 0);
        dragged = { x: event.offsetX, y: event.offsetY };
      } else if (isMap) {
        this.hover(event.offsetX, event.offsetY);
      } else {
        this.pointer = { time: this.fromMap(event.offsetX, 0).time };
        this.request();
      }
    });
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const only = !isMap || event.shiftKey ? "x" : event.altKey ? "y" : "";
      const amount = event.deltaY || event.deltaX;
      this.zoom(Math.exp(Math.max(-240, Math.min(240, amount)) * 0.003), this.fromMap(event.offsetX, event.offsetY), only);
    }, { passive: false });
  }
}

unpack().then(
  (jobs) => { window.page = new MapPage(jobs); },
  (error) => { byId("state").textContent = `The jobs cannot be unpacked: ${error.message}`; },
);
