"""idealloc as a planner of ExecuTorch's memory.

    from executorch.exir import ExecutorchBackendConfig
    from executorch.exir.memory_planning import MemoryPlanningAlgorithmSuite, greedy
    from executorch.exir.passes import MemoryPlanningPass
    import idealloc.executorch

    suite = MemoryPlanningAlgorithmSuite([greedy, idealloc.executorch.planner()])
    config = ExecutorchBackendConfig(memory_planning_pass=MemoryPlanningPass(suite))
    program = edge.to_executorch(config)

The suite runs every algorithm on every graph and takes the one that needs less; on a tie the
first of its list. Do not list `naive` before others: it changes the graph that they see.

Needs executorch: `pip install 'idealloc[executorch]'`. Written against version 1.5.
"""

from __future__ import annotations

import importlib
import json
import os
import tempfile
from typing import Any, Callable, Iterable

from idealloc._plan import plan

__all__ = ["Planner", "planner"]

# What ExecuTorch means where a tensor names no memory.
_DEFAULT_MEMORY = 1

# `adapt --from executorch` reads it: common/src/executorch.rs.
_FORMAT = "executorch-buffers-v1"


def planner(
    *,
    timeout: float | None = 1.0,
    iterations: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    dump: str | os.PathLike[str] | None = None,
    stock: Callable[..., Any] | None = None,
) -> Planner:
    """A memory planning algorithm for `MemoryPlanningAlgorithmSuite`.

    Args:
        timeout: seconds for each memory of each graph, until the best placement so far is
            taken; `None`: until it is proved to be optimal. Most need some milliseconds.
        iterations: how many placements to try instead; the same program then comes out on
            any machine.
        seed: of all randomness.
        threads: how many to use; `None`: those of the machine.
        dump: a file to write what is planned to, as JSON that `adapt --from executorch`
            reads. It is replaced whole after each graph, and then has all graphs so far.
        stock: another algorithm, such as ExecuTorch's `greedy`, whose offsets the dump tells.
    """
    return Planner(
        timeout=timeout if iterations is None else None,
        iterations=iterations,
        seed=seed,
        threads=threads,
        dump=dump,
        stock=stock,
    )


class Planner:
    """See `planner`. ExecuTorch calls it once a graph, and once a device of each."""

    # The suite keeps results by this name.
    __name__ = "idealloc"

    def __init__(
        self,
        *,
        dump: str | os.PathLike[str] | None,
        stock: Callable[..., Any] | None,
        **options: Any,
    ) -> None:
        self._options = options
        self._dump = dump
        self._stock = stock
        self._arenas: list[dict[str, Any]] = []
        self._graphs = 0

    def __call__(
        self,
        alignment: int,
        specs: Iterable[Any],
        graph_module: Any,
        graph_signature: Any,
        extra_padding: int = 0,
    ) -> Any:
        """Places the tensors of a graph, and gives a `MemoryAlgoResult`.

        Raises:
            ValueError: a tensor lies in the storage of one that is not planned.
        """
        planning = importlib.import_module("executorch.exir.memory_planning")
        specs = list(specs)
        memories: dict[int, list[Any]] = {}
        for spec in specs:
            # Rounds `allocated_memory` up.
            spec.realign(alignment)
            if spec.storage_base is None:
                memories.setdefault(_memory_of(spec), []).append(spec)
        # Memory 0 is that of constants.
        sizes = [0] * (max(memories, default=_DEFAULT_MEMORY) + 1)
        results: dict[Any, Any] = {}
        for memory, members in memories.items():
            start = _taken_by_submodules(graph_module, memory)
            offsets, makespan = self._place(alignment, members, start)
            for spec, offset in zip(members, offsets):
                # One id for all: tensors that share an address must have the same, and
                # here they may share a part of one.
                results[spec] = planning.SpecAllocResult(memory, 0, offset)
            sizes[memory] = start + makespan + extra_padding
        for spec, base in _in_order(specs, results):
            of_base = results[base]
            offset = of_base.mem_offset + spec.storage_base_offset
            results[spec] = planning.SpecAllocResult(of_base.mem_id, of_base.mem_obj_id, offset)
        if self._dump is not None:
            stock = self._stock and self._stock(
                alignment, specs, graph_module, graph_signature, extra_padding
            )
            self._write(alignment, memories, graph_module, stock)
        return planning.MemoryAlgoResult(results, sizes)

    def _place(
        self, alignment: int, specs: list[Any], start: int
    ) -> tuple[list[int], int]:
        """Offsets from `start` on, and the bytes that they take from there."""
        # The node of the last use needs the tensor, too.
        placed = plan(
            [spec.lifetime[0] for spec in specs],
            [spec.lifetime[1] + 1 for spec in specs],
            [spec.allocated_memory for spec in specs],
            alignment=alignment,
            start=start,
            interrupt="raise",
            **self._options,
        )
        offsets = [
            start + offset if spec.allocated_memory else 0
            for spec, offset in zip(specs, placed.offsets.tolist())
        ]
        return offsets, placed.makespan

    def _write(
        self,
        alignment: int,
        memories: dict[int, list[Any]],
        graph_module: Any,
        stock: Any,
    ) -> None:
        names = _names(graph_module)
        for memory, members in memories.items():
            buffers = []
            for number, spec in enumerate(members):
                buffer = {
                    "id": number,
                    "size": spec.allocated_memory,
                    "first": spec.lifetime[0],
                    "last": spec.lifetime[1],
                }
                if id(spec) in names:
                    buffer["name"] = names[id(spec)]
                if stock is not None:
                    buffer["offset"] = stock.spec_dict[spec].mem_offset
                buffers.append(buffer)
            self._arenas.append(
                {
                    "graph": self._graphs,
                    "mem_id": memory,
                    "alignment": alignment,
                    "buffers": buffers,
                }
            )
        self._graphs += 1
        assert self._dump is not None
        _replace(self._dump, json.dumps({"format": _FORMAT, "arenas": self._arenas}))


def _memory_of(spec: Any) -> int:
    return _DEFAULT_MEMORY if spec.mem_id is None else int(spec.mem_id)


def _taken_by_submodules(graph_module: Any, memory: int) -> int:
    """Bytes at the bottom of a memory that the branches of control flow have."""
    sizes = getattr(graph_module, "input_mem_buffer_sizes", None) or []
    return sizes[memory] if memory < len(sizes) else 0


def _in_order(specs: list[Any], placed: dict[Any, Any]) -> Iterable[tuple[Any, Any]]:
    """Tensors in the storage of others, each with that other, which then has been placed."""
    for spec in specs:
        chain: list[Any] = []
        while spec.storage_base is not None and spec not in placed:
            if len(chain) > len(specs):
                raise ValueError("tensors lie in each other's storage, in a circle")
            chain.append(spec)
            spec = spec.storage_base
        if chain and spec not in placed:
            raise ValueError(f"a tensor lies in the storage of one that is not planned: {spec}")
        for alias in reversed(chain):
            yield alias, alias.storage_base


def _names(graph_module: Any) -> dict[int, str]:
    """The first node that has a tensor, by the tensor's identity."""
    names: dict[int, str] = {}
    graph = getattr(graph_module, "graph", None)
    for node in getattr(graph, "nodes", ()):
        spec = node.meta.get("spec")
        for one in spec if isinstance(spec, (list, tuple)) else (spec,):
            names.setdefault(id(one), node.name)
    return names


def _replace(path: str | os.PathLike[str], text: str) -> None:
    """Writes a file whole, or not at all."""
    path = os.path.realpath(path)
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".idealloc-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        # As a file that is opened for writing: mkstemp's is the owner's alone.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
