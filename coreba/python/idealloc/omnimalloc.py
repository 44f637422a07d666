"""idealloc as an allocator of omnimalloc: importing this module registers "idealloc".

    import idealloc.omnimalloc
    placed = omnimalloc.allocate(allocations, "idealloc")

Needs omnimalloc: `pip install 'idealloc[omnimalloc]'`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from omnimalloc.allocators import BaseAllocator
from omnimalloc.common.constants import DEFAULT_TIMEOUT
from omnimalloc.common.deadline import ensure_valid_timeout

from idealloc._plan import plan

if TYPE_CHECKING:
    from omnimalloc import Allocation

__all__ = ["IdeallocAllocator"]


class IdeallocAllocator(BaseAllocator):
    """Places allocations by idealloc; those that have an offset keep it.

    Args:
        timeout: seconds until the best placement so far is given; `None`: until it is
            proved to be optimal.
        iterations: how many placements to try instead; the answer is then the same on any
            machine.
        seed: of all randomness.
        num_threads: how many to use; `None`: those of the machine.
    """

    supports_vector_time: ClassVar[bool] = False
    supports_pinned: ClassVar[bool] = True

    def __init__(
        self,
        timeout: float | None = DEFAULT_TIMEOUT,
        iterations: int | None = None,
        seed: int = 0,
        num_threads: int | None = None,
    ) -> None:
        ensure_valid_timeout(timeout)
        self._timeout = timeout
        self._iterations = iterations
        self._seed = seed
        self._num_threads = num_threads

    def _allocate(self, allocations: tuple[Allocation, ...]) -> tuple[Allocation, ...]:
        # Scalars: vector clocks are refused before.
        starts: list[Any] = [allocation.start for allocation in allocations]
        ends: list[Any] = [allocation.end for allocation in allocations]
        placed = plan(
            starts,
            ends,
            [allocation.size for allocation in allocations],
            offset=[allocation.offset for allocation in allocations],
            timeout=self._timeout if self._iterations is None else None,
            iterations=self._iterations,
            seed=self._seed,
            threads=self._num_threads,
            interrupt="raise",
        )
        pairs = zip(allocations, placed.offsets.tolist())
        return tuple(allocation.with_offset(offset) for allocation, offset in pairs)
