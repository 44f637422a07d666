"""The interface of google/minimalloc's Python bindings, solved by idealloc.

`import idealloc.minimalloc as minimalloc` runs code that was written for them: `Buffer`,
`Problem`, `Solver`, `Solution`, `validate` and the functions about CSV. What differs:

- The switches of `SolverParams` about the search, but `timeout` and `minimize_capacity`,
  are accepted and change nothing: they are about a search that is not here.
- `Solver.get_backtracks` counts placements that were tried.
- An unsound problem, such as one with a negative size, raises `ProblemError`.
- What shows minimalloc's own sections and orders (`sweep`, `create_points`, `PreorderData`
  and what these give) is not here.

Sizes and offsets are in bytes, lifetimes half-open. Source of the interface: `python/` of
https://github.com/google/minimalloc.
"""

from __future__ import annotations

import enum
import math
import os
from dataclasses import dataclass, field

from idealloc._errors import FileError, PlacementError, ProblemError
from idealloc._idealloc import csv_rows, csv_text
from idealloc._idealloc import Progress as _Progress
from idealloc._plan import Plan
from idealloc._problem import Problem as _Problem

__all__ = [
    "Area",
    "Buffer",
    "BufferIdx",
    "Capacity",
    "Duration",
    "Gap",
    "Interval",
    "Lifespan",
    "Offset",
    "Problem",
    "SectionRange",
    "Solution",
    "Solver",
    "SolverParams",
    "TimeValue",
    "ValidationResult",
    "Window",
    "from_csv",
    "from_csv_file",
    "to_csv",
    "to_csv_file",
    "validate",
]

BufferIdx = int
Capacity = int
Offset = int
TimeValue = int
Area = int


@dataclass(frozen=True, order=True)
class Duration:
    """A length of time."""

    seconds: float = 0.0

    @staticmethod
    def from_seconds(seconds: float) -> Duration:
        return Duration(seconds)

    @staticmethod
    def from_milliseconds(milliseconds: float) -> Duration:
        return Duration(milliseconds / 1e3)

    @staticmethod
    def from_microseconds(microseconds: float) -> Duration:
        return Duration(microseconds / 1e6)

    @staticmethod
    def infinite() -> Duration:
        return Duration(math.inf)

    def to_seconds(self) -> float:
        return self.seconds

    def __repr__(self) -> str:
        return "Duration.infinite()" if math.isinf(self.seconds) else f"Duration({self.seconds} seconds)"


@dataclass(frozen=True, order=True)
class Interval:
    """From `lower` until before `upper`."""

    lower: int = 0
    upper: int = 0

    def __repr__(self) -> str:
        return f"Interval({self.lower}, {self.upper})"


Lifespan = Window = SectionRange = Interval


@dataclass(unsafe_hash=True)
class Gap:
    """A span of a lifetime in which only `window` of the buffer is held, or nothing."""

    lifespan: Interval = Interval()
    window: Interval | None = None


@dataclass(eq=False)
class Buffer:
    """A block of memory; `offset` fixes it, `hint` is where it would best be."""

    id: str = ""
    lifespan: Interval = Interval()
    size: int = 0
    alignment: int = 1
    gaps: list[Gap] = field(default_factory=list)
    offset: int | None = None
    hint: int | None = None

    def area(self) -> int:
        """Size times lifetime."""
        return self.size * (self.lifespan.upper - self.lifespan.lower)

    def effective_size(self, other: Buffer) -> int | None:
        """How far above this buffer's offset `other` must lie to be above it; `None` where
        the two never hold memory at the same time."""
        sizes = [
            mine[3] - theirs[2]
            for mine in _spans(self)
            for theirs in _spans(other)
            if mine[0] < theirs[1] and theirs[0] < mine[1]
        ]
        return max(sizes, default=None)

    def _key(self) -> tuple[object, ...]:
        return self.id, self.lifespan, self.size, self.alignment, self.offset, tuple(self.gaps)

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Buffer) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())


@dataclass(eq=False)
class Solution:
    """An offset a buffer, and the memory that they take."""

    offsets: list[int] = field(default_factory=list)
    height: int = 0

    def __eq__(self, other: object) -> bool:
        return self.offsets == other.offsets if isinstance(other, Solution) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self.offsets))


