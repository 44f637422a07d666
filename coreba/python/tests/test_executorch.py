"""`idealloc.executorch`: a planner for ExecuTorch, on tensors that only look like its own."""

from __future__ import annotations

import json
import sys
import types
from dataclasses import dataclass, field
from typing import Any, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idealloc.executorch import planner


@dataclass
class SpecAllocResult:
    mem_id: int
    mem_obj_id: int
    mem_offset: int


@dataclass
class MemoryAlgoResult:
    spec_dict: dict[Any, SpecAllocResult]
    bufsizes: list[int]


@dataclass(eq=False)
class Spec:
    """Of ExecuTorch's TensorSpec what planning is about."""

    nbytes: int
    lifetime: list[int]
    mem_id: int | None = None
    storage_base: Spec | None = None
    storage_base_offset: int = 0
    allocated_memory: int = field(init=False)

    def __post_init__(self) -> None:
        self.allocated_memory = self.nbytes

    def realign(self, alignment: int) -> int:
        self.allocated_memory = -(-self.nbytes // alignment) * alignment
        return self.allocated_memory


class Module:
    """A graph module."""

    def __init__(self, specs: list[Spec] = [], sizes: list[int] | None = None) -> None:
        nodes = [types.SimpleNamespace(name=f"n{i}", meta={"spec": s}) for i, s in enumerate(specs)]
        self.graph = types.SimpleNamespace(nodes=nodes)
        if sizes is not None:
            self.input_mem_buffer_sizes = sizes


@pytest.fixture(autouse=True)
def executorch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The module of ExecuTorch's in which its results are."""
    planning = types.ModuleType("executorch.exir.memory_planning")
    planning.__dict__.update(SpecAllocResult=SpecAllocResult, MemoryAlgoResult=MemoryAlgoResult)
    for name in ("executorch", "executorch.exir"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, planning.__name__, planning)


def planned(specs: list[Spec], module: Module | None = None, padding: int = 0) -> MemoryAlgoResult:
    result = planner(iterations=20)(16, specs, module or Module(), None, padding)
    assert set(result.spec_dict) == set(specs)
    check(specs, result, padding)
    assert isinstance(result, MemoryAlgoResult)
    return result


def check(specs: list[Spec], result: MemoryAlgoResult, padding: int) -> None:
    """What ExecuTorch demands of a result, by looking at every pair."""

    def chain(spec: Spec | None) -> Iterator[Spec]:
        while spec is not None:
            yield spec
            spec = spec.storage_base

    for spec in specs:
        place = result.spec_dict[spec]
        assert place.mem_offset % 16 == 0 or spec.storage_base is not None
        end = place.mem_offset + spec.allocated_memory
        assert spec.allocated_memory == 0 or end + padding <= result.bufsizes[place.mem_id]
        for other in specs:
            there = result.spec_dict[other]
            apart = (
                place.mem_id != there.mem_id
                or end <= there.mem_offset
                or there.mem_offset + other.allocated_memory <= place.mem_offset
                or 0 in (spec.allocated_memory, other.allocated_memory)
            )
            if spec is other or apart:
                continue
            # They share an address.
            assert place.mem_obj_id == there.mem_obj_id
            if spec.lifetime[0] <= other.lifetime[1] and other.lifetime[0] <= spec.lifetime[1]:
                assert spec in chain(other) or other in chain(spec)


def test_its_name_is_what_the_suite_keeps_results_by() -> None:
    assert planner().__name__ == "idealloc"
    assert getattr(planner(), "__name__", None) == "idealloc"


def test_lifetimes_are_inclusive_on_both_sides() -> None:
    touching = [Spec(16, [0, 2]), Spec(16, [2, 4])]
    assert planned(touching).bufsizes == [0, 32]
    apart = [Spec(16, [0, 2]), Spec(16, [3, 4])]
    assert planned(apart).bufsizes == [0, 16]


def test_sizes_are_rounded_up_to_the_alignment() -> None:
    assert planned([Spec(1, [0, 1]), Spec(17, [1, 1])]).bufsizes == [0, 48]


def test_a_tensor_of_no_bytes_takes_none() -> None:
    specs = [Spec(0, [0, 9]), Spec(32, [0, 1]), Spec(0, [1, 1], mem_id=2)]
    result = planned(specs, Module(sizes=[0, 64]))
    assert result.spec_dict[specs[0]] == SpecAllocResult(1, 0, 0)
    assert result.bufsizes == [0, 96, 0]


def test_nothing_to_plan_takes_one_empty_memory() -> None:
    assert planned([]).bufsizes == [0, 0]


def test_each_memory_is_planned_by_itself_and_unused_ones_are_empty() -> None:
    specs = [Spec(16, [0, 2], mem_id=4), Spec(32, [0, 2]), Spec(48, [0, 2], mem_id=2)]
    result = planned(specs)
    assert result.bufsizes == [0, 32, 48, 0, 16]
    assert [result.spec_dict[spec].mem_id for spec in specs] == [4, 1, 2]


def test_submodules_and_padding_take_their_part_of_each_memory() -> None:
    specs = [Spec(16, [0, 2]), Spec(16, [1, 2]), Spec(16, [0, 1], mem_id=2)]
    result = planned(specs, Module(sizes=[0, 100]), padding=64)
    # From 100 on the next multiple of the alignment is 112.
    assert result.bufsizes == [0, 144 + 64, 16 + 64]
    assert min(result.spec_dict[spec].mem_offset for spec in specs[:2]) == 112


def test_a_tensor_in_the_storage_of_another_moves_with_it() -> None:
    base = Spec(64, [0, 9], mem_id=3)
    view = Spec(16, [2, 3], storage_base=base, storage_base_offset=16)
    deeper = Spec(16, [3, 3], storage_base=view, storage_base_offset=4)
    # In any order, and more often than one behind the other.
    for specs in ([deeper, view, base], [base, view, deeper], [view, deeper, base]):
        result = planned(specs + [Spec(32, [0, 9], mem_id=3)])
        offset = result.spec_dict[base].mem_offset
        assert result.spec_dict[view] == SpecAllocResult(3, 0, offset + 16)
        assert result.spec_dict[deeper] == SpecAllocResult(3, 0, offset + 20)
        assert result.bufsizes == [0, 0, 0, 96]


def test_a_storage_that_is_not_planned_or_goes_in_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match="not planned"):
        planned([Spec(16, [0, 1], storage_base=Spec(16, [0, 1]))])
    first, second = Spec(16, [0, 1]), Spec(16, [0, 1])
    first.storage_base, second.storage_base = second, first
    with pytest.raises(ValueError, match="circle"):
        planned([first, second])


