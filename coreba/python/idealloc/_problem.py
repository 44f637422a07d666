"""`Buffer` and `Problem`: buffers as objects, and as files."""

from __future__ import annotations

import numbers
import os
import reprlib
import warnings
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Callable, Hashable, Iterable, Iterator, Literal, Sequence

from idealloc._errors import OptionError, ProblemError
from idealloc._idealloc import Jobs, Progress
from idealloc._plan import _DEFAULT_TIMEOUT, Gap, Interrupt, Numbers, Plan, SomeNumbers, solve

if TYPE_CHECKING:
    from typing_extensions import Self

Lifetimes = Literal["half-open", "inclusive"]

# The names of columns, as a CSV may have them, the first by preference.
_NAMES = {
    "id": ("id", "buffer", "buffer_id"),
    "lower": ("lower", "start", "begin"),
    "upper": ("upper", "end"),
    "size": ("size",),
    "alignment": ("alignment",),
    "offset": ("offset",),
    "hint": ("hint",),
    "group": ("group",),
    "gaps": ("gaps",),
}


_OPEN = (
    '"end" is read as the last instant of a lifetime; where it is the first after it, use lifetimes="half-open"'
)


def _after(end: Any) -> Any:
    """The instant after one; what is no number stays, for the gate to refuse."""
    if isinstance(end, numbers.Integral):
        return int(end) + 1
    if isinstance(end, numbers.Real) and float(end).is_integer():
        return int(float(end)) + 1
    return end


@dataclass(frozen=True, slots=True)
class Buffer:
    """A block of memory that is needed from `lower` until before `upper`."""

    lower: int
    """When it is needed first, on any clock."""
    upper: int
    """When it is needed no more; above `lower`."""
    size: int
    """Bytes."""
    id: int | str | None = None
    """What files and errors call it, unique; `None`: its row."""
    alignment: int = 1
    """`start + offset` is a multiple of it, in bytes."""
    offset: int | None = None
    """Where it is fixed, in bytes; `None`: it is free."""
    hint: int | None = None
    """A preferred offset in bytes, kept where that costs no memory."""
    group: Hashable = None
    """Buffers of equal values share one offset, and do not conflict; `None`: no group."""
    gaps: Sequence[Gap] = ()
    """Spans `(lower, upper)` inside the lifetime without memory, or `(lower, upper, (low,
    high))`, where the bytes from `low` to `high` are held all the same."""