@dataclass(eq=False)
class Problem:
    """Buffers, and the memory that there is for them."""

    buffers: list[Buffer] = field(default_factory=list)
    capacity: int = 0

    def strip_solution(self) -> Solution | None:
        """Takes the offsets off the buffers; `None` where one has none."""
        if any(buffer.offset is None for buffer in self.buffers):
            return None
        offsets = [buffer.offset for buffer in self.buffers if buffer.offset is not None]
        for buffer in self.buffers:
            buffer.offset = None
        return Solution(offsets)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Problem):
            return NotImplemented
        return self.buffers == other.buffers and self.capacity == other.capacity

    def __hash__(self) -> int:
        return hash((tuple(self.buffers), self.capacity))


class SolverParams:
    """How to solve: `timeout` (a `Duration`, seconds, or `None` for no limit) and
    `minimize_capacity` count; the others are accepted."""

    def __init__(self) -> None:
        self._timeout = Duration.infinite()
        self.canonical_only = True
        self.section_inference = True
        self.dynamic_ordering = True
        self.check_dominance = True
        self.unallocated_floor = True
        self.static_preordering = True
        self.dynamic_decomposition = True
        self.monotonic_floor = True
        self.hatless_pruning = True
        self.minimize_capacity = False
        self.preordering_heuristics = ["WAT", "TAW", "TWA"]

    @property
    def timeout(self) -> Duration:
        return self._timeout

    @timeout.setter
    def timeout(self, value: Duration | float | None) -> None:
        if value is None:
            self._timeout = Duration.infinite()
        elif isinstance(value, Duration):
            self._timeout = value
        elif isinstance(value, (int, float)):
            self._timeout = Duration(float(value))
        else:
            raise TypeError("timeout must be Duration, numeric, or None")


class Solver:
    """Solves problems, one at a time; another thread may cancel it."""

    def __init__(self, params: SolverParams | None = None) -> None:
        self._params = params if params is not None else SolverParams()
        self._cancelled = False
        self._evaluations = 0

    def solve(self, problem: Problem) -> Solution | None:
        """A placement within the capacity, with `minimize_capacity` the smallest; `None` where
        there is none, or none was found in time."""
        self._cancelled = False
        try:
            jobs = _problem(problem.buffers)
        except ProblemError as error:
            if error.row is not None:
                raise
            return None  # Fixed buffers conflict.
        plan = self._plan(jobs, None if self._params.minimize_capacity else max(problem.capacity, 0))
        self._evaluations = plan.evaluations
        offsets = [int(offset) for offset in plan.offsets]
        height = max((offset + buffer.size for offset, buffer in zip(offsets, problem.buffers)), default=0)
        return Solution(offsets, height) if height <= problem.capacity else None

    def _plan(self, problem: _Problem, capacity: int | None) -> Plan:
        def cancelled(_: _Progress) -> bool:
            return self._cancelled

        timeout = max(self._params.timeout.seconds, 0.0)
        return problem.plan(capacity=capacity, timeout=timeout, progress=cancelled, interrupt="raise")

    def get_backtracks(self) -> int:
        """Placements that the last solve tried."""
        return self._evaluations

    def cancel(self) -> None:
        """Ends the solve that another thread is in."""
        self._cancelled = True

    def compute_irreducible_infeasible_subset(self, problem: Problem) -> list[int] | None:
        """Indices of buffers that do not fit together, such that all of them do without any
        one; `None` where that was not found in time."""
        timeout = max(self._params.timeout.seconds, 0.0)
        found = _problem(problem.buffers).explain(max(problem.capacity, 0), timeout=timeout)
        if found is not None:
            return list(found)
        return None if self.solve(problem) is None else []


class ValidationResult(enum.Enum):
    """What `validate` found first."""

    GOOD = 0
    BAD_SOLUTION = 1
    BAD_FIXED = 2
    BAD_OFFSET = 3
    BAD_OVERLAP = 4
    BAD_ALIGNMENT = 5
    BAD_HEIGHT = 6


def validate(problem: Problem, solution: Solution) -> ValidationResult:
    """Whether a solution is one of a problem, by idealloc's independent verifier."""
    if len(problem.buffers) != len(solution.offsets):
        return ValidationResult.BAD_SOLUTION
    height = 0
    for buffer, offset in zip(problem.buffers, solution.offsets):
        height = max(height, offset + buffer.size)
        if buffer.offset is not None and buffer.offset != offset:
            return ValidationResult.BAD_FIXED
        if offset < 0 or offset + buffer.size > problem.capacity:
            return ValidationResult.BAD_OFFSET
        if offset + buffer.size > solution.height:
            return ValidationResult.BAD_HEIGHT
        if offset % buffer.alignment != 0:
            return ValidationResult.BAD_ALIGNMENT
    if height != solution.height:
        return ValidationResult.BAD_HEIGHT
    try:
        _problem(problem.buffers, is_free=True).verify(solution.offsets)
    except PlacementError:
        return ValidationResult.BAD_OVERLAP
    return ValidationResult.GOOD


