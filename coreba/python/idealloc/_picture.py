"""Pictures of a plan: time from left to right, addresses from bottom to top."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from idealloc._plan import Plan

# More would make a notebook slow; the largest are drawn.
_MOST = 3000
_WIDTH, _HEIGHT = 640, 320
# Colours that people of any colour vision tell apart (Okabe and Ito).
_COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")


def svg(plan: Plan) -> str:
    """A picture by itself, with a name on each buffer. O(n log n)."""
    pieces = plan._jobs.pieces(plan.offsets)
    first = min((birth for _, birth, *_ in pieces), default=0)
    last = max((death for _, _, death, *_ in pieces), default=1)
    across, up = _WIDTH / (last - first), _HEIGHT / max(plan.makespan, 1)
    drawn = sorted(pieces, key=lambda piece: (piece[1] - piece[2]) * (piece[4] - piece[3]))[:_MOST]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT + 20}" width="{_WIDTH}">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#f4f4f4"/>',
    ]
    for row, birth, death, low, high, name in drawn:
        x, width = (birth - first) * across, (death - birth) * across
        y, height = _HEIGHT - high * up, (high - low) * up
        parts.append(
            f'<rect x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}" '
            f'fill="{_COLOURS[row % len(_COLOURS)]}" stroke="#fff" stroke-width="0.5">'
            f"<title>{escape(name)}: time {birth} to {death}, bytes {low} to {high}</title></rect>"
        )
    left_out = f", {len(pieces) - len(drawn)} small ones not drawn" if len(drawn) < len(pieces) else ""
    caption = f"{len(plan)} buffers in {plan.makespan} bytes, lower bound {plan.lower_bound}, {plan.status}{left_out}"
    parts.append(f'<text y="{_HEIGHT + 14}" font-family="sans-serif" font-size="12">{escape(caption)}</text></svg>')
    return "\n".join(parts)


def plot(plan: Plan, ax: Axes | None = None) -> Axes:
    """See `Plan.plot`."""
    try:
        from matplotlib import pyplot
        from matplotlib.collections import PatchCollection
        from matplotlib.patches import Rectangle
    except ImportError as error:
        raise ImportError("Plan.plot needs matplotlib: pip install 'idealloc[plot]'") from error
    axes: Axes = pyplot.subplots()[1] if ax is None else ax
    pieces = plan._jobs.pieces(plan.offsets)
    patches = [Rectangle((birth, low), death - birth, high - low) for _, birth, death, low, high, _ in pieces]
    colours = [_COLOURS[row % len(_COLOURS)] for row, *_ in pieces]
    axes.add_collection(PatchCollection(patches, facecolors=colours, edgecolors="white", linewidths=0.5))
    axes.axhline(plan.makespan, color="black", linewidth=0.8)
    axes.autoscale_view()
    axes.set(xlabel="time", ylabel="offset (bytes)", title=f"{len(plan)} buffers in {plan.makespan} bytes")
    return axes