class Problem:
    """Sound buffers, to be planned. It does not change."""

    __slots__ = ("_jobs", "name")

    def __init__(self, buffers: Iterable[Buffer] = (), *, name: str | None = None) -> None:
        """The problem of these buffers; `name` is what errors of `plan_many` call it. O(n).

        Raises:
            ProblemError: a buffer is not sound; its attribute `row` says which.
        """
        buffers = list(buffers)
        names = ("lower", "upper", "size", "id", "alignment", "offset", "hint", "group", "gaps")
        for row, buffer in enumerate(buffers):
            if not isinstance(buffer, Buffer):
                raise ProblemError(f"row {row}: {reprlib.repr(buffer)} is no Buffer", row)
        columns: list[Any] = [[getattr(buffer, name) for buffer in buffers] for name in names]
        for index, name_of in enumerate(names):
            if name_of in ("id", "offset", "hint", "group") and all(x is None for x in columns[index]):
                columns[index] = None
            elif name_of == "gaps" and not any(columns[index]):
                columns[index] = None
        self._jobs = Jobs(*columns)
        self.name = name

    @classmethod
    def _of(cls, jobs: Jobs, name: str | None = None) -> Self:
        problem = cls.__new__(cls)
        problem._jobs = jobs
        problem.name = name
        return problem

    @classmethod
    def from_columns(
        cls,
        lower: Numbers,
        upper: Numbers,
        size: Numbers,
        *,
        id: Iterable[int | str | None] | None = None,
        alignment: int | SomeNumbers | None = None,
        offset: SomeNumbers | None = None,
        group: Iterable[Hashable] | None = None,
        hint: SomeNumbers | None = None,
        gaps: Iterable[Sequence[Gap] | None] | None = None,
        name: str | None = None,
    ) -> Self:
        """The problem of these columns: see `idealloc.plan`. O(n)."""
        return cls._of(Jobs(lower, upper, size, id, alignment, offset, hint, group, gaps), name)

    @classmethod
    def from_csv(
        cls,
        source: str | os.PathLike[str] | IO[Any],
        *,
        lifetimes: Lifetimes | None = None,
        allow_empty: bool = False,
    ) -> Self:
        """Reads a CSV, by its name (also packed by gzip or zstd) or from an open file.

        Columns are known by their names: `id`, `lower`, `upper` (exclusive) or `end`,
        `size`, and where there are any `alignment`, `offset` (where a buffer is
        fixed), `hint`, `group`, `gaps`. What stands in other columns is kept. O(n).

        Args:
            source: a name, or an open file of text or bytes.
            lifetimes: what an `end` is, and with it the ends of gaps: "inclusive", the last
                instant, or "half-open", the first after it. `None`: inclusive, with a warning.
            allow_empty: take a file without a header for no buffers; else it is an error.

        Raises:
            OptionError: `lifetimes` is something else.
            FileError: the content is malformed or refused; it names the line.
            OSError: the file cannot be read.
        """
        if isinstance(source, (str, os.PathLike)):
            path: str | None = os.fspath(source)
            jobs, notes = Jobs.read(path, None, lifetimes, allow_empty)
        else:
            path = getattr(source, "name", None)
            content = source.read()
            content = content.encode() if isinstance(content, str) else content
            jobs, notes = Jobs.read(None, content, lifetimes, allow_empty)
        for note in notes:
            warnings.warn(note if path is None else f"{path}: {note}", stacklevel=2)
        return cls._of(jobs, path)

    @classmethod
    def from_dataframe(
        cls, frame: Any, *, lifetimes: Lifetimes | None = None, name: str | None = None
    ) -> Self:
        """The problem of a frame of pandas, or what is like one: columns as in a CSV, by name.

        Of `gaps` each entry is a sequence, as in `idealloc.plan`, with exclusive ends. Other
        columns are ignored. `lifetimes` says what a column `end` is, as in `from_csv`.

        Raises:
            ProblemError: a column is missing, or a row is not sound.
            OptionError: `lifetimes` is neither "half-open" nor "inclusive".
        """
        if lifetimes not in (None, "half-open", "inclusive"):
            raise OptionError(f"lifetimes is {reprlib.repr(lifetimes)}, neither 'half-open' nor 'inclusive'")
        columns: dict[str, Any] = {}
        for key, names in _NAMES.items():
            found = [one for one in frame.columns if isinstance(one, str) and one.strip().lower() in names]
            if len(found) > 1:
                raise ProblemError(f"columns {found[0]!r} and {found[1]!r} mean the same")
            if found:
                columns[key] = frame[found[0]]
                if found[0].strip().lower() == "end" and lifetimes != "half-open":
                    columns[key] = [_after(end) for end in columns[key]]
                    if lifetimes is None:
                        warnings.warn(_OPEN, stacklevel=2)
        for key in ("lower", "upper", "size"):
            if key not in columns:
                raise ProblemError(f"no column {' or '.join(_NAMES[key])} among {reprlib.repr(list(frame.columns))}")
        return cls.from_columns(**columns, name=name)

    def to_csv(
        self, path: str | os.PathLike[str] | None = None, *, offsets: Numbers | None = None
    ) -> str | None:
        """Writes a CSV that `from_csv` reads: to `path`, whole or not at all, or as text.

        The columns are those of the file that the problem came from, else those that it
        needs. `offsets` are written into the column `offset`, else where buffers are fixed.
        """
        content = self._jobs.write(None if path is None else os.fspath(path), offsets)
        return None if content is None else content.decode()

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        """The buffers, in the order of the rows."""
        return tuple(self)

    def plan(
        self,
        *,
        capacity: int | None = None,
        timeout: float | None = _DEFAULT_TIMEOUT,
        iterations: int | None = None,
        seed: int = 0,
        threads: int | None = None,
        start: int = 0,
        progress: Callable[[Progress], Any] | None = None,
        interrupt: Interrupt = "return",
    ) -> Plan:
        """Gives every buffer an offset: see `idealloc.plan`."""
        return solve(self._jobs, capacity, timeout, iterations, seed, threads, start, progress, interrupt)

    def explain(
        self,
        capacity: int,
        *,
        timeout: float | None = None,
        seed: int = 0,
        threads: int | None = None,
        start: int = 0,
    ) -> tuple[int, ...] | None:
        """Why no placement takes `capacity` bytes or less: rows that do not fit together.

        In time, all of them but any one fit. `None`: it is not proved that the problem does
        not fit, or it fits. `timeout` is in seconds.
        """
        if capacity is None:
            raise OptionError("capacity is None, not an integer")
        found = self._jobs.explain(capacity=capacity, timeout=timeout, seed=seed, threads=threads, start=start)
        return None if found is None else tuple(found[0])

    def verify(self, offsets: Numbers, *, start: int = 0) -> None:
        """Checks any offsets, one a buffer, in bytes, by the independent verifier. O(n log n).

        Raises:
            PlacementError: the first violation found.
        """
        self._jobs.verify(offsets, start)

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[Buffer]:
        lower, upper, size, ids, alignment, offset, hint, group, gaps, _ = self._jobs.columns()
        for row in range(len(lower)):
            yield Buffer(
                lower[row],
                upper[row],
                size[row],
                ids[row] if ids else None,
                alignment[row] if alignment else 1,
                offset[row] if offset else None,
                hint[row] if hint else None,
                group[row] if group else None,
                tuple(gaps[row]) if gaps else (),
            )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Problem):
            return NotImplemented
        return self._jobs.columns() == other._jobs.columns()

    __hash__ = None  # type: ignore[assignment]

    def __getstate__(self) -> tuple[Jobs, str | None, dict[str, Any]]:
        # A class that is derived from this one may have more.
        return self._jobs, self.name, getattr(self, "__dict__", {})

    def __setstate__(self, state: tuple[Jobs, str | None, dict[str, Any]]) -> None:
        self._jobs, self.name, more = state
        for name, value in more.items():
            setattr(self, name, value)

    def __repr__(self) -> str:
        name = "" if self.name is None else f"{self.name!r}, "
        return f"<idealloc.Problem {name}{len(self)} buffers>"
