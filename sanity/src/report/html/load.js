// The load beneath the map, on the same axis of time.

// The largest load in each of some columns of time.
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

// The load at an instant.
function loadAt({ times, loads }, time) {
  const next = lowerBound(times, time);
  if (times[next] === time) return loads[next];
  return next > 0 ? loads[next - 1] : 0;
}

function drawLoad(context, jobs, view, pointer, width, height) {
  const plot = { left: MARGIN.left, right: width - MARGIN.right, top: 6, bottom: height - 16 };
  const columns = columnsOfLoad(jobs.curve, view.left, view.right, Math.max(1, Math.floor(plot.right - plot.left)));
  const y = (load) => plot.bottom - (load / Math.max(1, jobs.load)) * (plot.bottom - plot.top);
  context.clearRect(0, 0, width, height);
  context.beginPath();
  context.moveTo(plot.left, plot.bottom);
  columns.forEach((load, column) => {
    context.lineTo(plot.left + column, y(load));
    context.lineTo(plot.left + column + 1, y(load));
  });
  context.lineTo(plot.right, plot.bottom);
  context.fillStyle = themeColour("--load");
  context.globalAlpha = 0.6;
  context.fill();
  context.globalAlpha = 1;
  frame(context, plot);
  context.fillStyle = themeColour("--text");
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.fillText(bytesText(jobs.load, jobs.load / 100), plot.left - 6, plot.top + 5);
  context.fillText("0", plot.left - 6, plot.bottom);
  context.textAlign = "left";
  context.textBaseline = "top";
  const now = pointer ? `; here ${Math.round(loadAt(jobs.curve, pointer.time))} bytes` : "";
  context.fillText(`load; LOAD is ${jobs.meta.load} bytes at time ${jobs.meta.peak}${now}`, plot.left, plot.bottom + 3);
  upright(context, plot, view, jobs.peak, themeColour("--peak"), [6, 3]);
  if (pointer) upright(context, plot, view, pointer.time, themeColour("--quiet"), []);
}

function frame(context, plot) {
  context.strokeStyle = themeColour("--line");
  context.setLineDash([]);
  context.strokeRect(plot.left, plot.top, plot.right - plot.left, plot.bottom - plot.top);
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
