// Axes and lines, as the map and the chart share them.

// The margins of both canvases, in pixels of the page: their axes agree.
const MARGIN = { left: 66, right: 10, top: 6, bottom: 36 };
const FONT = "12px system-ui, sans-serif";
const SMALL_FONT = "11px system-ui, sans-serif";

const theme = new Map();

function themeColour(name) {
  if (!theme.has(name)) theme.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
  return theme.get(name);
}

function frame(context, plot) {
  context.strokeStyle = themeColour("--line");
  context.setLineDash([]);
  context.strokeRect(plot.left + 0.5, plot.top + 0.5, plot.right - plot.left - 1, plot.bottom - plot.top - 1);
}

function addressAxis(context, plot, view, name, room = 42) {
  const { bottom, upper } = view;
  const { values, unit: inUnit } = marks(Math.max(0, bottom), upper, (plot.bottom - plot.top) / room, "bytes");
  context.fillStyle = themeColour("--text");
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const { at, label } of values) {
    const y = plot.top + ((upper - at) / (upper - bottom)) * (plot.bottom - plot.top);
    context.fillText(label, plot.left - 7, y);
    tick(context, plot.left - 4, y, plot.left, y);
  }
  context.save();
  context.translate(10, (plot.top + plot.bottom) / 2);
  context.rotate(-Math.PI / 2);
  context.textAlign = "center";
  context.fillStyle = themeColour("--quiet");
  context.fillText(`${name} (${inUnit})`, 0, 0);
  context.restore();
}

function timeAxis(context, plot, view, jobs) {
  const room = jobs.unit === "ticks" ? 100 : 56;
  const { values, unit } = marks(view.left, view.right, (plot.right - plot.left) / room, jobs.unit, jobs.start);
  context.fillStyle = themeColour("--text");
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const { at, label } of values) {
    const x = plot.left + ((at - view.left) / view.width) * (plot.right - plot.left);
    tick(context, x, plot.bottom, x, plot.bottom + 4);
    const half = context.measureText(label).width / 2;
    if (x + half < plot.right + MARGIN.right && x - half > plot.left - 24) context.fillText(label, x, plot.bottom + 6);
  }
  const name = jobs.unit === "bytes" ? "bytes requested" : "time";
  context.fillStyle = themeColour("--quiet");
  context.fillText(unit ? `${name} (${unit})` : name, (plot.left + plot.right) / 2, plot.bottom + 21);
}

function tick(context, x0, y0, x1, y1) {
  context.strokeStyle = themeColour("--quiet");
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

// A line at an instant, where it is in sight.
function upright(context, plot, view, time, colour, dash) {
  if (time < view.left || time > view.right) return;
  const x = plot.left + ((time - view.left) / view.width) * (plot.right - plot.left);
  rule(context, x, plot.top, x, plot.bottom, colour, dash);
}

// A line that can be seen on any colour: dashes lie on the page's ground.
function rule(context, x0, y0, x1, y1, colour, dash) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  if (dash.length) {
    context.strokeStyle = themeColour("--ground");
    context.lineWidth = 2.5;
    context.stroke();
  }
  context.strokeStyle = colour;
  context.lineWidth = dash.length ? 1.5 : 1;
  context.setLineDash(dash);
  context.stroke();
  context.setLineDash([]);
  context.lineWidth = 1;
}

// A line of text on a plate, in the corner of a plot.
function plate(context, text, x, y, width) {
  context.font = SMALL_FONT;
  context.textAlign = "left";
  context.textBaseline = "middle";
  while (text.length > 4 && context.measureText(text).width > width - 12) text = `${text.slice(0, -2)}…`;
  context.fillStyle = themeColour("--panel");
  context.globalAlpha = 0.9;
  context.fillRect(x, y, context.measureText(text).width + 12, 19);
  context.globalAlpha = 1;
  context.fillStyle = themeColour("--text");
  context.fillText(text, x + 6, y + 10);
  context.font = FONT;
}
