"""`plan` and `Plan`: from columns to offsets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, Hashable, Iterable, Literal, Sequence, SupportsIndex, Tuple, Union

from idealloc._errors import OptionError
from idealloc._idealloc import Jobs, Progress

if TYPE_CHECKING:
    import os

    import numpy
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from idealloc._problem import Problem

Status = Literal["optimal", "feasible", "infeasible", "unknown"]
Stop = Literal["lower_bound", "exhausted", "capacity", "infeasible", "timeout", "iterations", "interrupted"]
Interrupt = Literal["return", "raise"]

# A column of numbers: a list, an array of numpy, a column of pandas, any iterable.
Numbers = Iterable[Union[SupportsIndex, float]]
# The same, where a row may lack a number.
SomeNumbers = Iterable[Union[SupportsIndex, float, None]]
# `(lower, upper)`, or `(lower, upper, (low, high))`.
Gap = Union[Tuple[int, int], Tuple[int, int, Union[Tuple[int, int], None]]]

# By its identity it is told from a number that a caller gives.
_DEFAULT_TIMEOUT: float = float("1")


@dataclass(slots=True, eq=False)
class Plan:
    """A valid placement, and what is known about it.

    With `capacity`, look at `status` first: where it is "infeasible" or "unknown", the
    offsets are a valid placement that takes more than the capacity.
    """

    _jobs: Jobs = field(repr=False)
    offsets: NDArray[numpy.int64] = field(repr=False)
    """One offset a buffer, in the order of the rows, in bytes; shape (n,)."""
    makespan: int
    """The memory that the placement takes: the largest `offset + size`, in bytes."""
    load: int
    """LOAD: the largest sum of sizes that live at the same time, in bytes."""
    lower_bound: int
    """No placement takes less than this, proved, in bytes. At least `load`."""
    status: Status
    """"optimal": no placement is smaller. "feasible": a smaller one may exist. Only with
    `capacity`: "infeasible", none fits, proved; "unknown", the search ended before."""
    stop: Stop
    """What ended the search."""
    evaluations: int
    """Placements that were tried."""
    seconds: float
    """How long the search took."""
    start: int
    """The address that offsets count from, in bytes."""

    @property
    def optimal(self) -> bool:
        """Whether it is proved that no placement is smaller."""
        return self.makespan <= self.lower_bound

    @property
    def problem(self) -> Problem:
        """What was solved."""
        from idealloc._problem import Problem

        return Problem._of(self._jobs)

    def verify(self) -> None:
        """Checks the offsets against everything that the problem says. O(n log n).

        The verifier shares no code with the solver, which has asked it before.

        Raises:
            PlacementError: the first violation found.
        """
        self._jobs.verify(self.offsets, self.start)

    def to_csv(self, path: str | os.PathLike[str] | None = None) -> str | None:
        """Writes the problem's columns and `offset`: to `path`, whole or not at all, or as text."""
        return self.problem.to_csv(path, offsets=self.offsets)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draws the placement, time from left to right and addresses from bottom to top.

        Needs matplotlib: `pip install 'idealloc[plot]'`.
        """
        from idealloc._picture import plot

        return plot(self, ax)

    def _repr_svg_(self) -> str:
        from idealloc._picture import svg

        return svg(self)

    def __len__(self) -> int:
        return len(self._jobs)


def plan(
    lower: Numbers,
    upper: Numbers,
    size: Numbers,
    *,
    alignment: int | SomeNumbers | None = None,
    offset: SomeNumbers | None = None,
    group: Iterable[Hashable] | None = None,
    hint: SomeNumbers | None = None,
    gaps: Iterable[Sequence[Gap] | None] | None = None,
    capacity: int | None = None,
    timeout: float | None = _DEFAULT_TIMEOUT,
    iterations: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    start: int = 0,
    progress: Callable[[Progress], Any] | None = None,
    interrupt: Interrupt = "return",
) -> Plan:
    """Gives every buffer an offset, so that together they take as little memory as possible.

    A column has one entry a buffer, n in all: a list, an array of any integer type and any
    strides, a column of pandas, any iterable. Floats are taken where they are whole. Nothing
    is rounded or wrapped. The interpreter's lock is released while the search runs.

    Args:
        lower: when each buffer is needed first, on any clock.
        upper: when it is needed no more; exclusive, above `lower`.
        size: bytes. A buffer of size 0 takes no memory, and its offset is 0, or where
            `offset` or its group has it.
        alignment: `start + offset` is a multiple of it, in bytes; one for all, or one each.
        offset: where a buffer is fixed, in bytes; `None`, NaN, masked or negative: it is free.
        group: buffers of equal values share one offset, and do not conflict; `None` and ""
            are no group. Any hashable values but negative numbers.
        hint: a preferred offset in bytes, kept where that costs no memory; missing as in `offset`.
        gaps: of each buffer `None` or a sequence of `(lower, upper)`: spans inside its lifetime
            in which it holds no memory; or `(lower, upper, (low, high))`, where the bytes from
            `low` to `high` of the buffer are held all the same.
        capacity: a decision instead of an optimum: is there a placement within so many bytes?
            The search ends with the first one, or with a proof that there is none.
        timeout: seconds until the search ends with the best so far; `None`: no limit. By
            default 1, or with `iterations` no limit.
        iterations: how many placements to try. With it and without `timeout` the same problem
            and seed give the same offsets on any machine and with any number of threads.
        seed: of all randomness.
        threads: how many to use; `None`: those of the machine.
        start: the address that offsets count from, in bytes.
        progress: called with a `Progress` at the first placement, and then up to 20 times a
            second. `True` from it ends the search; any other result goes on. What it
            raises comes out of here.
        interrupt: what Ctrl-C does. "return": the search ends with the best so far. "raise":
            it does so too, and `KeyboardInterrupt` is raised, whose attribute `plan` holds it.

    Raises:
        ProblemError: a row is not sound; its attribute `row` says which.
        OptionError: an option is out of its range.
    """
    jobs = Jobs(lower, upper, size, None, alignment, offset, hint, group, gaps)
    return solve(jobs, capacity, timeout, iterations, seed, threads, start, progress, interrupt)


def solve(
    jobs: Jobs,
    capacity: int | None = None,
    timeout: float | None = _DEFAULT_TIMEOUT,
    iterations: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    start: int = 0,
    progress: Callable[[Progress], Any] | None = None,
    interrupt: Interrupt = "return",
) -> Plan:
    """See `plan`."""
    if interrupt not in ("return", "raise"):
        raise OptionError(f"interrupt is {interrupt!r}, neither 'return' nor 'raise'")
    if timeout is _DEFAULT_TIMEOUT and iterations is not None:
        timeout = None
    solved = jobs.solve(
        progress,
        start=start,
        seed=seed,
        threads=threads,
        timeout=timeout,
        iterations=iterations,
        capacity=capacity,
    )
    offsets, makespan, load, lower_bound, status, stop, evaluations, seconds, interrupted = solved
    plan = Plan(jobs, offsets, makespan, load, lower_bound, status, stop, evaluations, seconds, start)
    if interrupted is not None and interrupt == "raise":
        interrupted.plan = plan
        raise interrupted
    return plan
