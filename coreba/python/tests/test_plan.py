"""`plan`: its answers by brute force, its columns of every kind, its errors."""

from __future__ import annotations

import pickle
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import idealloc
from oracle import hard, overlaps, plain, rich, smallest

few = settings(max_examples=60, deadline=None)


@few
@given(plain())
def test_small_problems_are_planned_as_well_as_by_brute_force(columns: Any) -> None:
    plan = idealloc.plan(**columns, timeout=None)
    assert plan.makespan == smallest(columns)
    assert plan.optimal and plan.status == "optimal" and plan.lower_bound == plan.makespan >= plan.load


@few
@given(plain())
def test_a_capacity_is_met_exactly_where_brute_force_meets_it(columns: Any) -> None:
    least = smallest(columns)
    assert idealloc.plan(**columns, capacity=least, timeout=None).makespan <= least
    if least > 0:
        plan = idealloc.plan(**columns, capacity=least - 1, timeout=None)
        assert plan.status == "infeasible" and plan.makespan >= least
        assert idealloc.Problem.from_columns(**columns).explain(least - 1) is not None


@few
@given(rich(), st.integers(0, 3))
def test_placements_hold_every_constraint(columns: Any, start: int) -> None:
    plan = idealloc.plan(**columns, iterations=200, start=start)
    plan.verify()
    assert not overlaps(columns, plan.offsets)
    groups: dict[Any, set[int]] = {}
    for offset, size, alignment, group in zip(
        plan.offsets, columns["size"], columns["alignment"], columns["group"]
    ):
        assert size == 0 or (start + offset) % alignment == 0
        groups.setdefault(group, set()).add(int(offset))
    assert all(len(offsets) == 1 for group, offsets in groups.items() if group is not None) or 0 in columns["size"]


@few
@given(rich())
def test_the_verifier_refuses_what_overlaps(columns: Any) -> None:
    problem = idealloc.Problem.from_columns(**{**columns, "alignment": 1, "group": None})
    zeros = [0] * len(problem)
    if overlaps({**columns, "group": [None] * len(zeros)}, zeros):
        with pytest.raises(idealloc.PlacementError, match="overlap"):
            problem.verify(zeros)
    else:
        problem.verify(zeros)


@few
@given(rich())
def test_fixed_offsets_are_kept(columns: Any) -> None:
    first = idealloc.plan(**columns, iterations=50)
    fixed = [int(offset) if row % 2 else None for row, offset in enumerate(first.offsets)]
    plan = idealloc.plan(**columns, offset=fixed, iterations=50)
    plan.verify()
    assert all(kept is None or kept == offset for kept, offset in zip(fixed, plan.offsets))


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_same_seed_and_iterations_give_the_same_offsets(threads: int) -> None:
    one = idealloc.plan(**hard(), iterations=40, seed=3)
    other = idealloc.plan(**hard(), iterations=40, seed=3, threads=threads)
    assert one.stop == "iterations" and numpy.array_equal(one.offsets, other.offsets)


def test_no_buffers_take_nothing() -> None:
    plan = idealloc.plan([], [], [])
    assert (plan.makespan, plan.status, plan.offsets.shape) == (0, "optimal", (0,))
    assert plan._repr_svg_().startswith("<svg")


def test_empty_buffers_take_nothing_and_follow_their_pin_or_group() -> None:
    plan = idealloc.plan(
        [0] * 5, [9] * 5, [4, 0, 0, 0, 4], offset=[8, None, 3, None, None], group=["a", None, None, "a", None]
    )
    assert plan.offsets.tolist() == [8, 0, 3, 8, 0]
    assert plan.makespan == 12
    plan.verify()


def test_offsets_are_int64_and_belong_to_the_caller() -> None:
    plan = idealloc.plan([0], [1], [5])
    assert plan.offsets.dtype == numpy.int64 and plan.offsets.flags.writeable
    plan.offsets[0] = 7
    plan.verify()


def _columns(kind: str) -> list[Any]:
    lower, upper, size = [0, 3, 0, 9, 0], [3, 9, 9, 21, 21], [4, 4, 4, 4, 4]
    make = {
        "list": list,
        "tuple": tuple,
        "generator": iter,
        "objects": lambda column: numpy.array(column, dtype=object),
        "strided": lambda column: numpy.repeat(numpy.array(column), 3)[::3],
        "backwards": lambda column: numpy.array(column[::-1])[::-1],
        "scalars": lambda column: [numpy.int16(number) for number in column],
        "masked": lambda column: numpy.ma.masked_equal(column, -7),
        "other end": lambda column: numpy.array(column).astype(">i8"),
        "unaligned": lambda column: numpy.array(
            [(0, number) for number in column], dtype=[("a", "i1"), ("b", "i8")]
        )["b"],
    }
    make |= {name: lambda column, name=name: numpy.array(column, dtype=name) for name in _TYPES}
    return [make[kind](column) for column in (lower, upper, size)]


_TYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "longdouble"]
_KINDS = ["list", "tuple", "generator", "objects", "strided", "backwards", "scalars", "masked", "other end", "unaligned"]


@pytest.mark.parametrize("kind", _KINDS + _TYPES)
def test_columns_of_every_kind_say_the_same(kind: str) -> None:
    assert idealloc.plan(*_columns(kind), iterations=10).makespan == 12


@few
@given(st.lists(st.integers(-(2**70), 2**70), min_size=1, max_size=4))
def test_a_number_is_taken_exactly_or_refused_with_its_row(sizes: list[int]) -> None:
    column = [0] * len(sizes)
    bad = next((row for row, size in enumerate(sizes) if not 0 <= size < 2**63), None)
    if bad is None and sum(sizes) < 2**63:
        problem = idealloc.Problem.from_columns(column, [1] * len(sizes), sizes)
        assert [buffer.size for buffer in problem] == sizes
        return
    with pytest.raises(idealloc.ProblemError) as error:
        idealloc.plan(column, [1] * len(sizes), sizes)
    assert bad is None or (error.value.row == bad and str(error.value).startswith(f"row {bad}: size {sizes[bad]} "))


@pytest.mark.parametrize(
    ("change", "row", "message"),
    [
        ({"lower": [0, -1]}, 1, "lower -1 is negative"),
        ({"upper": [1, 0]}, 1, "upper 0 is not above lower 0"),
        ({"size": [1, 1.5]}, 1, "size 1.5 is not a whole number"),
        ({"size": numpy.array([1, 1.5])}, 1, "size 1.5 is not a whole number"),
        ({"size": numpy.array([1, numpy.nan])}, 1, "size NaN is not a whole number"),
        ({"size": numpy.array([1, 2**63], dtype="uint64")}, 1, "size 9223372036854775808 is beyond"),
        ({"size": [1, None]}, 1, "size None is not a number"),
        ({"size": numpy.ma.masked_equal([1, 2], 2)}, 1, "size None is not a number"),
        ({"size": ["1", 1]}, 0, "size '1' is not a number"),
        ({"size": [2**62, 2**62]}, 1, "sum of all sizes"),
        ({"size": [1]}, None, "size has 1 rows, but lower has 2"),
        ({"size": [[1, 1]]}, 0, "size [1, 1] is not a number"),
        ({"size": numpy.ones((2, 1))}, None, "size has the shape (2, 1)"),
        ({"size": numpy.array(["a", "b"])}, None, "size has the type <U1"),
        ({"size": "ab"}, None, "size is 'ab'"),
        ({"size": 7}, None, "size is 7"),
        ({"alignment": [1, 0]}, 1, "alignment is 0"),
        ({"alignment": [1, -2]}, 1, "alignment -2 is negative"),
        ({"offset": [0, 0]}, None, "fixed offsets conflict: jobs 0 and 1 overlap"),
        ({"offset": [None, 3], "alignment": 4}, 1, "start 0 + offset 3 is not a multiple of alignment 4"),
        ({"offset": [None, 2**63 - 1]}, 1, "offset 9223372036854775807 leaves no room"),
        ({"group": [1, -1]}, 1, "group -1 is negative"),
        ({"group": [1, []]}, 1, "group: "),
        ({"group": ["a", "a"], "offset": [0, 4]}, None, "fixed at different offsets"),
        ({"gaps": [None, [(0, 5)]]}, 1, "gap 0-5 is not inside the lifetime"),
        ({"gaps": [None, [(0,)]]}, 1, "gaps are pairs"),
        ({"gaps": [None, [(0, 1, (0, 9))]]}, 1, "window"),
        ({"gaps": [None, 5]}, 1, "gaps are pairs"),
    ],
)
def test_a_bad_row_is_named(change: dict[str, Any], row: int | None, message: str) -> None:
    columns: dict[str, Any] = {"lower": [0, 0], "upper": [1, 1], "size": [1, 1], **change}
    with pytest.raises(idealloc.ProblemError) as error:
        idealloc.plan(**columns)
    assert message in str(error.value) and error.value.row == row
    assert isinstance(error.value, ValueError)
    again = pickle.loads(pickle.dumps(error.value))
    assert (str(again), again.row) == (str(error.value), row)


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": -1},
        {"timeout": float("nan")},
        {"timeout": "1s"},
        {"iterations": -1},
        {"iterations": 1.5},
        {"seed": -1},
        {"seed": 2**64},
        {"threads": 0},
        {"capacity": -1},
        {"start": 2**63},
        {"interrupt": "maybe"},
        {"progress": 5},
    ],
)
def test_a_bad_option_is_named_with_its_value(options: dict[str, Any]) -> None:
    [(name, value)] = options.items()
    with pytest.raises(idealloc.OptionError, match=f"^{name} is ") as error:
        idealloc.plan([0], [1], [1], **options)
    assert repr(value) in str(error.value)


