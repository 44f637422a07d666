"""What the package is made of; no part of its interface but `Progress`."""

from typing import Any, Callable, Hashable, Iterable, Sequence, final

@final
class Progress:
    """Where a search is."""

    @property
    def makespan(self) -> int:
        """Of the best placement so far, in bytes."""
    @property
    def lower_bound(self) -> int:
        """The best proved bound on any makespan, in bytes."""
    @property
    def load(self) -> int:
        """LOAD, in bytes."""
    @property
    def evaluations(self) -> int:
        """Placements that were tried."""
    @property
    def seconds(self) -> float:
        """Since the search began."""

@final
class Jobs:
    def __new__(
        cls,
        lower: Iterable[Any],
        upper: Iterable[Any],
        size: Iterable[Any],
        id: Iterable[Any] | None = None,
        alignment: int | Iterable[Any] | None = None,
        offset: Iterable[Any] | None = None,
        hint: Iterable[Any] | None = None,
        group: Iterable[Hashable] | None = None,
        gaps: Iterable[Sequence[Any] | None] | None = None,
        requested: Iterable[Any] | None = None,
    ) -> Jobs: ...
    @staticmethod
    def read(path: str | None, content: bytes | None) -> tuple[Jobs, list[str]]: ...
    @staticmethod
    def _restore(columns: tuple[Any, ...], header: bytes, unknown: list[list[str]]) -> Jobs: ...
    def write(self, path: str | None, offsets: Iterable[Any] | None = None) -> bytes | None: ...
    def verify(self, offsets: Iterable[Any], start: int) -> None: ...
    def solve(self, progress: Callable[[Progress], Any] | None, **options: float | None) -> tuple[Any, ...]: ...
    def explain(self, **options: float | None) -> tuple[list[int], bool] | None: ...
    def columns(self) -> tuple[Any, ...]: ...
    def pieces(self, offsets: Iterable[Any]) -> list[tuple[int, int, int, int, int, str]]: ...
    def __len__(self) -> int: ...

_CsvRow = tuple[str, int, int, int, int, list[tuple[int, int, tuple[int, int] | None]], int | None, int | None]

def csv_rows(content: bytes, path: str | None = None) -> list[_CsvRow]: ...
def csv_text(path: str | None, names: list[str], rows: list[_CsvRow]) -> bytes | None: ...