def _problem(buffers: list[Buffer], is_free: bool = False) -> _Problem:
    """What idealloc is asked: a buffer that never lives conflicts with nothing, as one without
    bytes. With `is_free` without the offsets that are fixed."""
    lives = [buffer.lifespan.lower < buffer.lifespan.upper for buffer in buffers]
    return _Problem.from_columns(
        [buffer.lifespan.lower for buffer in buffers],
        [buffer.lifespan.upper for buffer in buffers],
        [buffer.size if is_live else 0 for buffer, is_live in zip(buffers, lives)],
        alignment=[buffer.alignment for buffer in buffers],
        offset=None if is_free else [buffer.offset for buffer in buffers],
        hint=[buffer.hint for buffer in buffers],
        gaps=[[_gap(gap) for gap in buffer.gaps] for buffer in buffers],
    )


def _gap(gap: Gap) -> tuple[int, int, tuple[int, int] | None]:
    window = None if gap.window is None else (gap.window.lower, gap.window.upper)
    return gap.lifespan.lower, gap.lifespan.upper, window


def _spans(buffer: Buffer) -> list[tuple[int, int, int, int]]:
    """The rectangles that a buffer holds: birth, death, low, high."""
    at, spans = buffer.lifespan.lower, []
    for lower, upper, window in sorted(map(_gap, buffer.gaps), key=lambda gap: gap[:2]):
        spans.append((at, lower, 0, buffer.size))
        if window is not None:
            spans.append((lower, upper, *window))
        at = upper
    spans.append((at, buffer.lifespan.upper, 0, buffer.size))
    return [span for span in spans if span[0] < span[1]]


def from_csv(input: str) -> Problem | None:
    """The problem of a CSV's text, read by idealloc's reader; `None` where it is malformed."""
    try:
        return _parse(input.encode(), None)
    except FileError:
        return None


def _read(path: str | os.PathLike[str]) -> Problem:
    with open(path, "rb") as file:
        return _parse(file.read(), os.fspath(path))


def _parse(content: bytes, path: str | None) -> Problem:
    buffers = []
    for id, lower, upper, size, alignment, gaps, hint, offset in csv_rows(content, path):
        gaps_of = [Gap(Interval(*gap[:2]), None if gap[2] is None else Interval(*gap[2])) for gap in gaps]
        buffers.append(Buffer(id, Interval(lower, upper), size, alignment, gaps_of, offset, hint))
    return Problem(buffers)


def to_csv(problem: Problem, solution: Solution | None = None, old_format: bool = False) -> str:
    """The CSV of a problem, with the offsets of a solution; in the old format the ends of
    lifetimes are inclusive."""
    content = _write_csv(None, problem, solution, old_format)
    return "" if content is None else content.decode()


def from_csv_file(path: str | os.PathLike[str]) -> Problem | None:
    """As `from_csv`, of a file."""
    try:
        return _read(path)
    except FileError:
        return None


def to_csv_file(path: str | os.PathLike[str], problem: Problem, solution: Solution | None = None) -> None:
    """As `to_csv`, to a file, which appears only when it is whole."""
    _write_csv(os.fspath(path), problem, solution, False)


def _write_csv(path: str | None, problem: Problem, solution: Solution | None, old: bool) -> bytes | None:
    buffers = problem.buffers
    names = ["id", "start", "end", "size"] if old else ["id", "lower", "upper", "size"]
    optional = {
        "alignment": any(buffer.alignment != 1 for buffer in buffers),
        "hint": any(buffer.hint is not None for buffer in buffers),
        "gaps": any(buffer.gaps for buffer in buffers),
        "offset": solution is not None,
    }
    names += [name for name, is_needed in optional.items() if is_needed]
    offsets = [None] * len(buffers) if solution is None else solution.offsets
    rows = [
        (
            buffer.id,
            buffer.lifespan.lower,
            buffer.lifespan.upper,
            buffer.size,
            buffer.alignment,
            [_gap(gap) for gap in buffer.gaps],
            buffer.hint,
            offset,
        )
        for buffer, offset in zip(buffers, offsets)
    ]
    return csv_text(path, names, rows)
