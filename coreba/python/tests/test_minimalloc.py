"""`idealloc.minimalloc`: the names, flags, columns and exit codes of minimalloc."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

import idealloc.minimalloc as minimalloc
from idealloc.minimalloc import cli
from oracle import hard, plain, smallest

EXAMPLE = "id,lower,upper,size\nb1,0,3,4\nb2,3,9,4\nb3,0,9,4\nb4,9,21,4\nb5,0,21,4\n"


def solver(**params: Any) -> minimalloc.Solver:
    chosen = minimalloc.SolverParams()
    for name, value in params.items():
        setattr(chosen, name, value)
    return minimalloc.Solver(chosen)


def problem_of(columns: Any, capacity: int) -> minimalloc.Problem:
    rows = zip(columns["lower"], columns["upper"], columns["size"], columns["alignment"])
    buffers = [
        minimalloc.Buffer(f"b{row}", minimalloc.Lifespan(lower, upper), size, alignment)
        for row, (lower, upper, size, alignment) in enumerate(rows)
    ]
    return minimalloc.Problem(buffers, capacity)


def test_the_example_of_minimalloc_runs() -> None:
    problem = minimalloc.from_csv(EXAMPLE)
    assert problem is not None
    problem.capacity = 12
    solution = minimalloc.Solver().solve(problem)
    assert solution is not None and solution.height == 12
    assert minimalloc.validate(problem, solution) == minimalloc.ValidationResult.GOOD
    lines = minimalloc.to_csv(problem, solution).splitlines()
    assert lines[0] == "id,lower,upper,size,offset"
    assert lines[1:] == [f"{row},{offset}" for row, offset in zip(EXAMPLE.splitlines()[1:], solution.offsets)]
    problem.capacity = 11
    assert minimalloc.Solver().solve(problem) is None


@settings(max_examples=40, deadline=None)
@given(plain())
def test_there_is_a_solution_exactly_where_brute_force_has_one(columns: Any) -> None:
    least = smallest(columns)
    for capacity in (least - 1, least, least + 3):
        problem = problem_of(columns, max(capacity, 0))
        solution = solver().solve(problem)
        assert (solution is not None) == (problem.capacity >= least)
        if solution is not None:
            assert minimalloc.validate(problem, solution) == minimalloc.ValidationResult.GOOD
        smallest_one = solver(minimize_capacity=True).solve(problem)
        assert (smallest_one.height if smallest_one else None) == (least if solution else None)


def test_constraints_of_minimalloc_are_kept() -> None:
    gap = minimalloc.Gap(minimalloc.Lifespan(0, 5), minimalloc.Window(0, 1))
    other = minimalloc.Gap(minimalloc.Lifespan(5, 10), minimalloc.Window(1, 2))
    problem = minimalloc.Problem(
        [
            minimalloc.Buffer("a", minimalloc.Lifespan(0, 10), 2, gaps=[gap]),
            minimalloc.Buffer("b", minimalloc.Lifespan(0, 10), 2, gaps=[other], offset=1),
            minimalloc.Buffer("never", minimalloc.Lifespan(3, 3), 2),
        ],
        capacity=3,
    )
    solution = minimalloc.Solver().solve(problem)
    assert solution is not None and solution.offsets == [0, 1, 0] and solution.height == 3
    assert problem.buffers[0].effective_size(problem.buffers[1]) == 1
    assert problem.buffers[1].effective_size(problem.buffers[0]) == 2
    assert problem.buffers[0].effective_size(problem.buffers[2]) is None


def test_fixed_buffers_that_conflict_have_no_solution() -> None:
    buffers = [minimalloc.Buffer(name, minimalloc.Lifespan(0, 1), 2, offset=0) for name in "ab"]
    assert minimalloc.Solver().solve(minimalloc.Problem(buffers, 9)) is None


def test_every_violation_has_its_name() -> None:
    buffers = [
        minimalloc.Buffer("a", minimalloc.Lifespan(0, 2), 2),
        minimalloc.Buffer("b", minimalloc.Lifespan(1, 3), 2, alignment=2),
        minimalloc.Buffer("c", minimalloc.Lifespan(5, 6), 1, offset=0),
    ]
    problem = minimalloc.Problem(buffers, capacity=6)
    results = minimalloc.ValidationResult
    for offsets, height, expected in [
        ([0, 2, 0], 4, results.GOOD),
        ([0, 2], 4, results.BAD_SOLUTION),
        ([0, 2, 1], 4, results.BAD_FIXED),
        ([-1, 2, 0], 4, results.BAD_OFFSET),
        ([5, 2, 0], 7, results.BAD_OFFSET),
        ([2, 0, 0], 3, results.BAD_HEIGHT),
        ([0, 2, 0], 5, results.BAD_HEIGHT),
        ([0, 3, 0], 5, results.BAD_ALIGNMENT),
        ([1, 2, 0], 4, results.BAD_OVERLAP),
    ]:
        assert minimalloc.validate(problem, minimalloc.Solution(offsets, height)) == expected


def test_a_csv_has_the_columns_of_minimalloc_in_its_order() -> None:
    text = "id,lower,upper,size,alignment,hint,gaps\n0,5,10,15,1,0,\n1,6,12,18,2,-1,7-8 9-10@1:17\n"
    problem = minimalloc.from_csv(text)
    assert problem is not None and minimalloc.to_csv(problem) == text
    old = "id,start,end,size,alignment,hint,gaps\n0,5,9,15,1,0,\n1,6,11,18,2,-1,7-7 9-9@1:17\n"
    assert minimalloc.to_csv(problem, old_format=True) == old
    assert minimalloc.from_csv(old) == problem
    assert minimalloc.from_csv("id,lower\n") is None


def test_an_irreducible_subset_is_named() -> None:
    problem = problem_of({"lower": [0, 0, 0], "upper": [1, 1, 1], "size": [5, 1, 5], "alignment": [1] * 3}, 9)
    assert solver().compute_irreducible_infeasible_subset(problem) == [0, 2]
    problem.capacity = 11
    assert solver().compute_irreducible_infeasible_subset(problem) == []


def test_another_thread_cancels() -> None:
    columns = hard()
    problem = problem_of({**columns, "alignment": [1] * len(columns["size"])}, 2**40)
    working = solver(minimize_capacity=True)
    found = []
    thread = threading.Thread(target=lambda: found.append(working.solve(problem)))
    thread.start()
    while thread.is_alive():
        working.cancel()
        thread.join(0.05)
    [solution] = found
    assert solution is not None and minimalloc.validate(problem, solution) == minimalloc.ValidationResult.GOOD


@pytest.fixture
def example(tmp_path: Path) -> Path:
    path = tmp_path / "input.csv"
    path.write_text(EXAMPLE)
    return path


@pytest.mark.parametrize(
    "flags",
    [
        ["--capacity=12"],
        ["--capacity", "12", "--timeout", "30s", "--validate"],
        ["--capacity=12", "--timeout=1h30m", "--validate=true", "--nocanonical_only", "--check_dominance=false"],
        ["--capacity=12", "--timeout=inf", "--no-hatless-pruning", "--preordering-heuristics=TWA"],
        ["--minimize_capacity", "--timeout=500ms"],
        ["--minimize-capacity", "-capacity=100"],
    ],
)
def test_every_spelling_of_the_flags_runs(flags: list[str], example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = example.with_name("output.csv")
    assert cli.main([f"--input={example}", "--output", str(output), *flags]) == 0
    said = capsys.readouterr()
    assert said.out == "" and "Elapsed time " in said.err
    assert ("Validation PASS, height 12" in said.err) == any("--validate" in flag for flag in flags)
    rows = [line.split(",") for line in output.read_text().splitlines()]
    assert rows[0] == ["id", "lower", "upper", "size", "offset"]
    assert max(int(row[3]) + int(row[4]) for row in rows[1:]) == 12


def test_without_a_solution_the_exit_code_is_1_and_nothing_is_written(
    example: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = example.with_name("output.csv")
    bad = example.with_name("bad.csv")
    bad.write_text("id,lower,upper,size\na,0,1,x\n")
    for arguments, message in [
        ([f"--input={example}", "--capacity=11"], "no solution within 11 bytes"),
        ([f"--input={bad}", "--capacity=11"], f"{bad}: line 2"),
        ([f"--input={output}.none", "--capacity=11"], "No such file"),
    ]:
        assert cli.main([*arguments, f"--output={output}"]) == 1
        said = capsys.readouterr()
        assert message in said.err and said.out == "" and not output.exists()
    with pytest.raises(SystemExit) as error:
        cli.main([f"--input={example}", "--timeout=soon"])
    assert error.value.code == 2


def test_code_that_imports_minimalloc_runs() -> None:
    sys.modules["minimalloc"] = minimalloc
    try:
        import minimalloc as mm  # type: ignore[import-not-found]

        buffer = mm.Buffer(id="a", size=4, lifespan=mm.Lifespan(lower=0, upper=2))
        problem = mm.Problem(buffers=[buffer])
        problem.capacity = 10**12
        params = mm.SolverParams()
        params.timeout = 3
        params.minimize_capacity = True
        assert mm.Solver(params).solve(problem) == mm.Solution([0], height=4)
        assert params.timeout == mm.Duration.from_milliseconds(3000)
        assert repr(mm.Interval(1, 2)) == "Interval(1, 2)"
    finally:
        del sys.modules["minimalloc"]
