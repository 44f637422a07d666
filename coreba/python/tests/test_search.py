"""What happens while a search runs: progress, signals, other threads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import idealloc
from oracle import hard

# The thread can only send the signal once the search has released the interpreter's lock:
# it would not end otherwise.
_CHILD = """
import os, signal, threading
import idealloc
from oracle import hard

searching = threading.Event()

def press():
    searching.wait()
    sum(range(100_000))
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=press).start()
try:
    plan = idealloc.plan(**hard(), timeout=None, interrupt={interrupt!r}, progress=lambda _: searching.set())
    print("returned", plan.stop, plan.status)
except KeyboardInterrupt as error:
    plan = error.plan
    print("raised", plan.stop, plan.status)
plan.verify()
"""


@pytest.mark.parametrize(("interrupt", "how"), [("return", "returned"), ("raise", "raised")])
def test_ctrl_c_gives_the_best_so_far_and_other_threads_run_meanwhile(interrupt: str, how: str) -> None:
    child = subprocess.run(
        [sys.executable, "-c", _CHILD.format(interrupt=interrupt)],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert child.stdout == f"{how} interrupted feasible\n", child.stderr


def test_progress_tells_where_the_search_is_and_true_ends_it() -> None:
    seen = []

    def progress(now: idealloc.Progress) -> bool:
        seen.append(now)
        return len(seen) == 3

    plan = idealloc.plan(**hard(), timeout=None, progress=progress)
    assert plan.stop == "interrupted" and len(seen) == 3
    assert all(now.lower_bound <= plan.lower_bound and now.load == plan.load for now in seen)
    assert seen[0].makespan >= seen[-1].makespan >= plan.makespan
    assert seen[0].evaluations <= seen[-1].evaluations <= plan.evaluations
    assert 0 < seen[0].seconds <= seen[-1].seconds
    assert repr(seen[0]).startswith("Progress(makespan=")


@pytest.mark.parametrize("answer", [None, False, 0, 1, "stop"])
def test_what_progress_returns_else_means_nothing(answer: object) -> None:
    plan = idealloc.plan(**hard(), iterations=40, progress=lambda _: answer)
    assert plan.stop == "iterations"


def test_an_exception_in_progress_comes_out() -> None:
    def progress(_: idealloc.Progress) -> None:
        raise ZeroDivisionError("by the caller")

    with pytest.raises(ZeroDivisionError, match="by the caller"):
        idealloc.plan(**hard(), timeout=None, progress=progress)


def test_a_search_may_be_planned_within_a_search() -> None:
    inner = []

    def progress(_: idealloc.Progress) -> bool:
        inner.append(idealloc.plan([0], [1], [7]).makespan)
        return True

    idealloc.plan(**hard(), timeout=None, progress=progress)
    assert inner == [7]