def test_the_dump_has_every_graph_with_the_offsets_of_the_stock_algorithm(tmp_path: Any) -> None:
    path = tmp_path / "buffers.json"
    specs = [Spec(20, [0, 3]), Spec(0, [1, 1]), Spec(16, [2, 5], mem_id=3)]
    view = Spec(4, [2, 3], storage_base=specs[0])

    def stock(alignment: int, specs: list[Spec], *rest: Any) -> MemoryAlgoResult:
        return MemoryAlgoResult({s: SpecAllocResult(1, 0, 7 * i) for i, s in enumerate(specs)}, [])

    ours = planner(iterations=1, dump=path, stock=stock)
    ours(16, specs + [view], Module(specs), None, 0)
    ours(8, [Spec(8, [0, 0])], Module(), None)
    assert json.loads(path.read_text()) == {
        "format": "executorch-buffers-v1",
        "arenas": [
            {"graph": 0, "mem_id": 1, "alignment": 16, "buffers": [
                {"id": 0, "size": 32, "first": 0, "last": 3, "name": "n0", "offset": 0},
                {"id": 1, "size": 0, "first": 1, "last": 1, "name": "n1", "offset": 7},
            ]},
            {"graph": 0, "mem_id": 3, "alignment": 16, "buffers": [
                {"id": 0, "size": 16, "first": 2, "last": 5, "name": "n2", "offset": 14},
            ]},
            {"graph": 1, "mem_id": 1, "alignment": 8, "buffers": [
                {"id": 0, "size": 8, "first": 0, "last": 0, "offset": 0},
            ]},
        ],
    }
    assert path.read_text().startswith('{"format": "executorch-buffers-v1"')
    assert [file.name for file in tmp_path.iterdir()] == ["buffers.json"]
    with pytest.raises(OSError):
        planner(iterations=1, dump=tmp_path / "none" / "x.json")(16, specs, Module(), None)


SPECS = st.lists(
    st.tuples(st.integers(0, 90), st.integers(0, 9), st.integers(0, 5), st.sampled_from([None, 1, 3])),
    max_size=12,
)


@settings(max_examples=100, deadline=None)
@given(SPECS, st.integers(0, 99), st.sampled_from([0, 64]))
def test_every_plan_keeps_what_executorch_demands(
    rows: list[tuple[int, int, int, int | None]], taken: int, padding: int
) -> None:
    specs = [Spec(size, [first, first + more], mem_id) for size, first, more, mem_id in rows]
    # Every third lies in the one before it.
    for base, alias in zip(specs[1::3], specs[2::3]):
        base.lifetime = [0, 20]
        alias.nbytes, alias.storage_base = base.nbytes // 2, base
        alias.allocated_memory = alias.nbytes
    specs = [spec for spec in specs if spec.storage_base is None or spec.nbytes > 0]
    result = planner(iterations=3)(16, specs, Module(sizes=[0, taken, 0]), None, padding)
    aligned = [spec for spec in specs if spec.storage_base is None]
    check(aligned, result, padding)
    used = {spec.mem_id or 1 for spec in aligned}
    for memory, size in enumerate(result.bufsizes):
        members = [spec for spec in aligned if (spec.mem_id or 1) == memory]
        load = max(
            (sum(s.allocated_memory for s in members if s.lifetime[0] <= t <= s.lifetime[1])
             for t in range(30)),
            default=0,
        )
        floor = taken if memory == 1 else 0
        assert size >= (floor + load + padding if memory in used else 0)
        assert memory in used or size == 0
