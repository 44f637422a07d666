// What mouse, pen and fingers do on a canvas. A drag moves; with the right
// button, or with Ctrl or Alt held, it draws a box to zoom into; with Shift it
// keeps to one axis. One finger moves, two zoom, a tap tells.

const STILL = 7; // pixels within which a press is a click or a tap
const NEAR = 12; // pixels from the divider at which it is taken

class Pointers {
  constructor(page, canvas) {
    this.page = page;
    this.canvas = canvas;
    this.isMap = canvas === page.map;
    this.fingers = new Map();
    this.drag = null;
    this.pinch = null;
    const on = (name, action) => canvas.addEventListener(name, action);
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.move(event));
    on("pointerup", (event) => this.up(event));
    on("pointercancel", (event) => this.cancel(event));
    on("pointerleave", (event) => { if (event.pointerType !== "touch" && !this.drag) page.leave(); });
    on("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  down(event) {
    const { page } = this;
    const [x, y] = [event.offsetX, event.offsetY];
    try {
      this.canvas.setPointerCapture(event.pointerId);
    } catch {
      // The finger is gone already.
    }
    if (event.pointerType === "touch") {
      this.fingers.set(event.pointerId, { x, y });
      if (this.fingers.size === 2) {
        this.drag = null;
        this.pinch = this.grip();
        return;
      }
    }
    const pane = page.paneAt(x, y);
    const boxes = this.isMap && event.pointerType !== "touch" && (event.button === 2 || event.ctrlKey || event.altKey || event.metaKey);
    const kind = boxes ? "box" : this.isMap && page.nearDivider(x) ? "divider" : "move";
    this.drag = { kind, pane, x, y, startX: x, startY: y, moved: false, axis: "" };
  }

  move(event) {
    const { page, drag } = this;
    const [x, y] = [event.offsetX, event.offsetY];
    if (event.pointerType === "touch") {
      if (!this.fingers.has(event.pointerId)) return;
      this.fingers.set(event.pointerId, { x, y });
      if (this.pinch) return this.pinched();
    }
    if (!drag) {
      if (event.pointerType !== "touch") page.hover(this.canvas, x, y);
      return;
    }
    const [across, along] = [Math.abs(x - drag.startX), Math.abs(y - drag.startY)];
    if (!drag.moved && Math.max(across, along) < (event.pointerType === "touch" ? STILL : 1)) return;
    if (!drag.moved) page.tip.hide();
    drag.moved = true;
    if (!event.shiftKey) drag.axis = "";
    else if (!drag.axis && Math.max(across, along) >= STILL) drag.axis = across > along ? "x" : "y";
    if (drag.kind === "box") this.stretch(x, y, event.shiftKey);
    else if (drag.kind === "divider") page.setDivider((x - drag.pane.plot.left) / (drag.pane.plot.right - drag.pane.plot.left));
    else if (!event.shiftKey || drag.axis) {
      const { plot } = drag.pane;
      page.move(
        drag.axis === "y" ? 0 : (drag.x - x) / (plot.right - plot.left),
        drag.axis === "x" || !this.isMap ? 0 : (y - drag.y) / (plot.bottom - plot.top));
    }
    [drag.x, drag.y] = [x, y];
  }

  // The box from where the drag began; of one axis only it takes all of the other.
  stretch(x, y, oneAxis) {
    const { startX, startY, axis, pane: { plot } } = this.drag;
    const within = (value, low, high) => Math.min(Math.max(value, low), high);
    const box = {
      left: within(Math.min(startX, x), plot.left, plot.right),
      right: within(Math.max(startX, x), plot.left, plot.right),
      top: within(Math.min(startY, y), plot.top, plot.bottom),
      bottom: within(Math.max(startY, y), plot.top, plot.bottom),
    };
    if (oneAxis && axis === "x") [box.top, box.bottom] = [plot.top, plot.bottom];
    if (oneAxis && axis === "y") [box.left, box.right] = [plot.left, plot.right];
    this.page.box = box;
    this.page.request();
  }

  up(event) {
    const { page, drag } = this;
    this.fingers.delete(event.pointerId);
    if (this.pinch) {
      if (this.fingers.size === 0) this.pinch = null;
      return;
    }
    this.drag = null;
    if (!drag) return;
    if (drag.kind === "box") {
      const { box } = page;
      page.box = null;
      if (box && box.right - box.left >= STILL && box.bottom - box.top >= STILL) page.zoomTo(drag.pane.plot, box);
      page.request();
    } else if (!drag.moved && event.pointerType === "touch") {
      page.hover(this.canvas, event.offsetX, event.offsetY);
    }
  }

  cancel(event) {
    this.fingers.delete(event.pointerId);
    this.drag = this.pinch = this.page.box = null;
    this.page.request();
  }

  // Where two fingers are, and how far apart.
  grip() {
    const [a, b] = [...this.fingers.values()];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, apart: Math.max(20, Math.hypot(a.x - b.x, a.y - b.y)) };
  }

  pinched() {
    if (this.fingers.size < 2) return;
    const { page, pinch } = this;
    const now = this.grip();
    const { plot } = page.paneAt(pinch.x, pinch.y);
    page.tip.hide();
    page.move((pinch.x - now.x) / (plot.right - plot.left), this.isMap ? (now.y - pinch.y) / (plot.bottom - plot.top) : 0);
    page.zoom(pinch.apart / now.apart, page.fromMap(now.x, now.y), this.isMap ? "" : "x");
    this.pinch = now;
  }

  wheel(event) {
    event.preventDefault();
    const { page } = this;
    const onAxis = this.isMap && event.offsetX < page.plot.left;
    const only = !this.isMap || event.shiftKey ? "x" : event.altKey || onAxis ? "y" : "";
    const amount = event.deltaY || event.deltaX;
    page.tip.hide();
    page.zoom(Math.exp(Math.max(-240, Math.min(240, amount)) * 0.003), page.fromMap(event.offsetX, event.offsetY), only);
  }
}
