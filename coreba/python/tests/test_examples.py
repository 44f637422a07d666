"""What the examples make of files and listings, without the compilers and runtimes that write these."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

EXAMPLES = Path(__file__).parents[1] / "examples"


def example(name: str) -> ModuleType:
    if str(EXAMPLES) not in sys.path:
        sys.path.insert(0, str(EXAMPLES))
    return importlib.import_module(name)


jobs = st.lists(
    st.tuples(st.integers(0, 50), st.integers(1, 50), st.integers(0, 5000)).map(
        lambda job: (job[0], job[0] + job[1], job[2])
    )
)


@given(jobs, st.integers(0, 50), st.integers(1, 50))
def test_a_job_is_taken_where_it_lives_between_the_marks_and_is_large(
    others: list[tuple[int, int, int]], begin: int, length: int
) -> None:
    pattern = example("onnxruntime_pattern")
    end = begin + length
    marks = [(begin, begin + 1, pattern.MARKS[0]), (end, end + 1, pattern.MARKS[1])]
    found = pattern.between_marks([*others, *marks])
    inside = [job for job in others if begin < job[0] and job[1] <= end and job[2] >= pattern.LEAST]
    assert [job[:2] for job in found] == [job[:2] for job in inside]
    for (_, _, rounded), (_, _, size) in zip(found, inside):
        assert size <= rounded < size + pattern.ALIGNMENT and rounded % pattern.ALIGNMENT == 0


def test_a_trace_without_the_marks_is_refused() -> None:
    with pytest.raises(SystemExit, match="not found once each"):
        example("onnxruntime_pattern").between_marks([(0, 5, 1000)])


def test_a_program_that_is_missing_is_named() -> None:
    with pytest.raises(SystemExit, match="no-such-program: not found"):
        example("programs").call("no-such-program")


MODULE = """
  util.func public @main() {
    %c100 = arith.constant 100 : index
    %c64 = arith.constant 64 : index
    %3:4 = stream.resource.pack on(#hal.device.affinity<@__device_0>) slices({
      [0, 2] = %c100,
      [1, 3] = %c64,
      [3, 4] = %c100
    }) : index
    %r, %t = stream.resource.alloca uninitialized => !stream.resource<transient>{%3#0} => !stream.timepoint
    use %3#1, %3#2, %3#3
  }
  util.func public @other() {
    use %3#1
  }
"""


def test_a_pack_becomes_offsets_that_keep_what_lives_together_apart() -> None:
    module, makespans = example("iree_substitute").substitute(MODULE)
    assert makespans == [192]
    values = {
        int(number): int(value) for number, value in re.findall(r"_3_(\d) = arith.constant (\d+)", module)
    }
    assert values[0] == 192
    first, second, third = (range(values[k], values[k] + size) for k, size in ((1, 128), (2, 64), (3, 128)))
    assert not set(first) & set(second) and not set(second) & set(third)
    function, other = module.split("util.func public @other")
    assert "stream.resource.pack" not in module and "%3#" not in function
    assert "%3#1" in other


def test_a_program_of_sizes_that_vary_is_refused() -> None:
    with pytest.raises(SystemExit, match="%c64 is no constant"):
        example("iree_substitute").substitute(MODULE.replace("%c64 = arith.constant 64 : index", ""))
