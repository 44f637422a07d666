"""Problems with known answers, and a verifier of their own: nothing here asks idealloc."""

from __future__ import annotations

import heapq
import random
from itertools import permutations
from typing import Any

from hypothesis import strategies as st

Columns = dict[str, Any]


def hard(count: int = 1500, live: int = 120) -> Columns:
    """`live` buffers at any time, each followed by one of another size: where so many are
    live, no search proves within hours how little they could take."""
    draw = random.Random(7)
    free_from = [0] * live
    columns: Columns = {"lower": [], "upper": [], "size": []}
    for _ in range(count):
        lower = heapq.heappop(free_from)
        upper = lower + draw.randrange(1, 50)
        heapq.heappush(free_from, upper)
        for name, number in zip(columns, (lower, upper, draw.randrange(1, 1000))):
            columns[name].append(number)
    return columns


@st.composite
def plain(draw: st.DrawFn, most: int = 5) -> Columns:
    """Buffers with alignments, some fixed above all others' reach."""
    count = draw(st.integers(0, most))
    numbers = lambda low, high: draw(st.lists(st.integers(low, high), min_size=count, max_size=count))  # noqa: E731
    lower = numbers(0, 5)
    return {
        "lower": lower,
        "upper": [birth + life for birth, life in zip(lower, numbers(1, 4))],
        "size": numbers(1, 6),
        "alignment": [2**exponent for exponent in numbers(0, 2)],
    }


@st.composite
def rich(draw: st.DrawFn, most: int = 7) -> Columns:
    """The same with empty buffers, gaps, windows, groups and hints."""
    columns = draw(plain(most))
    count = len(columns["lower"])
    columns["size"] = [draw(st.integers(0, 6)) for _ in range(count)]
    columns["group"] = [draw(st.sampled_from([None, None, None, "a", 1, ("t", 2)])) for _ in range(count)]
    columns["hint"] = [draw(st.sampled_from([None, -1, 0, 4, 8])) for _ in range(count)]
    columns["gaps"] = [draw(_gaps(*span)) for span in zip(columns["lower"], columns["upper"], columns["size"])]
    return columns


@st.composite
def _gaps(draw: st.DrawFn, lower: int, upper: int, size: int) -> Any:
    if upper - lower < 2 or draw(st.booleans()):
        return None
    first = draw(st.integers(lower, upper - 1))
    last = draw(st.integers(first + 1, upper))
    window = (0, draw(st.integers(0, size))) if draw(st.booleans()) else None
    return [(first, last)] if window is None else [(first, last, window)]


def overlaps(columns: Columns, offsets: Any) -> bool:
    """Whether two buffers that are not of one group hold the same byte at the same time."""
    held: dict[tuple[int, int], Any] = {}
    for row, offset in enumerate(offsets):
        lower, upper, size = (columns[name][row] for name in ("lower", "upper", "size"))
        group = columns.get("group", {row: None} | dict.fromkeys(range(row)))[row]
        owner = ("row", row) if group is None else ("group", group)
        for time in range(lower, upper):
            low, high = 0, size
            for first, last, *window in (columns.get("gaps") or [None] * (row + 1))[row] or ():
                if first <= time < last:
                    low, high = window[0] if window else (0, 0)
            for byte in range(offset + low, offset + high):
                if held.setdefault((time, byte), owner) != owner:
                    return True
    return False


def smallest(columns: Columns) -> int:
    """The smallest makespan of plain buffers: in some order, each as low as it can be.

    Of an optimal placement take the order of its offsets: in it no buffer comes to lie
    higher than it does there.
    """
    rows = list(zip(columns["lower"], columns["upper"], columns["size"], columns["alignment"]))
    best = None
    for order in permutations(rows):
        placed: list[tuple[int, int, int, int]] = []
        for lower, upper, size, alignment in order:
            offset = 0
            while any(
                lower < other[1] and other[0] < upper and offset < other[3] and other[2] < offset + size
                for other in placed
            ):
                offset += alignment
            placed.append((lower, upper, offset, offset + size))
        top = max((high for *_, high in placed), default=0)
        best = top if best is None else min(best, top)
    return best or 0
