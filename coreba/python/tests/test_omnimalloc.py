"""`idealloc.omnimalloc`: an allocator like omnimalloc's own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from oracle import plain, smallest

omnimalloc = pytest.importorskip("omnimalloc")
from idealloc.omnimalloc import IdeallocAllocator  # noqa: E402


def allocations(columns: Any) -> list[Any]:
    rows = zip(columns["size"], columns["lower"], columns["upper"])
    return [omnimalloc.Allocation(row, *numbers) for row, numbers in enumerate(rows)]


@settings(max_examples=30, deadline=None)
@given(plain())
def test_it_is_registered_and_places_as_well_as_brute_force(columns: Any) -> None:
    columns["alignment"] = [1] * len(columns["size"])
    placed = omnimalloc.allocate(allocations(columns), "idealloc", validate=True)
    assert max((one.offset + one.size for one in placed), default=0) == smallest(columns)
    assert [one.id for one in placed] == list(range(len(placed)))


def test_allocations_with_offsets_keep_them() -> None:
    pinned = [omnimalloc.Allocation("a", 4, 0, 2, offset=4), omnimalloc.Allocation("b", 4, 1, 3)]
    placed = omnimalloc.allocate(pinned, IdeallocAllocator(iterations=10, seed=1), validate=True)
    assert [one.offset for one in placed] == [4, 0]
    assert "idealloc" in omnimalloc.available_allocators()


def test_vector_clocks_and_bad_options_are_refused() -> None:
    with pytest.raises(ValueError, match="scalar"):
        omnimalloc.allocate([omnimalloc.Allocation(1, 4, (0, 0), (1, 1))], "idealloc")
    with pytest.raises(ValueError, match="timeout"):
        IdeallocAllocator(timeout=-1)
