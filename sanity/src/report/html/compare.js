// One placement or two: alone, side by side, or one over the other with a
// divider between. All show the same part of time and address.

// A placement in its part of the map.
class Pane {
  constructor(placement, index) {
    this.placement = placement;
    this.index = index;
    this.shown = null;
    this.painting = null;
    this.plot = null;
  }

  holds(x, y) {
    const { left, right, top, bottom } = this.plot;
    return x >= left && x < right && y >= top && y < bottom;
  }
}

const GAP = 12; // pixels between two maps
const WIDE = 640; // from here on they lie side by side, and one above the other below

// Where each pane lies on a canvas of a size.
function layOut(panes, mode, width, height) {
  const whole = {
    left: MARGIN.left,
    right: Math.max(MARGIN.left + 1, width - MARGIN.right),
    top: MARGIN.top,
    bottom: Math.max(MARGIN.top + 1, height - MARGIN.bottom),
  };
  for (const pane of panes) pane.plot = { ...whole };
  if (mode !== "beside") return;
  const [first, second] = panes;
  if (width >= WIDE) {
    const middle = (whole.left + whole.right) / 2;
    first.plot.right = Math.round(middle - GAP / 2);
    second.plot.left = Math.round(middle + GAP / 2);
  } else {
    const middle = (whole.top + whole.bottom) / 2;
    first.plot.bottom = Math.round(middle - GAP / 2);
    second.plot.top = Math.round(middle + GAP / 2);
  }
}

// What of a pane is seen: all of it, or one side of the divider.
function clipOf(pane, rank, mode, divider) {
  const { left, right, top, bottom } = pane.plot;
  if (mode !== "slider") return [left, top, right - left, bottom - top];
  const x = left + divider * (right - left);
  return rank === 0 ? [left, top, x - left, bottom - top] : [x, top, right - x, bottom - top];
}

function drawDivider(context, plot, divider) {
  const x = plot.left + divider * (plot.right - plot.left);
  const y = (plot.top + plot.bottom) / 2;
  context.fillStyle = themeColour("--ground");
  context.fillRect(x - 2.5, plot.top, 5, plot.bottom - plot.top);
  context.fillStyle = themeColour("--focus");
  context.fillRect(x - 1, plot.top, 2, plot.bottom - plot.top);
  context.beginPath();
  context.arc(x, y, 11, 0, 7);
  context.fill();
  context.fillStyle = themeColour("--ground");
  context.font = FONT;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText("↔", x, y + 0.5);
}