def test_missing_entries_of_optional_columns_are_free() -> None:
    for offset in ([None, 8], [-1, 8], [float("nan"), 8.0], numpy.array([-5, 8]), numpy.ma.masked_equal([0, 8], 0)):
        assert idealloc.plan([0, 0], [1, 1], [8, 4], offset=offset).offsets.tolist() == [0, 8]


def test_equal_groups_share_an_offset_and_unequal_ones_do_not() -> None:
    plan = idealloc.plan([0] * 5, [1] * 5, [4] * 5, group=[1, 1, "1", ("x",), ("x",)])
    plan.verify()
    assert plan.makespan == 12 and len(set(plan.offsets.tolist())) == 3


def test_a_time_limit_in_seconds_may_be_infinite_or_nothing() -> None:
    for timeout in (None, float("inf"), 1e300, 0, 1):
        assert idealloc.plan([0], [1], [1], timeout=timeout).makespan == 1
    assert idealloc.plan(**hard(), timeout=0.01).stop == "timeout"


def test_one_alignment_may_be_a_number_of_numpy() -> None:
    for alignment in (16, numpy.int64(16), numpy.uint8(16), numpy.array(16)):
        assert sorted(idealloc.plan([0, 0], [1, 1], [3, 3], alignment=alignment).offsets.tolist()) == [0, 16]
    for wrong in (16.0, True, "16", numpy.float64(16), numpy.array(["x"])):
        with pytest.raises(idealloc.ProblemError, match="alignment"):
            idealloc.plan([0, 0], [1, 1], [3, 3], alignment=wrong)


def test_gaps_may_be_any_sequences() -> None:
    plans = [
        idealloc.plan([0, 2], [6, 4], [8, 8], gaps=gaps)
        for gaps in ([[(2, 4)], None], [[[2, 4]], []], [numpy.array([[2, 4]]), ()], [[[2, 4, None]], float("nan")])
    ]
    assert [plan.makespan for plan in plans] == [8, 8, 8, 8]
    held = idealloc.plan([0, 2], [6, 4], [8, 8], gaps=[[[2, 4, [0, 4]]], None])
    assert held.makespan == 12
    for wrong in ([[2]], [[2, 4, 6]], [[2, 4, [0]]], [["a", "b"]], [{2: 4}], [[2, 4, 0, 4]], 5):
        with pytest.raises(idealloc.ProblemError, match="^row 0: gaps are pairs"):
            idealloc.plan([0, 2], [6, 4], [8, 8], gaps=[wrong, None])


class Unshowable:
    def __repr__(self) -> str:
        raise KeyError("no")


@pytest.mark.parametrize("wrong", ["x" * 10**6, Unshowable(), numpy.arange(10**4), "a\nb", [1] * 10**4])
def test_an_error_shows_a_wrong_value_on_one_short_line(wrong: Any) -> None:
    for call in (
        lambda: idealloc.plan([wrong], [1], [1]),
        lambda: idealloc.plan([0], [1], [1], gaps=wrong),
        lambda: idealloc.plan([0], [1], [1], seed=wrong),
        lambda: idealloc.plan([0], [1], [1], timeout=wrong),
        lambda: idealloc.plan([0], [1], [1], progress=wrong),
        lambda: idealloc.plan([0], [1], [1], group=wrong),
        lambda: idealloc.Problem.from_columns([0], [1], [1], id=[wrong]),
    ):
        try:
            call()
        except idealloc.IdeallocError as error:
            assert len(str(error)) < 250 and "\n" not in str(error)
